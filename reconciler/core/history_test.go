package core

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
)

var histories = flag.Uint64("histories", 8, "how many random histories to live through")

// TestHistories lives through random histories of people and faults, checks at
// every step what must always hold, and that all is as declared when the faults stop.
func TestHistories(t *testing.T) {
	for seed := range *histories {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			h := &history{world: begun(t), random: rand.New(rand.NewPCG(seed, 1)), epochs: map[string]int64{}}
			for range 40 {
				h.step()
				h.check()
			}
			h.calm()
		})
	}
}

type history struct {
	*world
	random *rand.Rand
	did    []string
	epochs map[string]int64
}

var names = []string{"ant", "bee", "cat", "dog", "eel"}

func fileOf(name string) string { return "tenants/web/" + name + "/tenant.yaml" }

// step does one thing that a person or a fault would do.
func (h *history) step() {
	name := names[h.random.IntN(len(names))]
	act := func(what string, do func()) { h.did = append(h.did, what); do(); h.settle() }
	switch h.random.IntN(14) {
	case 0, 1, 2:
		act("declare "+name, func() { h.commit(map[string]string{fileOf(name): tenantFile(name, "replicas: 1")}) })
	case 3:
		act("change "+name, func() {
			h.commit(map[string]string{fileOf(name): tenantFile(name, fmt.Sprintf("version: v1.36.%d", h.random.IntN(9)))})
		})
	case 4, 5:
		act("remove "+name, func() { h.commit(map[string]string{fileOf(name): ""}) })
	case 6:
		act("break "+name, func() { h.commit(map[string]string{fileOf(name): "kind: [\n"}) })
	case 7:
		act("restart", h.restart)
	case 8:
		act("toggle Git", func() { h.down = !h.down; h.queue = append(h.queue, Look{}) })
	case 9:
		act("toggle push", func() {
			if h.refuse = nil; h.random.IntN(2) == 0 {
				h.refuse = fmt.Errorf("refused")
			}
		})
	case 10:
		shard := []string{"one", "two"}[h.random.IntN(2)]
		act("lose shard "+shard, func() { h.queue = append(h.queue, Lease{Shard: shard, Err: fmt.Errorf("gone")}) })
	case 11:
		shard := []string{"one", "two"}[h.random.IntN(2)]
		act("find shard "+shard, func() {
			h.queue = append(h.queue, Lease{Shard: shard, Held: true, Identity: "cluster-" + shard, Tip: h.tip()})
		})
	case 12:
		act("an hour passes", func() { h.pass(61 * time.Minute) })
	case 13:
		act("break fleet.yaml", func() { h.commit(map[string]string{"fleet.yaml": "kind: [\n"}) })
	}
}

// check is what holds whatever happened.
func (h *history) check() {
	h.t.Helper()
	addresses := map[string]string{}
	for name, e := range h.ledger().Tenants {
		if h.epochs[e.UID] > e.Epoch {
			h.fatalf("epoch of %s fell from %d to %d", name, h.epochs[e.UID], e.Epoch)
		}
		h.epochs[e.UID] = e.Epoch
		if e.Lifecycle == ledger.Purged {
			continue
		}
		if other, taken := addresses[e.Placement.Address]; taken {
			h.fatalf("%s and %s share address %s", name, other, e.Placement.Address)
		}
		addresses[e.Placement.Address] = name
		if e.Lifecycle == ledger.Purging && e.Tombstone.PurgeAfter.After(h.now) {
			h.fatalf("%s is purged before its retention is over", name)
		}
	}
	for shard, s := range h.shards {
		for id, o := range s.objects {
			for name, e := range h.ledger().Tenants {
				if e.UID == o.OwnerUID && e.Placement.Shard != shard {
					h.fatalf("%s of %s is on shard %s, placed on %s", id, name, shard, e.Placement.Shard)
				}
			}
		}
		for uid, a := range s.anchors {
			if a.Epoch > h.epochs[uid] && h.epochs[uid] != 0 {
				h.fatalf("the anchor of %s is at %d, the ledger at %d", uid, a.Epoch, h.epochs[uid])
			}
		}
	}
}

// calm ends all faults: everything must become as it is declared, and stay quiet.
func (h *history) calm() {
	h.t.Helper()
	h.down, h.refuse = false, nil
	files := map[string]string{"fleet.yaml": fleetFiles()["fleet.yaml"]}
	for name := range h.shards {
		h.queue = append(h.queue, Lease{Shard: name, Held: true, Identity: "cluster-" + name, Tip: h.tip()})
	}
	for _, name := range names {
		files[fileOf(name)] = tenantFile(name, "replicas: 1")
	}
	h.commit(files)
	h.pass(3 * time.Hour)
	for _, name := range names {
		if st := h.tenant(name); st == nil || st.Phase != Ready {
			h.fatalf("%s is not ready after the faults: %+v", name, st)
		}
	}
	works, ledgers, statuses := len(h.shards["one"].works)+len(h.shards["two"].works), len(h.ledgers), h.statuses
	h.pass(time.Hour)
	if n := len(h.shards["one"].works) + len(h.shards["two"].works); n != works || len(h.ledgers) != ledgers || h.statuses != statuses {
		h.fatalf("not quiet: %d works, %d decisions, %d status commits", n-works, len(h.ledgers)-ledgers, h.statuses-statuses)
	}
}

func (h *history) fatalf(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf(format+"\nhistory: %s", append(args, strings.Join(h.did, ", "))...)
}

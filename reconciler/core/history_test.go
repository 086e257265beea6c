package core

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

var histories = flag.Uint64("histories", 8, "how many random histories to live through")

// TestHistories lives through random histories of people and faults, checks at
// every step what must always hold, and that all is as declared when the faults stop.
func TestHistories(t *testing.T) {
	for seed := range *histories {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			h := &history{
				world: begun(t), random: rand.New(rand.NewPCG(seed, 1)),
				epochs: map[string]int64{}, entries: map[string]*ledger.Tenant{}, stores: map[string]string{},
			}
			h.settleIn()
			h.other, h.watched = newerRenderer(t), h.checkBases
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
	random  *rand.Rand
	did     []string
	latest  time.Time // the clock may go back
	checked int       // commits of the ledger
	epochs  map[string]int64
	entries map[string]*ledger.Tenant // as seen last
	stores  map[string]string         // uids of datastores
	// other is the daemon's other version: it knows base version 2, or does not.
	other *render.Renderer
}

var names = []string{"ant", "bee", "cat", "dog", "eel"}

func fileOf(name string) string { return "tenants/web/" + name + "/tenant.yaml" }

func movedFile(name string) string { return "tenants/ops/" + name + "/tenant.yaml" }

// step does one thing that a person or a fault would do.
func (h *history) step() {
	name, shard := names[h.random.IntN(len(names))], []string{"one", "two"}[h.random.IntN(2)]
	act := func(what string, do func()) { h.did = append(h.did, what); do(); h.settle() }
	class := func(what, file, content string) {
		act(what, func() { h.commit(map[string]string{"classes/small/" + file: content}) })
	}
	switch h.random.IntN(38) {
	case 0, 1, 2:
		act("declare "+name, func() { h.commit(map[string]string{fileOf(name): tenantFile(name, "replicas: 1")}) })
	case 3:
		act("change "+name, func() {
			h.commit(map[string]string{fileOf(name): tenantFile(name, fmt.Sprintf("version: v1.36.%d", h.random.IntN(9)))})
		})
	case 4, 5:
		act("remove "+name, func() { h.commit(map[string]string{fileOf(name): "", movedFile(name): ""}) })
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
		act("lose shard "+shard, func() { h.queue = append(h.queue, Lease{Shard: shard, Err: fmt.Errorf("gone")}) })
	case 11:
		act("find shard "+shard, func() { h.find(shard) })
	case 12, 13:
		act("an hour passes", func() { h.pass(61 * time.Minute) })
	case 14:
		act("break fleet.yaml", func() { h.commit(map[string]string{"fleet.yaml": "kind: [\n"}) })
	case 15:
		class("edit the class", "class.yaml", strings.ReplaceAll(fleetFiles()["classes/small/class.yaml"], "v1.36.3", fmt.Sprintf("v1.36.%d", h.random.IntN(9))))
	case 16:
		class("break the class", "class.yaml", "kind: [\n")
	case 17:
		class("have the class not render", "kustomization.yaml", "resources: [https://example.com/base]\n")
	case 18:
		class("mend the class", "kustomization.yaml", "")
	case 19:
		act("move "+name, func() {
			h.commit(map[string]string{fileOf(name): "", movedFile(name): tenantFile(name, "movedFrom: tenants/web/"+name)})
		})
	case 20:
		act("move "+name+" without a word", func() {
			h.commit(map[string]string{fileOf(name): "", movedFile(name): tenantFile(name, "replicas: 1")})
		})
	case 21:
		act("declare a twin of "+name, func() { h.commit(map[string]string{movedFile(name): tenantFile(name, "shard: "+shard)}) })
	case 22:
		file := "datastores/" + shard + "-a.yaml"
		content := fleetFiles()[file]
		if h.head.files[file] != nil {
			content = ""
		}
		act("remove or bring back "+file, func() { h.commit(map[string]string{file: content}) })
	case 23:
		act("swap kubeconfigs", func() {
			one, two := h.shards["one"], h.shards["two"]
			h.shards["one"], h.shards["two"] = two, one
			h.find("one")
			h.find("two")
		})
	case 24:
		act("another replica decides", func() {
			c := ledger.Changes{}
			c.SetShard(&ledger.Shard{Name: "other", Identity: fmt.Sprintf("cluster-other-%d", len(h.ledgers))})
			h.ledgers = append(h.ledgers, h.ledger().With(c))
		})
	case 25:
		kind := []string{"Deployment", "Certificate", "Namespace", "Job"}[h.random.IntN(4)]
		act("toggle failures of "+kind, func() {
			s := h.shards[shard]
			if s.fail != nil {
				s.fail = nil
				return
			}
			s.fail = func(id render.ObjectID) *Failure {
				if id.Kind != kind {
					return nil
				}
				return &Failure{ID: id, Reason: "Unavailable", Message: "try again"}
			}
		})
	case 26:
		act("crash", h.crash)
	case 29, 30, 31, 32:
		act(h.stepOfOwn())
	case 33, 34:
		act(h.stepOfHost())
	case 35, 36, 37:
		act(h.stepOfBases())
	case 28:
		act("a tool fights on "+shard, func() { h.fight(shard) })
	case 27:
		switch h.random.IntN(3) {
		case 0:
			act("people touch "+shard, func() { h.touch(shard) })
		case 1:
			act("the clock jumps", func() { h.now = h.now.Add(time.Duration(h.random.IntN(50)-10) * time.Minute) })
		case 2:
			act("rewind", h.rewind)
		}
	}
}

// find has the shard's Lease held, and tell what it remembers.
func (h *history) find(shard string) {
	s := h.shards[shard]
	h.queue = append(h.queue, Lease{Shard: shard}, Lease{Shard: shard, Held: true, Identity: s.identity, Tip: s.remembered.Tip, Accepted: s.remembered.Accepted})
}

// crash has the daemon die amid its work: effects are lost, or done and never
// answered.
func (h *history) crash() {
	h.commit(map[string]string{fileOf("ant"): tenantFile("ant", fmt.Sprintf("version: v1.36.%d", h.random.IntN(9)))})
	h.drop = func() bool { return h.random.IntN(4) == 0 }
	for range h.random.IntN(12) {
		var event Event = Tick{}
		if len(h.queue) > 0 {
			event, h.queue = h.queue[0], h.queue[1:]
		}
		for _, e := range h.core.Step(event, h.now) {
			h.do(e)
		}
	}
	h.drop = nil
	crash(h.world)
}

// touch has people delete some objects and change others.
func (h *history) touch(shard string) {
	s := h.shards[shard]
	seen := Observed{Shard: shard}
	var later []*Object
	for _, o := range slices.SortedFunc(maps.Values(s.objects), func(a, b *Object) int { return strings.Compare(a.ID.String(), b.ID.String()) }) {
		switch h.random.IntN(8) {
		case 0:
			delete(s.objects, o.ID)
			seen.Gone = append(seen.Gone, Gone{OwnerUID: o.OwnerUID, ID: o.ID})
			if c := s.objects[render.ObjectID{Group: "cert-manager.io", Version: "v1", Kind: "Certificate", Namespace: o.ID.Namespace, Name: o.ID.Name}]; c != nil && o.ID.Kind == "Secret" {
				later = append(later, s.issue(Work{Owner: render.Owner{UID: o.OwnerUID}}, c)...)
			}
		case 1:
			if o.Owned() {
				changed := s.take(o)
				if h.random.IntN(2) == 0 {
					changed.Digest = "changed"
				}
				seen.Objects = append(seen.Objects, changed)
			}
		}
	}
	h.queue = append(h.queue, seen, Observed{Shard: shard, Objects: later}) // cert-manager issues what it misses
}

// fight has a tool want some objects otherwise from now on, or no more.
func (h *history) fight(shard string) {
	s := h.shards[shard]
	if len(s.rivals) > 0 {
		clear(s.rivals)
		return
	}
	seen := Observed{Shard: shard}
	for _, o := range slices.SortedFunc(maps.Values(s.objects), func(a, b *Object) int { return strings.Compare(a.ID.String(), b.ID.String()) }) {
		if o.Owned() && h.random.IntN(6) == 0 {
			s.rivals[o.ID] = "argo (Apply)"
			seen.Objects = append(seen.Objects, s.taken(o))
		}
	}
	h.queue = append(h.queue, seen)
}

// rewind has the declared branch go back for a while. Nothing new comes of it.
func (h *history) rewind() {
	head, ledgers := h.head, len(h.ledgers)
	if h.head.parent == nil || h.down {
		return
	}
	h.settle() // what the clock asked for
	h.head = h.head.parent
	h.queue = append(h.queue, Look{})
	h.settle()
	if len(h.ledgers) != ledgers && h.core.git.problem != Rewound {
		h.fatalf("a rewound branch was followed")
	}
	h.head = head
	h.queue = append(h.queue, Look{})
}

// check is what holds whatever happened.
func (h *history) check() {
	h.t.Helper()
	if h.now.After(h.latest) {
		h.latest = h.now
	}
	addresses := map[string]string{}
	for ; h.checked < len(h.ledgers); h.checked++ {
		if l := h.ledgers[h.checked]; l != nil {
			for name, e := range l.Tenants {
				h.checkEntry(name, e)
			}
		}
	}
	for name, e := range h.ledger().Tenants {
		if e.Lifecycle == ledger.Purged {
			continue
		}
		if other, taken := addresses[e.Placement.Address]; taken {
			h.fatalf("%s and %s share address %s", name, other, e.Placement.Address)
		}
		addresses[e.Placement.Address] = name
	}
	for name, e := range h.ledger().DataStores {
		if uid := h.stores[name]; uid != "" && uid != e.UID {
			h.fatalf("datastore %s has another uid", name)
		}
		h.stores[name] = e.UID
	}
	for name := range h.stores {
		if h.ledger().DataStores[name] == nil {
			h.fatalf("datastore %s is not in the ledger any more", name)
		}
	}
	for _, s := range h.shards {
		for id, o := range s.objects {
			for name, e := range h.ledger().Tenants {
				if e.UID == o.OwnerUID && "cluster-"+e.Placement.Shard != s.identity {
					h.fatalf("%s of %s is on %s, placed on %s", id, name, s.identity, e.Placement.Shard)
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

// checkEntry checks how a tenant's entry went on from what it was.
func (h *history) checkEntry(name string, e *ledger.Tenant) {
	h.t.Helper()
	was := h.entries[name]
	h.entries[name] = e
	if h.epochs[e.UID] > e.Epoch {
		h.fatalf("epoch of %s fell from %d to %d", name, h.epochs[e.UID], e.Epoch)
	}
	h.epochs[e.UID] = e.Epoch
	if was != nil && was.UID != e.UID && was.Lifecycle == ledger.Living {
		h.fatalf("%s lost its identity while it lived", name)
	}
	if was == nil || was.UID != e.UID {
		return
	}
	if was.Placement != e.Placement {
		h.fatalf("%s moved from %s to %s", name, was.Placement, e.Placement)
	}
	if was.Lifecycle != e.Lifecycle && was.Epoch == e.Epoch {
		h.fatalf("%s went from %s to %s within one epoch", name, was.Lifecycle, e.Lifecycle)
	}
	if e.Lifecycle == ledger.Purging && e.Tombstone.PurgeAfter.After(h.latest) {
		h.fatalf("%s is purged before its retention is over", name)
	}
	if t := h.head.fleet.Tenants[name]; was.Lifecycle == ledger.Tombstoned && e.Lifecycle == ledger.Purging && t != nil && t.Dir() == e.Source {
		h.fatalf("%s is purged although it is declared", name)
	}
}

// calm ends all faults: everything must become as it is declared, and stay quiet.
func (h *history) calm() {
	h.t.Helper()
	h.did = append(h.did, "calm")
	h.down, h.refuse = false, nil
	if h.core.renderer.LatestBase("native") == "1" {
		h.other = become(h.world, h.other)
	}
	if h.shards["one"].identity != "cluster-one" {
		h.shards["one"], h.shards["two"] = h.shards["two"], h.shards["one"]
	}
	for name, s := range h.shards {
		s.fail = nil
		clear(s.rivals)
		h.find(name)
	}
	h.queue = append(h.queue, Look{})
	h.pass(5 * time.Minute) // what was declared while nobody looked
	h.check()
	files := fleetFiles()
	files["classes/small/kustomization.yaml"] = ""
	for _, name := range names {
		files[fileOf(name)], files[movedFile(name)] = tenantFile(name, "replicas: 1"), ""
		if e := h.ledger().Tenants[name]; e != nil && e.Source == "tenants/ops/"+name && e.Lifecycle != ledger.Purged {
			files[fileOf(name)], files[movedFile(name)] = "", files[fileOf(name)]
		}
	}
	h.calmDown(files)
	h.commit(files)
	h.pass(3 * time.Hour)
	h.check()
	for _, name := range append([]string{"own", "host"}, names...) {
		h.wantCalm(name)
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

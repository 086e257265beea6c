package simulation

import (
	"fmt"
	"hash"
	"hash/fnv"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// judge sees everything that happens outside of the replicas, and says what must not.
//
// Each rule has a name, and a comment that says what would be lost without it:
//
//	judge_ledger.go    what is decided: Ledger, Monotone, Identity, Addresses
//	judge_placed.go    and where: Placed
//	judge_memory.go    and on what: Rewound
//	judge_held.go      what is kept of who is held or removed: Hold
//	judge_removal.go   who may go: Brake, Removal, Retention
//	judge_pushes.go    what is committed: OnTop, Foreign, Secrets
//	judge_writes.go    what is written: OneShard, Foreign, DecideFirst, OlderOverNewer
//	judge_deletes.go   what is deleted: Deletion, State, Fresh
//	asked.go           what is asked for: Preconditions, Needless
//	judge_leases.go    who may write: Lease
//	judge_rates.go     how much: HotLoop
//	judge_fair.go      whom others' faults may not delay: Fair
//	judge_trial.go     and whom they do not delay in the end
//	judge_honest.go    what is told: Honest
//	judge_calm.go      what is so in the end: Calm, Quiet
//
// It goes by what is stored, pushed and asked for, never by what replicas think.
type judge struct {
	w     *world
	began time.Time
	// violation is the first thing that was wrong.
	violation string
	hash      hash.Hash64
	honesty   honesty
	// changes counts the writes on clusters that have changed something.
	changes int

	declaredTips, ledgerTips branch
	// commits are what is known of commits, by hash.
	ledgers map[string]*ledger.Ledger
	fleets  map[string]*fleet.Fleet
	classes map[string]*fleet.Class // by tree
	units   map[string]*render.Unit

	// given are all decisions that ever were in force, by owner; names are whose a uid is.
	given map[decision]bool
	names map[string]string
	pins  map[string]string // clusters of shards
	// tombstoned are removals in the order in which they were decided.
	tombstoned []removal

	guards  map[string]*guard // of each cluster's Lease
	present presence
	anchors map[place]height
	clocks  map[*replica][]reading
	reached map[string]time.Time // when a life last heard of Git

	rates  rates
	unrest unrest
}

func newJudge(w *world) *judge {
	return &judge{
		w: w, began: time.Now(), hash: fnv.New64a(), honesty: honesty{lost: map[objectAt]loss{}},
		declaredTips: branch{name: declaredBranch}, ledgerTips: branch{name: ledgerBranch},
		ledgers: map[string]*ledger.Ledger{}, fleets: map[string]*fleet.Fleet{}, classes: map[string]*fleet.Class{}, units: map[string]*render.Unit{},
		given: map[decision]bool{}, names: map[string]string{}, pins: map[string]string{}, guards: map[string]*guard{}, present: presence{}, anchors: map[place]height{},
		clocks: map[*replica][]reading{}, reached: map[string]time.Time{}, rates: newRates(), unrest: unrest{of: map[string]time.Time{}, steady: map[string]steady{}},
	}
}

// violate puts down what must not be. The first one counts.
func (j *judge) violate(rule, format string, args ...any) {
	if j.violation == "" {
		j.violation = rule + ": " + fmt.Sprintf(format, args...)
		j.w.say("VIOLATION %s", j.violation)
	}
}

func (j *judge) failed() bool { return j.violation != "" }

// heard takes in what the network does: it is what a history is told by.
func (j *judge) heard(what string, x *exchange, more string) {
	fmt.Fprintln(j.hash, time.Since(j.began), x, what, more)
	switch {
	case what == "asks":
		j.asked(x)
	case what == "gets" && x.target == gitHost && strings.HasPrefix(more, "200"):
		j.reached[x.life.id] = time.Now()
	}
	j.watch()
}

// changed takes in a write on a cluster, by whoever made it (world.acting).
func (j *judge) changed(c *cluster, change apiserver.Change) {
	j.changes++
	j.honesty.lose(c, change)
	j.look()
	x := j.w.acting
	if x != nil {
		switch {
		case isLease(change.Key):
			j.leased(c, change, x)
		case isSystem(change.Key):
			j.lawful(c, change, x) // the namespace may be made before there is a Lease in it
		default:
			j.lawful(c, change, x)
			j.judgeWrite(c, change, x)
		}
		j.wrote(c, change, x)
	} else {
		j.disturbed(c, change)
	}
	j.present.move(c.name, change)
	if x != nil {
		j.oneShard(c, change)
	}
}

// pushed takes in a push of a replica.
func (j *judge) pushed(p gitserver.Push) {
	j.look()
	switch p.Branch {
	case ledgerBranch:
		j.decided(p, j.w.acting)
	case statusBranch:
		j.observed(p)
	default:
		// What people declare is theirs: a push there could undo what they have just said.
		j.violate("Foreign", "%s pushed to branch %s", j.w.acting.life.id, p.Branch)
	}
}

// acted looks at everything after an act.
func (j *judge) acted(a Act) {
	j.look()
	j.restless(a)
	j.honest(a)
	j.secretless()
}

// secretless: what unlocks a tenant in a log is in every place that logs are sent to.
func (j *judge) secretless() {
	for _, r := range j.w.replicas {
		r.log.mu.Lock()
		leaked := r.log.leaked
		r.log.mu.Unlock()
		if leaked != "" {
			j.violate("Secrets", "%s logged %s", r.name, leaked)
		}
	}
}

// window is for how long what was decided may still be on its way: requests are tried
// again and wait for one another, but a Lease ends.
func (j *judge) window() time.Duration { return 5*time.Minute + j.w.settings.Lease }

// pauses is for how long a process may stand still.
func (j *judge) pauses() time.Duration { return max(5*j.w.settings.Interval, 4*j.w.settings.Lease) }

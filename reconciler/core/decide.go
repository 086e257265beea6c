package core

import (
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

// draft is a round of decisions in the making.
type draft struct {
	changes  ledger.Changes
	entries  *ledger.Ledger // with the changes
	fleet    *fleet.Fleet
	declared *Declared
	now      time.Time
	places   *placement.State
	known    placement.Known
	// guests are those in namespaces of tenants' names who were taken over there; see guestIn.
	guests  map[[2]string]string
	classes map[string]*fleet.Class
	fleets  map[string]*fleet.Fleet
	// proofs are what is known of new tenants; unproven are those that are not known.
	proofs   map[string]*proof
	unproven []unproven
}

// decide compares what is declared with the ledger and pushes what has to change.
// One push is in flight at a time; what arrives meanwhile joins the next one.
func (c *Core) decide(now time.Time) {
	l, g := &c.ledger, &c.git
	c.acceptOwn()
	c.wakeForPurges(now)
	if !c.undecided || l.pushing != nil || !c.mayDecide() {
		return
	}
	if !c.due(l.retryAt, now) {
		return
	}
	c.unread = c.unread || !c.decided
	c.undecided, c.decided = false, true
	before := c.notes
	c.notes, c.leftTo, c.awaited = map[string]note{}, map[string]bool{}, map[string]bool{}
	defer c.tellNotes(before)
	g.wants = nil
	d := &draft{
		entries: l.entries, fleet: g.declared.Fleet, declared: g.declared, now: now,
		classes: map[string]*fleet.Class{}, fleets: map[string]*fleet.Fleet{}, proofs: map[string]*proof{},
	}
	d.known = c.known(d)
	c.decideShards(d)
	c.decideClasses(d)
	c.decideDataStores(d)
	c.decideTenants(d)
	c.decideKinds(d)
	l.nextPurge = nextPurge(l.entries, now)
	c.remarks = remarks(d.fleet, c.notes)
	if len(g.wants) > 0 {
		for _, w := range g.wants {
			g.searched[w.Ref] = true
		}
		g.searching = true
		c.emit(FindLast{Commit: g.declared.Commit, Wants: g.wants})
	}
	c.proofs, c.unproven = d.proofs, d.unproven
	if len(d.unproven) > 0 {
		return
	}
	if d.changes.Empty() {
		c.newsOfShards = c.newsOfShards || c.settled != g.declared.Commit
		c.settled = g.declared.Commit
		return
	}
	if c.cfg.ReadOnly {
		c.emit(WouldPush{Ledger: l.entries, Changes: d.changes})
		return
	}
	push := PushLedger{
		Parent: l.tip, Ledger: l.entries, Commit: g.declared.Commit, Changes: d.changes, When: now,
		classes: d.classes, fleets: d.fleets,
	}
	l.pushing = &push
	c.emit(push)
}

// tellNotes has what is said of those tenants looked at again of which there is
// something else to be said.
func (c *Core) tellNotes(before map[string]note) {
	for name, n := range c.notes {
		if before[name] != n {
			c.news[name] = true
		}
	}
	for name := range before {
		if _, still := c.notes[name]; !still {
			c.news[name] = true
		}
	}
}

// mayDecide tells whether what is declared and what was decided are both known,
// and whether every shard had its say: its Lease may remember a newer fleet, or a
// ledger that is gone. A shard that cannot be reached has said so.
func (c *Core) mayDecide() bool {
	return c.agreed() && c.ledger.known && c.ledger.problem == "" && c.lostLedger() == ""
}

// acceptOwn notes what this replica goes by. One that holds no Lease goes by nothing of
// its own: what others accept meanwhile it learns from the Lease, when it gets one.
func (c *Core) acceptOwn() {
	held, others := false, false
	for _, s := range c.shards {
		held, others = held || s.lease.Held, others || s.lease.Holder != ""
	}
	switch {
	case held && c.agreed():
		c.git.own = c.git.declared.Commit
	case !held && others:
		c.git.own = ""
	}
}

// agreed tells whether what is declared is known, and every shard has had its say.
func (c *Core) agreed() bool {
	return c.introduced && c.heardAll() && c.git.declared != nil && c.git.problem == ""
}

// heardAll tells whether every shard had its say.
func (c *Core) heardAll() bool {
	for _, s := range c.shards {
		if s.configured && !s.heard || !c.vetted(s.lease.Accepted) {
			return false
		}
	}
	return true
}

// lostLedger names a shard whose lease remembers a ledger although there is none now.
func (c *Core) lostLedger() string {
	if c.ledger.tip != "" {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		if c.shards[name].lease.Tip != "" {
			return name
		}
	}
	return ""
}

// wakeForPurges has decisions looked at again when the next retention is over.
func (c *Core) wakeForPurges(now time.Time) {
	l := &c.ledger
	if !l.nextPurge.IsZero() && c.due(l.nextPurge, now) {
		c.undecided, l.nextPurge = true, time.Time{}
	}
}

// nextPurge is when the next retention is over; zero is never. Those that are over
// and could not be followed yet are looked at with all else.
func nextPurge(l *ledger.Ledger, now time.Time) time.Time {
	next := time.Time{}
	for _, t := range l.Tenants {
		if t.Lifecycle == ledger.Tombstoned && t.Tombstone.PurgeAfter.After(now) && (next.IsZero() || t.Tombstone.PurgeAfter.Before(next)) {
			next = t.Tombstone.PurgeAfter
		}
	}
	return next
}

func (d *draft) setShard(e *ledger.Shard)         { d.changes.SetShard(e); d.rebase() }
func (d *draft) setClass(e *ledger.Class)         { d.changes.SetClass(e); d.rebase() }
func (d *draft) setDataStore(e *ledger.DataStore) { d.changes.SetDataStore(e); d.rebase() }
func (d *draft) setTenant(e *ledger.Tenant)       { d.changes.SetTenant(e) }

// rebase shows the changes so far to the decisions that follow.
func (d *draft) rebase() { d.entries = d.entries.With(d.changes) }

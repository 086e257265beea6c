package core

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

// fetch asks for Git when it is time, or when something waits for a fresh tip.
func (c *Core) fetch(now time.Time) {
	g := &c.git
	if g.asked > g.ended {
		return // one at a time; whoever waits for a later one asks when it ends
	}
	waiting := g.wanted > g.asked
	if (!waiting || g.err != nil) && !c.due(g.nextFetch, now) {
		return
	}
	g.asked++
	g.askedAt = now
	g.nextFetch = now.Add(c.cfg.FetchInterval)
	c.wake(g.nextFetch)
	accepted, tips := []string{}, []string{}
	add := func(list *[]string, commit string) {
		if commit != "" && !slices.Contains(*list, commit) {
			*list = append(*list, commit)
		}
	}
	if g.declared != nil {
		add(&accepted, g.declared.Commit)
	}
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		lease := c.shards[name].lease
		if !c.vetted(lease.Accepted) {
			add(&accepted, lease.Accepted)
		}
		if _, told := c.ledger.contains[lease.Tip]; !told {
			add(&tips, lease.Tip)
		}
	}
	g.accepted = accepted
	c.emit(Fetch{Seq: g.asked, Accepted: accepted, AcceptRewind: c.cfg.AcceptRewind, Ledger: c.ledger.tip, Tips: tips})
}

// readSince tells whether Git was read since t, and has it read when it was not.
func (c *Core) readSince(t time.Time) bool {
	g := &c.git
	if !g.readAt.Before(t) {
		return true
	}
	if g.askedAt.Before(t) {
		g.wanted = g.asked + 1
		c.wake(time.Unix(0, 1)) // fetch at once
	}
	return false
}

// draft is a round of decisions in the making.
type draft struct {
	changes  ledger.Changes
	entries  *ledger.Ledger // with the changes
	fleet    *fleet.Fleet
	declared *Declared
	now      time.Time
	places   *placement.State
	classes  map[string]*fleet.Class
	fleets   map[string]*fleet.Fleet
	// proofs are what is known of new tenants; unproven are those that are not known.
	proofs   map[string]*proof
	unproven []unproven
}

// decide compares what is declared with the ledger and pushes what has to change.
// One push is in flight at a time; what arrives meanwhile joins the next one.
func (c *Core) decide(now time.Time) {
	l, g := &c.ledger, &c.git
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
	c.notes = map[string]note{}
	defer c.tellNotes(before)
	g.wants = nil
	d := &draft{
		entries: l.entries, fleet: g.declared.Fleet, declared: g.declared, now: now,
		classes: map[string]*fleet.Class{}, fleets: map[string]*fleet.Fleet{}, proofs: map[string]*proof{},
	}
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
	return c.introduced && c.heardAll() && c.git.declared != nil && c.git.problem == "" && c.ledger.known && c.ledger.problem == "" && c.lostLedger() == ""
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

// usable tells whether decisions about a shard are ours to take: its Lease is
// held here and remembers no more than we know, and its identity is the pinned one.
func (c *Core) usable(d *draft, shard string) note {
	s := c.shards[shard]
	switch pin := d.entries.Shards[shard]; {
	case s == nil || !c.mayUse(s):
		return note{"ShardUnavailable", c.whyNotHeld(shard)}
	case c.compared(s).reason != "":
		return c.compared(s)
	case pin == nil:
		return note{"ShardNotPinned", fmt.Sprintf("shard %s has no identity in the ledger yet", shard)}
	case pin.Identity != s.lease.Identity:
		return note{"IdentityChanged", s.problem.message}
	}
	return note{}
}

// compared says why the ledger cannot be told to be the one that the shard's Lease
// remembers, or a later one.
func (c *Core) compared(s *shardState) note {
	tip := s.lease.Tip
	if tip == "" || tip == c.ledger.tip {
		return note{}
	}
	switch contains, told := c.ledger.contains[tip]; {
	case !told:
		return note{"NotCompared", "the ledger has not been compared yet with what the shard's Lease remembers"}
	case !contains:
		return note{"LedgerRewound", fmt.Sprintf("the shard's Lease remembers the ledger's commit %s, which the ledger no longer contains: restore the branch", tip)}
	}
	return note{}
}

// mayUse tells whether a shard is ours to decide about: its Lease is held here. A
// read-only core looks at every shard that it can reach.
func (c *Core) mayUse(s *shardState) bool {
	return s.lease.Held || (c.cfg.ReadOnly && s.lease.Identity != "" && s.lease.Err == nil)
}

func (c *Core) whyNotHeld(shard string) string {
	s := c.shards[shard]
	switch {
	case s == nil || !s.configured:
		return fmt.Sprintf("there is no kubeconfig for shard %s", shard)
	case s.lease.Err != nil:
		return fmt.Sprintf("shard %s cannot be reached: %s", shard, steady(s.lease.Err.Error()))
	case s.lease.Holder != "":
		return fmt.Sprintf("the Lease of shard %s is held by %s", shard, s.lease.Holder)
	}
	return fmt.Sprintf("the Lease of shard %s is not held yet", shard)
}

// calledFrom is the end of a connection that differs with each one.
var calledFrom = regexp.MustCompile(`\S+:\d+->`)

// steady leaves out of an error what would change with each attempt, and be a
// commit each time.
func steady(message string) string { return calledFrom.ReplaceAllString(message, "") }

// decideShards pins the identity of every shard at first contact.
func (c *Core) decideShards(d *draft) {
	owner := map[string]string{}
	for name, e := range d.entries.Shards {
		owner[e.Identity] = name
	}
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		s := c.shards[name]
		s.problem = note{}
		if !c.mayUse(s) || s.lease.Identity == "" || c.compared(s).reason != "" {
			continue
		}
		e := d.entries.Shards[name]
		switch other := owner[s.lease.Identity]; {
		case e != nil && e.Identity != s.lease.Identity:
			s.problem = note{"IdentityChanged", fmt.Sprintf(
				"the kubeconfig of shard %s leads to the cluster %s, but the ledger says that the shard is %s; nothing is done there until the right kubeconfig is back",
				name, s.lease.Identity, e.Identity)}
		case e == nil && other != "":
			s.problem = note{"IdentityTaken", fmt.Sprintf("the kubeconfig of shard %s leads to the same cluster as shard %s", name, other)}
		case e == nil && d.fleet.Shards[name] != nil:
			owner[s.lease.Identity] = name
			d.setShard(&ledger.Shard{Name: name, Identity: s.lease.Identity})
		}
	}
}

// decideClasses puts every class that can be rendered in force as declared.
func (c *Core) decideClasses(d *draft) {
	for _, name := range slices.Sorted(maps.Keys(d.fleet.Classes)) {
		class := d.fleet.Classes[name]
		e := d.entries.Classes[name]
		if e != nil && e.Tree == class.Tree {
			continue
		}
		next := &ledger.Class{Name: name, Provider: class.Spec.Provider, Commit: d.declared.Commit, Tree: class.Tree}
		if e != nil && e.Provider == next.Provider {
			next.BaseVersion = e.BaseVersion
		} else {
			next.BaseVersion = c.renderer.LatestBase(next.Provider)
		}
		if err := c.renderer.Check(class, next.BaseVersion); err != nil {
			c.notes["class/"+name] = note{"NotRendered", err.Error()}
			continue
		}
		d.classes[class.Tree] = class
		d.setClass(next)
	}
}

// decideDataStores gives datastores their identity, and holds those that are broken or
// gone: a datastore is never taken away from its tenants.
func (c *Core) decideDataStores(d *draft) {
	for _, name := range slices.Sorted(maps.Keys(d.fleet.DataStores)) {
		ds := d.fleet.DataStores[name]
		e := d.entries.DataStores[name]
		if e != nil {
			if e.Provider != ds.Spec.Provider {
				c.notes["datastore/"+name] = note{"Frozen", fmt.Sprintf("it belongs to provider %s, which cannot change to %s", e.Provider, ds.Spec.Provider)}
			}
			if e.Held != nil && e.Shard == ds.Spec.Shards[0] && c.usable(d, e.Shard).reason == "" {
				next := *e
				next.Held = nil
				d.setDataStore(&next)
			}
			continue
		}
		shard := ds.Spec.Shards[0]
		if why := c.usable(d, shard); why.reason != "" {
			c.notes["datastore/"+name] = why
			continue
		}
		next := &ledger.DataStore{
			Name: name, UID: ledger.UID(c.ledger.tip, "datastore", name, d.declared.Commit), Source: ds.Source.Path,
			Provider: ds.Spec.Provider, BaseVersion: c.renderer.LatestBase(ds.Spec.Provider), Shard: shard, Epoch: 1,
		}
		unit, err := c.renderer.DataStore(dataStoreInput(next, ds))
		if err != nil {
			c.notes["datastore/"+name] = note{"NotRendered", err.Error()}
			continue
		}
		d.setDataStore(next)
		d.addKinds(shard, kindsOf(unit))
	}
	for _, name := range slices.Sorted(maps.Keys(d.entries.DataStores)) {
		e := d.entries.DataStores[name]
		_, broken := d.fleet.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: name}]
		if e.Held != nil || d.fleet.DataStores[name] != nil || c.usable(d, e.Shard).reason != "" {
			continue // held already, as declared, or not ours to decide
		}
		reason := "Invalid"
		if !broken && d.fleet.Absent(fleet.Ref{Kind: fleet.KindDataStore, Name: name}) {
			reason = "Removed"
		}
		last, found := c.last(Want{Ref: WantRef{Kind: fleet.KindDataStore, Name: name, Path: e.Source}})
		if !found {
			continue
		}
		next := *e
		next.Held = &ledger.Held{Commit: last.Commit, Tree: last.Tree, Reason: reason}
		d.fleets[last.Tree] = last.Fleet
		d.setDataStore(&next)
	}
}

// lastOf gives the last good declaration of a tenant that is broken or gone: the
// newest that can be rendered.
func (c *Core) lastOf(d *draft, e *ledger.Tenant) (Last, bool) {
	want := Want{Ref: WantRef{Kind: fleet.KindTenant, Name: e.Name, Path: e.Source}}
	for _, name := range slices.Sorted(maps.Keys(d.entries.Classes)) {
		if d.entries.Classes[name].Provider == e.Provider {
			want.Classes = append(want.Classes, name)
		}
	}
	if last, found := c.git.last[want.Ref]; found {
		switch why, known := c.unrenderable(d, last.Fleet.Tenants[e.Name], e); {
		case !known:
			return Last{}, false
		case why.reason != "":
			delete(c.git.last, want.Ref)
			delete(c.git.searched, want.Ref) // an older one may do
		}
	}
	if o := c.owners[e.UID]; o != nil {
		for r := range o.refused {
			want.Not = append(want.Not, r.tenant)
		}
	}
	return c.last(want)
}

// last gives the last good declaration of something that is broken or gone, and
// asks for it the first time.
func (c *Core) last(want Want) (Last, bool) {
	l, found := c.git.last[want.Ref]
	if !found && !c.git.searched[want.Ref] {
		c.git.wants = append(c.git.wants, want)
	}
	return l, found
}

func (d *draft) setShard(e *ledger.Shard)         { d.changes.SetShard(e); d.rebase() }
func (d *draft) setClass(e *ledger.Class)         { d.changes.SetClass(e); d.rebase() }
func (d *draft) setDataStore(e *ledger.DataStore) { d.changes.SetDataStore(e); d.rebase() }
func (d *draft) setTenant(e *ledger.Tenant)       { d.changes.SetTenant(e) }

// rebase shows the changes so far to the decisions that follow.
func (d *draft) rebase() { d.entries = d.entries.With(d.changes) }

// decideKinds has the ledger list what living owners have come to need. It is asked
// for until the ledger does: a decision may be put off, or its push may fail.
func (c *Core) decideKinds(d *draft) {
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		s := c.shards[name]
		if e := c.ledger.entries.Shards[name]; e != nil {
			s.lacking = slices.DeleteFunc(s.lacking, func(k string) bool { return slices.Contains(e.Kinds, k) })
		}
		if len(s.lacking) > 0 && c.usable(d, name).reason == "" {
			d.addKinds(name, s.lacking)
		}
	}
}

// addKinds has the ledger list every kind before it is applied for the first
// time: where to look for what is ours.
func (d *draft) addKinds(shard string, more []string) {
	e := d.entries.Shards[shard]
	if e == nil {
		return
	}
	kinds := slices.Clone(e.Kinds)
	for _, k := range more {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == len(e.Kinds) {
		return
	}
	slices.Sort(kinds)
	d.setShard(&ledger.Shard{Name: e.Name, Identity: e.Identity, Kinds: kinds})
}

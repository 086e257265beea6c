package core

import (
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// take writes down what an event says. It decides nothing.
func (c *Core) take(event Event, now time.Time) {
	switch e := event.(type) {
	case Look:
		c.git.nextFetch = time.Time{}
	case Kubeconfigs:
		c.introduced = true
		for _, s := range c.shards {
			s.configured = false
		}
		for _, name := range e.Shards {
			c.shard(name).configured = true
		}
		c.undecided = true
	case Declared:
		c.takeDeclared(e)
	case LedgerRead:
		c.takeLedger(e)
	case TipsKnown:
		maps.Copy(c.ledger.contains, e.Contains)
		c.undecided, c.unread = true, true
	case StatusRead:
		c.status.known, c.status.tip, c.status.files = true, e.Tip, e.Files
		clear(c.status.next)
		c.status.renewAt = now // it is not known which files the overview was made of
		c.unread = true
	case Fetched:
		c.takeFetched(e, now)
	case LastFound:
		c.takeLast(e)
	case LedgerPushed:
		c.takeLedgerPushed(e, now)
	case StatusPushed:
		c.takeStatusPushed(e, now)
	case Lease:
		c.takeLease(e)
	case Observed:
		c.takeObserved(e, now)
	case Synced:
		s := c.shard(e.Shard)
		clear(s.unwatched)
		for _, k := range e.Kinds {
			s.synced[k] = true
			delete(s.unknown, k)
		}
		for _, k := range e.Unknown {
			s.unknown[k] = true
		}
		c.dirtyOn(e.Shard)
		c.undecided = true
	case Unwatched:
		c.shard(e.Shard).unwatched[e.Kind] = e.Message
		c.unread = true
	case Done:
		c.takeDone(e, now)
	case Inspected:
		c.takeInspected(e, now)
	case SecretsSeen:
		c.takeSecretsSeen(e, now)
	case Tick:
	}
}

func (c *Core) takeDeclared(e Declared) {
	c.unread = c.unread || c.git.problem != e.Problem || c.git.message != e.Message
	c.git.problem, c.git.message = e.Problem, e.Message
	if e.Problem != "" {
		return
	}
	if c.git.declared == nil || c.git.declared.Commit != e.Commit {
		if c.git.declared != nil && !slices.Contains(c.git.accepted, c.git.declared.Commit) {
			clear(c.git.vetted) // that was of a commit which this one may not descend from
		}
		c.dirtyDeclared(c.git.declared, &e)
		c.git.declared = &e
		clear(c.git.last)
		clear(c.git.searched)
		c.git.searching = false
	}
	c.undecided = true
}

func (c *Core) takeLedger(e LedgerRead) {
	l := &c.ledger
	c.unread = c.unread || l.problem != e.Problem || l.message != e.Message
	l.problem, l.message = e.Problem, e.Message
	c.undecided = true
	if e.Problem != "" {
		return
	}
	if e.Tip != l.tip {
		// It descends from what we knew: what was in there still is; what was not
		// has to be compared anew.
		maps.DeleteFunc(l.contains, func(_ string, contains bool) bool { return !contains })
		c.git.nextFetch = time.Time{}
	}
	l.known, l.tip, l.entries, l.classes, l.fleets = true, e.Tip, e.Ledger, e.Classes, e.Fleets
	l.judged = c.renderer.JudgedKinds(maps.Values(l.classes))
	l.contains[e.Tip] = true
	c.index()
}

// dirtyDeclared has those owners looked at again that are declared otherwise now.
func (c *Core) dirtyDeclared(before, after *Declared) {
	if before == nil || c.ledger.entries == nil {
		c.dirtyAll()
		return
	}
	// Loads share what did not change.
	for name, e := range c.ledger.entries.Tenants {
		if declaredTenant(before.Fleet, name, e) != declaredTenant(after.Fleet, name, e) {
			c.touch(e.UID)
		}
	}
	for name, t := range before.Fleet.Tenants {
		c.tellIf(after.Fleet.Tenants[name] != t, name)
	}
	for name, t := range after.Fleet.Tenants {
		c.tellIf(before.Fleet.Tenants[name] != t, name)
	}
	for ref, b := range before.Fleet.Broken {
		c.tellIf(after.Fleet.Broken[ref].Message != b.Message, ref.Name)
	}
	for ref, b := range after.Fleet.Broken {
		c.tellIf(before.Fleet.Broken[ref].Message != b.Message, ref.Name)
	}
	for _, e := range c.ledger.entries.DataStores {
		c.touch(e.UID)
	}
	c.newsOfShards = true
}

// index makes the owners fit the ledger.
func (c *Core) index() {
	seen := map[string]bool{}
	for _, t := range c.ledger.entries.Tenants {
		c.own(tenantOwner(t), t.Placement.Shard)
		seen[t.UID] = true
	}
	for _, d := range c.ledger.entries.DataStores {
		c.own(dataStoreOwner(d), d.Shard)
		seen[d.UID] = true
	}
	for uid := range c.owners {
		if !seen[uid] {
			c.disown(uid)
		}
	}
	c.dirtyAll()
}

// indexChanges is index after decisions on top of a ledger that was indexed.
func (c *Core) indexChanges(before *ledger.Ledger, changes ledger.Changes) {
	if len(changes.Classes)+len(changes.DataStores) > 0 {
		c.index() // that is about many tenants
		return
	}
	for name := range changes.Shards {
		c.dirtyOn(name)
	}
	for name, e := range changes.Tenants {
		if old := before.Tenants[name]; old != nil && (e == nil || old.UID != e.UID) {
			c.disown(old.UID)
		}
		if e != nil {
			c.own(tenantOwner(e), e.Placement.Shard)
			c.touch(e.UID)
		}
		c.news[name] = true
	}
}

func (c *Core) own(owner render.Owner, shard string) {
	o := c.owners[owner.UID]
	if o == nil {
		o = &ownerState{}
		c.owners[owner.UID] = o
	} else if o.shard != shard {
		c.rest(o)
	}
	o.owner, o.shard = owner, shard
}

func (c *Core) disown(uid string) {
	if o := c.owners[uid]; o != nil {
		c.rest(o)
		delete(c.owners, uid)
	}
}

func (c *Core) takeFetched(e Fetched, now time.Time) {
	g := &c.git
	g.ended = max(g.ended, e.Seq)
	g.err = e.Err
	if e.Err == nil {
		g.done, g.attempts, g.readAt = max(g.done, e.Seq), 0, g.askedAt
		if g.problem == "" {
			known := g.vetted
			if d := g.declared; d != nil && d.Commit == c.cfg.AcceptRewind {
				known = g.waived
			}
			for _, a := range g.accepted {
				c.unread = c.unread || !known[a]
				known[a] = true
			}
		}
	} else {
		g.attempts++
		g.nextFetch = now.Add(min(c.cfg.FetchInterval, backoff(g.attempts)))
	}
	for _, o := range c.owners {
		if o.fresh != 0 {
			c.dirty(o)
		}
	}
	c.undecided = true
}

func (c *Core) takeLast(e LastFound) {
	if c.git.declared == nil || e.Commit != c.git.declared.Commit {
		return // about a commit that is not the newest any more
	}
	c.git.searching = false
	if e.Err != nil {
		clear(c.git.searched) // what was not found is asked for again with the next fetch
	}
	maps.Copy(c.git.last, e.ByRef)
	c.undecided = c.undecided || e.Err == nil || len(e.ByRef) > 0
}

func (c *Core) takeLedgerPushed(e LedgerPushed, now time.Time) {
	l := &c.ledger
	pushed := l.pushing
	l.pushing, l.pushErr = nil, e.Err
	c.undecided = true
	if pushed == nil {
		return
	}
	if e.Err != nil {
		c.unread = true
		l.attempts++
		l.retryAt = now.Add(backoff(l.attempts))
		c.git.nextFetch = time.Time{} // read what is there, then decide again
		return
	}
	l.attempts, l.tip = 0, e.Tip
	l.contains[e.Tip] = true
	before := l.entries
	l.entries = l.entries.With(pushed.Changes)
	c.adoptTrees(pushed)
	c.indexChanges(before, pushed.Changes)
	for name := range pushed.Changes.Tenants {
		if p, e := c.proofs[name], l.entries.Tenants[name]; p != nil && e != nil {
			if o := c.owners[e.UID]; p.uid == e.UID {
				o.wanted, o.made = p.wanted, p.unit
			}
			delete(c.proofs, name)
		}
	}
}

// adoptTrees keeps what the entries just pushed name at hand, as LedgerRead
// would have brought it.
func (c *Core) adoptTrees(p *PushLedger) {
	classes, fleets := map[string]*fleet.Class{}, map[string]*fleet.Fleet{}
	for _, e := range c.ledger.entries.Classes {
		if k := c.ledger.classes[e.Key()]; k != nil {
			classes[e.Key()] = k
		} else if k := p.classes[e.Key()]; k != nil {
			classes[e.Key()] = k
		}
	}
	keep := func(tree string) {
		if f := c.ledger.fleets[tree]; f != nil {
			fleets[tree] = f
		} else if f := p.fleets[tree]; f != nil {
			fleets[tree] = f
		}
	}
	for _, t := range c.ledger.entries.Tenants {
		if t.Held != nil {
			keep(t.Held.Tree)
		}
		if t.Tombstone != nil && t.Tombstone.Tree != "" {
			keep(t.Tombstone.Tree)
		}
	}
	for _, d := range c.ledger.entries.DataStores {
		if d.Held != nil {
			keep(d.Held.Tree)
		}
	}
	c.ledger.classes, c.ledger.fleets = classes, fleets
	c.ledger.judged = c.renderer.JudgedKinds(maps.Values(classes))
}

func (c *Core) takeStatusPushed(e StatusPushed, now time.Time) {
	s := &c.status
	pushed := s.pushing
	s.pushing, s.err = nil, e.Err
	if pushed == nil {
		return
	}
	if e.Err != nil {
		c.unread = true // what was not laid down has to be said again
		s.attempts++
		s.retryAt = now.Add(max(backoff(s.attempts), c.cfg.StatusInterval))
		c.git.nextFetch = time.Time{}
		return
	}
	s.attempts, s.tip, s.renewAt = 0, e.Tip, e.Renew
	files := maps.Clone(s.files)
	if files == nil {
		files = map[string][]byte{}
	}
	for path, content := range pushed.Files {
		if content == nil {
			delete(files, path)
		} else {
			files[path] = content
		}
	}
	s.files = files
}

func (c *Core) takeLease(e Lease) {
	s := c.shard(e.Shard)
	if !e.Held || e.Identity != s.lease.Identity {
		clear(s.unwatched)
		clear(s.synced) // what was reported may be stale, or another cluster's
		clear(s.unknown)
		clear(s.watched)
		s.pin, s.judged = nil, nil
		s.remembered = Remember{} // the keeper may not have written it down
	}
	asked := e.Identity != ""
	if !asked {
		e.Tip, e.Accepted = s.lease.Tip, s.lease.Accepted // who cannot be asked has not said otherwise
	}
	// A connection that ended says nothing: the next one does, or why there is none.
	s.lease, s.heard = e, asked || e.Err != nil
	if asked && (e.Tip != "" && e.Tip != c.ledger.tip || !c.vetted(e.Accepted)) {
		c.git.nextFetch = time.Time{} // compare what it remembers with what there is
	}
	c.undecided = true
	c.dirtyOn(e.Shard)
}

// vetted tells whether what is declared is known to descend from an accepted commit.
func (c *Core) vetted(accepted string) bool {
	d := c.git.declared
	return accepted == "" || c.git.vetted[accepted] || c.git.waived[accepted] || (d != nil && d.Commit == accepted)
}

func (c *Core) takeObserved(e Observed, now time.Time) {
	s := c.shard(e.Shard)
	for _, o := range e.Objects {
		c.store(s, o)
		c.touch(o.OwnerUID)
	}
	for _, g := range e.Gone {
		c.missed(s, g, now)
		c.forget(s, g)
		c.touch(g.OwnerUID)
	}
	for _, a := range e.Anchors {
		s.anchors[a.OwnerUID] = a
		c.touch(a.OwnerUID)
	}
}

func (c *Core) takeDone(e Done, now time.Time) {
	s := c.shard(e.Shard)
	if s.busy > 0 {
		s.busy--
	}
	o := c.owners[e.Owner.UID]
	if o == nil {
		return
	}
	o.busy, o.failures = false, e.Failures
	c.dirty(o)
	c.tell(o)
	for _, h := range e.Healed {
		o.healed(h, now)
	}
	if len(e.Failures) == 0 {
		o.attempts = 0
		return
	}
	o.attempts++
	wait := backoff(o.attempts)
	for _, f := range e.Failures {
		wait = max(wait, f.RetryAfter)
	}
	o.retryAt = now.Add(wait)
}

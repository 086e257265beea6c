package core

import (
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
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
	add(&accepted, g.own)
	// What comes next has to descend from what this replica goes by, and so from all that
	// was compared with that. One that goes by nothing asks for each Lease's anew.
	follows := g.declared != nil && g.own == g.declared.Commit
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		lease := c.shards[name].lease
		if !g.waived[lease.Accepted] && (!follows || !c.vetted(lease.Accepted)) {
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

// lastOf gives the last good declaration of a tenant that is broken or gone: the
// newest that can be rendered.
func (c *Core) lastOf(d *draft, e *ledger.Tenant) (Last, bool) {
	want := Want{Ref: WantRef{Kind: fleet.KindTenant, Name: e.Name, Path: e.Source}}
	for _, name := range slices.Sorted(maps.Keys(d.entries.Classes)) {
		if d.entries.Classes[name].Provider == e.Provider {
			want.Classes = append(want.Classes, name)
		}
	}
	if last, found := c.git.last[want.Ref]; found && c.classCarried(d, last.Fleet.Tenants[e.Name]).reason != "" {
		return last, true // an older one would be of another class, not a better one
	} else if found {
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

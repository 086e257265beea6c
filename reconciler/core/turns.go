package core

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/render"
)

// turns are owners in the order in which they are looked at: datastores first,
// since tenants wait for them, then by name.
type turns []*ownerState

func byTurn(a, b *ownerState) int {
	return cmp.Or(cmp.Compare(a.owner.Kind, b.owner.Kind), cmp.Compare(a.owner.Name, b.owner.Name), cmp.Compare(a.owner.UID, b.owner.UID))
}

func (t *turns) add(o *ownerState) {
	if i, found := slices.BinarySearchFunc(*t, o, byTurn); !found {
		*t = slices.Insert(*t, i, o)
	}
}

func (t *turns) drop(o *ownerState) {
	if i, found := slices.BinarySearchFunc(*t, o, byTurn); found {
		*t = slices.Delete(*t, i, i+1)
	}
}

// An owner is in at most one of its shard's queues:
//
//	changed ──► dirty ──looked at──► nothing to do
//	              ▲            └───► waiting ──its turn──► busy ─┐
//	              └───────────────────────── done ───────────────┘

// dirty has an owner looked at. A busy one is looked at when its work has ended.
func (c *Core) dirty(o *ownerState) {
	if o.dirty = true; o.busy {
		return
	}
	s := c.shard(o.shard)
	s.waiting.drop(o)
	s.dirty.add(o)
}

// wait has an owner looked at when its turn has come to be worked on.
func (c *Core) wait(o *ownerState) {
	o.dirty = false
	s := c.shard(o.shard)
	s.dirty.drop(o)
	s.waiting.add(o)
}

// rest has an owner looked at only when something happens.
func (c *Core) rest(o *ownerState) {
	o.dirty = false
	s := c.shard(o.shard)
	s.dirty.drop(o)
	s.waiting.drop(o)
}

// dirtyAll has every owner looked at again.
func (c *Core) dirtyAll() {
	for _, o := range c.owners {
		c.dirty(o)
	}
	c.unread = true
}

// dirtyOn has every owner of a shard looked at again.
func (c *Core) dirtyOn(shard string) {
	for _, o := range c.owners {
		if o.shard == shard {
			c.dirty(o)
		}
	}
	c.unread = true
}

// touch has one owner looked at again, and what is said of it.
func (c *Core) touch(uid string) {
	if o := c.owners[uid]; o != nil {
		c.dirty(o)
		c.tell(o)
	}
}

// tell has what is said of an owner looked at again.
func (c *Core) tell(o *ownerState) {
	if o.owner.Kind == render.OwnerTenant {
		c.news[o.owner.Name] = true
	}
	c.newsOfShards = true
}

func (c *Core) tellIf(changed bool, name string) {
	if changed {
		c.news[name] = true
	}
}

// stepOwners bounds how many owners one Step looks at, so that the next event never
// waits long.
const stepOwners = 128

// batch takes the owners whose turns have come. A shard that nothing may be done on
// keeps its own until it opens; and no shard always comes first.
func (c *Core) batch(now time.Time) []*ownerState {
	names := slices.Sorted(maps.Keys(c.shards))
	var batch []*ownerState
	for i := range names {
		s := c.shards[names[(c.first+i)%len(names)]]
		if len(s.dirty)+len(s.waiting) == 0 || c.closed(s).reason != "" {
			continue
		}
		var due turns
		for _, o := range s.waiting {
			if len(due) >= c.cfg.MaxWork-s.busy {
				break
			}
			if c.due(o.retryAt, now) {
				due = append(due, o)
			}
		}
		for _, o := range s.dirty[:min(len(s.dirty), stepOwners)] {
			due.add(o)
		}
		if room := stepOwners - len(batch); len(due) > room {
			batch = append(batch, due[:room]...)
			c.first = (c.first + i) % len(names)
			c.wake(time.Unix(0, 1)) // the others at once
			return batch
		}
		if batch = append(batch, due...); len(s.dirty) > stepOwners {
			c.wake(time.Unix(0, 1))
		}
	}
	return batch
}

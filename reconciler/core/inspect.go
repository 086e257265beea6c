package core

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Some providers' own controllers make the admin kubeconfig. That Secret carries no
// label of ours, so no watch shows it; but the provider's object tells when it changes.
// So it is looked at once for each such revision, and never else.

// credentials are what was found out of a kubeconfig that is not ours.
type credentials struct {
	// revision is the one that certificate belongs to.
	revision    string
	certificate *Certificate
	// message says why the newest one could not be looked at; empty when it was.
	message string
}

// inspection is a kubeconfig that has to be looked at.
type inspection struct {
	owner    *ownerState
	revision string
	busy     bool
	attempts int
	retryAt  time.Time
}

// wishInspection has an owner's kubeconfig looked at when it is not the one that was.
func (c *Core) wishInspection(o *ownerState) {
	if o.wanted == nil || o.wanted.err != nil || o.wanted.kubeconfig == nil || c.cfg.ReadOnly {
		return
	}
	revision, foreign := o.wanted.provider.Revision(o.verdict.health)
	if !foreign || revision == "" || revision == o.credentials.revision {
		return
	}
	if i := c.inspections[o.owner.UID]; i == nil {
		c.inspections[o.owner.UID] = &inspection{owner: o, revision: revision}
	} else if i.revision != revision {
		i.revision, i.attempts, i.retryAt = revision, 0, time.Time{}
	}
}

// inspect asks for what has to be looked at, where a shard is open.
func (c *Core) inspect(now time.Time) {
	for _, uid := range slices.Sorted(maps.Keys(c.inspections)) {
		i := c.inspections[uid]
		switch o := i.owner; {
		case c.owners[uid] != o || o.wanted == nil || o.wanted.kubeconfig == nil:
			delete(c.inspections, uid) // it is gone, or on its way out
		case i.busy || !c.due(i.retryAt, now) || c.closed(c.shard(o.shard)).reason != "":
		default:
			i.busy = true
			c.emit(Inspect{Shard: o.shard, Owner: o.owner, Secret: *o.wanted.kubeconfig, Revision: i.revision})
		}
	}
}

func (c *Core) takeInspected(e Inspected, now time.Time) {
	i := c.inspections[e.Owner.UID]
	if i == nil {
		return
	}
	i.busy = false
	if e.Revision != i.revision {
		return // it has changed meanwhile: asked for again
	}
	o := i.owner
	c.tell(o)
	if e.Failure != nil {
		o.credentials.message = fmt.Sprintf("the admin kubeconfig cannot be seen: %s", e.Failure.Message)
		i.attempts++
		i.retryAt = now.Add(max(backoff(i.attempts), e.Failure.RetryAfter))
		return
	}
	o.credentials = credentials{revision: e.Revision, certificate: e.Certificate}
	delete(c.inspections, e.Owner.UID)
}

package simulation

import (
	"time"

	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// guard is what is known of a cluster's Lease.
type guard struct {
	holder string
	// changed is when its holder last gave a sign of life; duration is for how long that
	// is good. foreign: people have had their hands in it since.
	changed  time.Time
	duration time.Duration
	foreign  bool
	// terms are the lives that have ever held it.
	terms map[string]*tenure
	// memory is what it remembers; before are the ones before, the latest last.
	memory
	before []memory
}

// tenure is what one life holds.
type tenure struct {
	sent time.Time // when the last renewal was asked for
	lost time.Time // zero while it is held
}

func (j *judge) guard(c *cluster) *guard {
	r := j.guards[c.name]
	if r == nil {
		r = &guard{terms: map[string]*tenure{}}
		j.guards[c.name] = r
	}
	return r
}

// leased takes in a write of a replica to a cluster's Lease: nobody takes it from one who
// has given a sign of life within the time that it is good for.
func (j *judge) leased(c *cluster, change apiserver.Change, x *exchange) {
	r, now := j.guard(c), time.Now()
	if change.Is == nil {
		j.violate("Lease", "%s deleted the Lease of %s", x.life.id, c.name)
		return
	}
	spec := mapping(change.Is, "spec")
	holder, _ := spec["holderIdentity"].(string)
	seconds, _ := spec["leaseDurationSeconds"].(int64)
	annotations := mapping(mapping(change.Is, "metadata"), "annotations")
	switch {
	case holder == "" && r.holder == x.life.id || holder == x.life.id:
	case holder == "" && r.foreign:
	default:
		j.violate("Lease", "%s gives the Lease of %s to %q; it was held by %q", x.life.id, c.name, holder, r.holder)
	}
	if good := r.changed.Add(r.duration); holder != "" && r.holder != "" && r.holder != holder && !r.foreign && change.Was != nil && now.Before(good) {
		j.violate("Lease", "%s takes the Lease of %s, which %s has renewed and holds until %v", holder, c.name, r.holder, good)
	}
	for id, t := range r.terms {
		if id != holder && t.lost.IsZero() {
			if t.lost = now; r.foreign { // people took it away, and did not tell
				t.lost = latest(now, lease.Deadline(t.sent, r.duration))
			}
		}
	}
	if holder != "" {
		r.terms[holder] = &tenure{sent: x.asked}
	}
	tip, _ := annotations[lease.AnnotationTip].(string)
	accepted, _ := annotations[lease.AnnotationAccepted].(string)
	r.remember(tip, accepted, now)
	r.holder, r.changed, r.duration, r.foreign = holder, now, time.Duration(seconds)*time.Second, false
}

// lets tells whether a life may write now. Two lives may only where people have taken the
// Lease away from one, who hears of it with the next renewal: until then each writes what
// it has read of a branch that has just changed, and each puts right what the other wrote.
func (r *guard) lets(life string, now time.Time) bool {
	t := r.terms[life]
	return t != nil && (t.lost.IsZero() || now.Before(t.lost))
}

// lawful judges a write of a replica that is not to the Lease: it is asked for while the
// Lease is held, and ends before another one may have it. What was under way when it was
// given back may still arrive.
func (j *judge) lawful(c *cluster, change apiserver.Change, x *exchange) {
	r, now := j.guard(c), time.Now()
	if isSystem(change.Key) && change.Was == nil || r.foreign {
		return // the Lease needs a place to be in; people have rewritten it
	}
	t := r.terms[x.life.id]
	switch {
	case t == nil:
		j.violate("Lease", "%s writes %s on %s, and never held its Lease", x.life.id, nameOf(change.Key), c.name)
	case !t.lost.IsZero() && (x.asked.After(t.lost) || now.Sub(x.asked) > late):
		j.violate("Lease", "%s writes %s on %s, but lost its Lease at %v", x.life.id, nameOf(change.Key), c.name, t.lost)
	case r.holder == x.life.id && now.After(lease.Deadline(t.sent, r.duration).Add(late)):
		j.violate("Lease", "%s writes %s on %s at %v, but its Lease was renewed at %v", x.life.id, nameOf(change.Key), c.name, now, t.sent)
	}
}

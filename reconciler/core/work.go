package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// verdict is what became of an owner, for its status.
type verdict struct {
	// applied: everything that should be there is there, as far as the shard says.
	applied bool
	digest  string
	health  render.Health
	// problem says why it is not applied, or what is in the way.
	problem note
	// tornDown: all of a purged tenant is gone, its data too.
	tornDown bool
}

// work does on every shard what differs from what should be.
func (c *Core) work(now time.Time) {
	if !c.ledger.known {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		c.watch(c.shards[name])
		c.remember(c.shards[name])
	}
	var todo []*ownerState
	for _, o := range c.owners {
		if o.dirty = o.dirty || !o.lookAt.IsZero() && c.due(o.lookAt, now); !o.busy && (o.dirty || o.waiting && c.mayGo(o, now)) {
			todo = append(todo, o)
		}
	}
	// Datastores first: tenants wait for them.
	slices.SortFunc(todo, func(a, b *ownerState) int {
		if a.owner.Kind != b.owner.Kind {
			return strings.Compare(string(a.owner.Kind), string(b.owner.Kind))
		}
		return strings.Compare(a.owner.Name, b.owner.Name)
	})
	for _, o := range todo {
		c.workOn(o, now)
	}
}

// mayGo tells whether an owner's turn has come to be worked on.
func (c *Core) mayGo(o *ownerState, now time.Time) bool {
	return c.due(o.retryAt, now) && c.shard(o.shard).busy < c.cfg.MaxWork
}

func (c *Core) workOn(o *ownerState, now time.Time) {
	s := c.shard(o.shard)
	if !o.dirty && !c.mayGo(o, now) {
		return // others went first
	}
	if why := c.closed(s); why.reason != "" {
		return // stays dirty until the shard opens
	}
	work, unit, v := c.workFor(o, s, now)
	before := o.verdict
	o.verdict = v
	if o.owner.Kind == render.OwnerDataStore && before.health.State != v.health.State {
		c.wakeTenantsOf(o.owner.Name)
	}
	if v.tornDown && !before.tornDown {
		c.undecided = true
	}
	c.wishInspection(o)
	c.unread = true
	if work.Empty() {
		o.dirty, o.waiting, o.fresh = false, false, 0
		o.failures = nil
		return
	}
	if c.cfg.ReadOnly {
		o.dirty = false
		c.emit(WouldDo{Work: work})
		return
	}
	if !c.mayGo(o, now) {
		o.dirty, o.waiting = false, true // found out already what to do: it is not done again until its turn
		return
	}
	switch {
	case len(work.Delete) == 0:
		o.fresh = 0 // the next wish to delete begins anew
	case !c.freshTip(o):
		if work.Delete = nil; work.Empty() {
			return
		}
	}
	if err := c.fill(work.Apply, o, unit); err != nil {
		o.dirty, o.verdict.problem = false, note{"NotRendered", err.Error()}
		return
	}
	o.busy, o.dirty, o.waiting = true, false, false
	s.busy++
	c.emit(Do{Work: work})
}

// fill gives what is to be applied its bodies. They are not kept, and many owners
// wait their turn: so an owner is rendered once more when it comes.
func (c *Core) fill(applies []Apply, o *ownerState, unit *render.Unit) error {
	if len(applies) == 0 {
		return nil
	}
	if unit == nil {
		_, build, err := c.plan(o.owner)
		if err != nil {
			return err
		}
		if unit, err = build(); err != nil {
			return err
		}
	}
	for i := range applies {
		j := slices.IndexFunc(unit.Objects, func(obj render.Object) bool { return obj.ID == applies[i].Object.ID })
		applies[i].Object = unit.Objects[j]
	}
	return nil
}

// freshTip tells whether the ledger's tip was read, and is the one we know,
// since the owner first had something to delete.
func (c *Core) freshTip(o *ownerState) bool {
	if o.fresh == 0 {
		o.fresh = c.git.asked + 1
		c.wake(time.Unix(0, 1)) // fetch at once
		return false
	}
	if c.git.done < o.fresh || c.ledger.problem != "" || c.git.problem != "" {
		return false
	}
	o.fresh = 0
	return true
}

// closed says why nothing may be done on a shard now.
func (c *Core) closed(s *shardState) note {
	pin := c.ledger.entries.Shards[s.name]
	switch {
	case !c.mayUse(s):
		return note{"ShardUnavailable", c.whyNotHeld(s.name)}
	case c.ledger.problem != "":
		return note{"Ledger" + string(c.ledger.problem), c.ledger.message}
	case !c.vetted(s.lease.Accepted) && c.git.problem != "":
		return note{"Declared" + string(c.git.problem), c.git.message}
	case !c.vetted(s.lease.Accepted):
		return note{"NotCompared", "the declared branch has not been compared yet with what the shard's Lease remembers"}
	case c.compared(s).reason != "":
		return c.compared(s)
	case pin == nil:
		return note{"ShardNotPinned", fmt.Sprintf("shard %s has no identity in the ledger yet", s.name)}
	case pin.Identity != s.lease.Identity:
		return note{"IdentityChanged", fmt.Sprintf("the kubeconfig of shard %s leads to another cluster than the ledger says", s.name)}
	}
	for _, k := range slices.Sorted(maps.Keys(s.unwatched)) {
		return note{"CannotObserve", fmt.Sprintf("%s of shard %s cannot be listed, so nothing is done there: %s", k, s.name, s.unwatched[k])}
	}
	for _, k := range pin.Kinds {
		if !s.synced[k] && !s.unknown[k] {
			return note{"Observing", fmt.Sprintf("%s of shard %s are still being listed", k, s.name)}
		}
	}
	return note{}
}

// watch asks for every kind that the ledger lists for the shard.
func (c *Core) watch(s *shardState) {
	pin := c.ledger.entries.Shards[s.name]
	if pin == nil || pin.Identity != s.lease.Identity {
		return
	}
	missing := false
	for _, k := range pin.Kinds {
		missing = missing || !s.watched[k]
		s.watched[k] = true
	}
	if missing {
		c.emit(Watch{Shard: s.name, Kinds: pin.Kinds, Judged: c.renderer.JudgedKinds()})
	}
}

// remember has the shard's Lease carry the ledger's tip and the accepted commit.
func (c *Core) remember(s *shardState) {
	if c.cfg.ReadOnly || !s.lease.Held || c.closed(s).reason != "" || c.git.declared == nil || c.git.problem != "" {
		return
	}
	r := Remember{Shard: s.name, Tip: c.ledger.tip, Accepted: c.git.declared.Commit}
	if r != s.remembered {
		s.remembered = r
		c.emit(r)
	}
}

// workFor finds out what to do for one owner, and what is to be said of it. The
// unit comes along when it was rendered just now.
func (c *Core) workFor(o *ownerState, s *shardState, now time.Time) (Work, *render.Unit, verdict) {
	v := view{objects: s.objects[o.owner.UID], anchor: s.anchors[o.owner.UID], contests: o.contests, now: now}
	o.settle(v)
	epoch, lifecycle := c.inForce(o.owner)
	if lifecycle == ledger.Purged {
		return planLeftovers(s.name, o.owner, epoch, v), nil, verdict{}
	}
	w, unit := c.want(o)
	if w.err != nil {
		reason := "NotRendered"
		if errors.Is(w.err, errUndecided) {
			reason = "NotDecided"
		}
		return Work{}, nil, verdict{problem: note{reason, w.err.Error()}}
	}
	if why := c.gate(o, v); why.reason != "" {
		return Work{}, nil, verdict{problem: why}
	}
	health := judge(w, v)
	if why := c.unlisted(s, w); why.reason != "" {
		return Work{}, nil, verdict{health: health, problem: why}
	}
	if lifecycle == ledger.Purging {
		work, done, why := planPurge(s.name, o.owner, epoch, w, v)
		return work, unit, verdict{health: health, problem: why, tornDown: done && health.State == render.Current}
	}
	work, why := planLiving(s.name, o.owner, epoch, w, v)
	result := verdict{applied: work.Empty() && why.reason == "", digest: w.digest, health: health, problem: why}
	// What failed is why the rest is still waited for.
	if waits := why.reason == "" || why.reason == "WaitingForCertificate" || why.reason == "Contested"; waits && len(o.failures) > 0 && !work.Empty() {
		f := o.failures[0]
		result.problem = note{f.Reason, f.Message}
	}
	return work, unit, result
}

// unlisted has the ledger list the kinds of a unit that it does not list yet: what is
// not listed is not watched, and would be lost from sight.
func (c *Core) unlisted(s *shardState, w *wanted) note {
	listed := c.ledger.entries.Shards[s.name].Kinds
	var missing []string
	for _, k := range w.kinds {
		if !slices.Contains(listed, k) {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return note{}
	}
	for _, k := range missing {
		if !slices.Contains(s.lacking, k) {
			s.lacking = append(s.lacking, k)
			c.undecided = true
		}
	}
	return note{"KindsNotListed", fmt.Sprintf("the ledger does not list %s for shard %s yet", strings.Join(missing, ", "), s.name)}
}

// inForce is what the ledger says of an owner: datastores only live.
func (c *Core) inForce(o render.Owner) (epoch int64, lifecycle ledger.Lifecycle) {
	if o.Kind == render.OwnerDataStore {
		return c.ledger.entries.DataStores[o.Name].Epoch, ledger.Living
	}
	e := c.ledger.entries.Tenants[o.Name]
	return e.Epoch, e.Lifecycle
}

// gate lets a new tenant wait until its datastore is ready and guarded.
func (c *Core) gate(o *ownerState, v view) note {
	if o.owner.Kind != render.OwnerTenant || len(v.objects) > 0 {
		return note{}
	}
	e := c.ledger.entries.Tenants[o.owner.Name]
	ds := c.ledger.entries.DataStores[e.Placement.DataStore]
	if e.Lifecycle == ledger.Purging {
		return note{}
	}
	if ds == nil {
		return note{"WaitingForDataStore", fmt.Sprintf("datastore %s is not in the ledger", e.Placement.DataStore)}
	}
	if state := c.owners[ds.UID]; state == nil || state.verdict.health.State != render.Current {
		return note{"WaitingForDataStore", fmt.Sprintf("datastore %s is not ready yet", ds.Name)}
	}
	return note{}
}

func (c *Core) wakeTenantsOf(dataStore string) {
	for _, t := range c.ledger.entries.Tenants {
		if t.Placement.DataStore == dataStore {
			c.touch(t.UID)
		}
	}
}

func (c *Core) tornDown(e *ledger.Tenant) bool {
	o := c.owners[e.UID]
	return o != nil && o.verdict.tornDown
}

// judge asks the provider how the unit is. Objects that only carry our label count
// as absent.
func judge(w *wanted, v view) render.Health {
	judged := make([]render.Judged, len(w.objects))
	for i, want := range w.objects {
		judged[i].ID = want.id
		if have := v.objects[want.id]; have != nil && have.Owned() {
			judged[i].Present, judged[i].Content = true, have.Content
		}
	}
	return w.provider.Judge(judged)
}

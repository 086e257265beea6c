package core

import (
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
	// owned: all that was to be taken over carries our marks.
	owned bool
}

// work does on every shard what differs from what should be.
func (c *Core) work(now time.Time) {
	if !c.ledger.known {
		return
	}
	names := slices.Sorted(maps.Keys(c.shards))
	for _, name := range names {
		c.watch(c.shards[name])
		c.remember(c.shards[name])
	}
	for o := range c.later {
		if c.owners[o.owner.UID] != o || o.lookAt.IsZero() {
			delete(c.later, o)
		} else if c.due(o.lookAt, now) {
			delete(c.later, o)
			c.dirty(o)
		}
	}
	batch := c.batch(now)
	c.renderChanged(batch)
	var going []*job
	for _, o := range batch {
		if j := c.workOn(o, now); j != nil {
			going = append(going, j)
		}
	}
	c.begin(going)
	for _, o := range batch {
		o.unit = nil
	}
	for _, name := range names {
		if s := c.shards[name]; len(s.dirty) > 0 && c.closed(s).reason == "" {
			c.wake(time.Unix(0, 1)) // the others at once
		}
	}
}

// mayGo tells whether an owner's turn has come to be worked on.
func (c *Core) mayGo(o *ownerState, now time.Time) bool {
	return c.due(o.retryAt, now) && c.shard(o.shard).busy < c.cfg.MaxWork
}

// job is work to be done whose objects may still lack their bodies.
type job struct {
	owner *ownerState
	work  Work
}

// workOn looks at one owner; what is to be done for it now is given back.
func (c *Core) workOn(o *ownerState, now time.Time) *job {
	s := c.shard(o.shard)
	if !o.dirty && !c.mayGo(o, now) {
		return nil // others went first
	}
	work, v := c.workFor(o, s, now)
	before := o.verdict
	o.verdict = v
	if usable := v.health.State == render.Current; o.owner.Kind == render.OwnerDataStore && usable != (before.health.State == render.Current) {
		c.wakeTenantsOf(o.owner.Name)
		c.undecided = c.undecided || c.awaited[o.owner.Name]
	}
	if v.tornDown && !before.tornDown {
		c.undecided = true
	}
	if v.owned && !before.owned {
		o.accepted, c.undecided = acceptance{}, true
	}
	c.wishInspection(o)
	c.seeSecrets(o, now)
	if !o.lookAt.IsZero() {
		c.later[o] = true
	}
	c.tell(o)
	if work.Empty() {
		o.fresh, o.failures = 0, nil
		c.rest(o)
		return nil
	}
	if c.cfg.ReadOnly {
		c.rest(o)
		c.emit(WouldDo{Work: work})
		return nil
	}
	if !c.mayGo(o, now) {
		c.wait(o) // found out already what to do: it is not done again until its turn
		return nil
	}
	switch {
	case len(work.Delete) == 0:
		o.fresh = 0 // the next wish to delete begins anew
	case !c.freshTip(o):
		if work.Delete = nil; work.Empty() {
			c.rest(o) // until the tip was read
			return nil
		}
	}
	c.rest(o)
	o.busy = true
	s.busy++
	return &job{o, work}
}

// begin asks for jobs to be done, with the bodies of what is to be applied. Bodies
// are not kept, and many owners wait their turn: so an owner is rendered once more
// when it comes.
func (c *Core) begin(jobs []*job) {
	var bodiless []*ownerState
	for _, j := range jobs {
		o := j.owner
		if o.unit == nil && o.made != nil && o.made.Digest == o.wanted.digest {
			o.unit = o.made
		}
		if o.made = nil; len(j.work.Apply) > 0 && o.unit == nil {
			bodiless = append(bodiless, o)
		}
	}
	c.render(bodiless, func(*ownerState, recipe) bool { return true })
	for _, j := range jobs {
		if err := j.fill(); err != nil {
			j.owner.busy, j.owner.verdict.problem = false, note{"NotRendered", err.Error()}
			c.shard(j.owner.shard).busy--
			continue
		}
		c.emit(Do{Work: j.work})
	}
}

// fill gives what is to be applied its bodies.
func (j *job) fill() error {
	for i := range j.work.Apply {
		if j.owner.unit == nil {
			return j.owner.wanted.err
		}
		id := j.work.Apply[i].Object.ID
		at := slices.IndexFunc(j.owner.unit.Objects, func(obj render.Object) bool { return obj.ID == id })
		j.work.Apply[i].Object = j.owner.unit.Objects[at]
	}
	return nil
}

// freshTip tells whether the ledger's tip was read, and is the one we know,
// since the owner first had something to delete.
func (c *Core) freshTip(o *ownerState) bool {
	if o.fresh == 0 {
		o.fresh = c.git.asked + 1
		c.git.wanted = max(c.git.wanted, o.fresh)
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
	judged := c.ledger.judged // a class that comes in force may have more of them read
	if pin == nil || pin.Identity != s.lease.Identity || pin == s.pin && slices.Equal(judged, s.judged) {
		return
	}
	missing := s.pin != nil && !slices.Equal(judged, s.judged)
	s.pin, s.judged = pin, judged
	for _, k := range pin.Kinds {
		missing = missing || !s.watched[k]
		s.watched[k] = true
	}
	if missing {
		c.emit(Watch{Shard: s.name, Kinds: pin.Kinds, Judged: judged})
	}
}

// remember has the shard's Lease carry the ledger's tip and the accepted commit.
func (c *Core) remember(s *shardState) {
	if c.cfg.ReadOnly || !s.lease.Held || c.git.declared == nil || c.git.problem != "" {
		return
	}
	r := Remember{Shard: s.name, Tip: c.ledger.tip, Accepted: c.git.declared.Commit}
	if r != s.remembered && c.closed(s).reason == "" {
		s.remembered = r
		c.emit(r)
	}
}

// workFor finds out what to do for one owner, and what is to be said of it.
func (c *Core) workFor(o *ownerState, s *shardState, now time.Time) (Work, verdict) {
	v := view{objects: s.objects[o.owner.UID], anchor: s.anchors[o.owner.UID], contests: o.contests, now: now}
	o.settle(v)
	epoch, lifecycle := c.inForce(o.owner)
	if c.leftAlone(o.owner) {
		return Work{}, verdict{applied: true, tornDown: lifecycle == ledger.Purging}
	}
	if lifecycle == ledger.Purged {
		return planLeftovers(s.name, o.owner, epoch, v), verdict{}
	}
	w := c.want(o)
	if w.err != nil {
		return Work{}, verdict{problem: whyUnknown(w.err)}
	}
	if why := c.gate(o, v); why.reason != "" {
		return Work{}, verdict{problem: why}
	}
	health := c.temper(o, c.judge(o, w, v))
	if why := c.unlisted(s, w); why.reason != "" {
		return Work{}, verdict{health: health, problem: why}
	}
	if lifecycle == ledger.Purging {
		work, done, why := planPurge(s.name, o.owner, epoch, w, v)
		return work, verdict{health: health, problem: why, tornDown: done && health.State == render.Current}
	}
	work, why := planLiving(s.name, o.owner, epoch, lifecycle, w, v)
	result := verdict{applied: work.Empty() && why.reason == "", digest: w.digest, health: health, problem: why}
	result.owned = len(w.adopts) > 0 && !w.adopting(v)
	// What failed is why the rest is still waited for.
	if waits := why.reason == "" || why.reason == "WaitingForCertificate" || why.reason == "Contested" || why.reason == "Adopting"; waits && len(o.failures) > 0 && !work.Empty() {
		f := o.failures[0]
		result.problem = note{f.Reason, f.Message}
	}
	return work, result
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
	ds, missing := storeOf(c.ledger.entries, e.Placement)
	if e.Lifecycle == ledger.Purging {
		return note{}
	}
	if missing {
		return note{"WaitingForDataStore", fmt.Sprintf("datastore %s is not in the ledger", e.Placement.DataStore)}
	}
	if ds == nil {
		return note{} // its provider keeps its state itself
	}
	return c.unready(ds)
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

// judge asks the provider how the unit is, when something is there otherwise than
// when it was asked last. Objects that only carry our label count as absent.
func (c *Core) judge(o *ownerState, w *wanted, v view) render.Health {
	if o.judged == w && o.judgedAt == o.seen {
		return o.health
	}
	judged := make([]render.Judged, len(w.objects))
	for i, want := range w.objects {
		judged[i].ID = want.id
		if have := v.objects.at(want.id); have != nil && have.Owned() {
			judged[i].Present, judged[i].Content = true, c.body(have)
		}
	}
	o.health, o.judged, o.judgedAt = w.provider.Judge(judged), w, o.seen
	return o.health
}

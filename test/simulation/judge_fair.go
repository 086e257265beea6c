package simulation

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// unrest is when something was last wrong, and with what. What nothing is wrong with has
// to go on at its usual pace, whatever becomes of the rest.
type unrest struct {
	looked, judged time.Time
	faults         int
	// all is about everything; else by target (cluster or gitHost), or "replicas".
	all time.Time
	of  map[string]time.Time
	// steady is since when a tenant has been declared as it is.
	steady map[string]steady
	tip    string
}

type steady struct {
	raw   string
	since time.Time
}

// harmless are acts that are about one tenant, one replica or one target, all of which
// watch sees by itself.
var harmless = []string{"wait", "declare", "remove", "cut", "bad", "kill", "trap", "fail", "pause"}

// restless takes in an act: what it does not know, it takes for a disturbance of all,
// until the pauses are over that it may have made replicas take.
func (j *judge) restless(a Act) {
	if !slices.Contains(harmless, a.Do) {
		j.unrest.all = time.Now().Add(45 * time.Minute)
	}
	j.unrest.looked = time.Time{}
	j.watch()
}

// struck takes in that something went wrong with a request.
func (j *judge) struck(x *exchange) { j.unrest.of[x.target] = time.Now() }

// disturbed takes in what people and controllers have written.
func (j *judge) disturbed(c *cluster, change apiserver.Change) {
	switch {
	case isLease(change.Key):
		j.guard(c).foreign = true
	case isAnchor(change.Key):
		j.anchors[place{c.name, strings.TrimPrefix(change.Key.Name, "anchor-")}] = height{epochOf(change.Is), true}
	}
}

// watch looks at what is wrong just now, and whether those are delayed who should not be.
func (j *judge) watch() {
	u, now := &j.unrest, time.Now()
	if now.Sub(u.looked) < time.Second && u.faults == j.w.faults {
		return
	}
	u.looked, u.faults = now, j.w.faults
	for _, r := range j.w.replicas {
		j.clock(r)
		if r.life == nil || r.life.dead() || r.paused || r.skew != 0 {
			u.of["replicas"] = now
		}
	}
	for at, weather := range j.w.routes {
		if weather.cut || weather.bad > 0 {
			u.of[at.target] = now
		}
	}
	if len(j.w.lacks) > 0 {
		u.of["replicas"] = now
	}
	if j.w.gitDown {
		u.of[gitHost] = now
	}
	if now.Sub(u.judged) >= time.Minute {
		u.judged = now
		j.fair(now)
	}
}

// fair: one bad thing stops only itself. A tenant that can be used, on a shard that is
// well, with Git and replicas well, is placed in time; trial sees that it is begun with.
func (j *judge) fair(now time.Time) {
	u := &j.unrest
	f, err := j.fleetAt(j.declaredTips.tip())
	if err != nil || !j.straight() {
		u.all = latest(u.all, now)
		return
	}
	if tip := j.declaredTips.tip(); u.tip != tip {
		before := u.steady
		u.tip, u.steady = tip, map[string]steady{}
		for name, t := range f.Tenants {
			s := steady{string(t.Source.Raw), now}
			if was := before[name]; was.raw == s.raw {
				s = was
			}
			u.steady[name] = s
		}
	}
	l := j.tip()
	for _, name := range slices.Sorted(maps.Keys(f.Tenants)) {
		t, e := f.Tenants[name], l.Tenants[name]
		if !j.promised(f, l, t, e) {
			u.steady[name] = steady{u.steady[name].raw, now} // from when it is on
			continue
		}
		calm := latest(u.steady[name].since, u.all, u.of["replicas"], u.of[gitHost], u.of[j.w.kubeconfigs[t.Spec.Shard]])
		patience := 2*j.w.settings.Interval + j.w.settings.Lease + j.w.settings.Look + 5*time.Minute
		if e == nil && now.Sub(calm) > patience {
			j.violate("Fair", "tenant %s is declared for shard %s since %v, nothing has been wrong with either since %v, and it has no place", name, t.Spec.Shard, u.steady[name].since, calm)
		}
	}
}

// straight tells whether the branches are where replicas believe them to be.
func (j *judge) straight() bool {
	for _, r := range j.guards {
		if !j.descends(j.ledgerTips.tip(), r.tip) || !j.descends(j.declaredTips.tip(), r.accepted) || r.foreign {
			return false
		}
	}
	_, err := j.ledgerAt(j.ledgerTips.tip())
	return err == nil && j.ledgerTips.tip() != ""
}

// carried tells whether every replica has a base: one that was set back to an older daemon
// leaves alone what stands on a newer one, and holds its Lease all the same.
func (j *judge) carried(provider, version string) bool {
	return !slices.ContainsFunc(j.w.replicas, func(r *replica) bool { return j.w.renderer(r).CheckBase(provider, version) != nil })
}

// promised tells whether nothing in what is declared keeps a tenant from the place that
// it asks for.
func (j *judge) promised(f *fleet.Fleet, l *ledger.Ledger, t *fleet.Tenant, e *ledger.Tenant) bool {
	return e == nil && t.Spec.MovedFrom == "" && j.room(f, l, t, t.Spec.Shard)
}

// room tells whether there is a place for a tenant on a shard.
func (j *judge) room(f *fleet.Fleet, l *ledger.Ledger, t *fleet.Tenant, name string) bool {
	shard, class := f.Shards[name], f.Classes[t.Spec.Class]
	if shard == nil || shard.Spec.Cordon || l.Shards[name] == nil || class == nil || l.Classes[t.Spec.Class] == nil ||
		!roomy(shard) || t.Spec.DataStore != "" || t.Spec.Spread.Group != "" || len(t.Files) > 0 {
		return false
	}
	in := l.Classes[t.Spec.Class]
	if class.Own != nil || in.ProviderTree != "" {
		return class.Own != nil && in.ProviderTree != "" // it keeps the state itself
	}
	if !j.carried(in.Provider, in.BaseVersion) {
		return false
	}
	for store, ds := range f.DataStores {
		if e := l.DataStores[store]; e != nil && e.Held == nil && j.carried(e.Provider, e.BaseVersion) && e.Shard == name && ds.Spec.Provider == class.Spec.Provider && ds.Spec.Capacity.Tenants == 0 {
			return true
		}
	}
	return false
}

// roomy tells whether a shard is as it was in the beginning, with addresses for all.
func roomy(shard *fleet.Shard) bool {
	name := shard.Metadata.Name
	return bytes.Equal(shard.Source.Raw, shardDeclared(name, slices.Index(shardNames, name), false))
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

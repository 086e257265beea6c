package simulation

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// decision is what a ledger said of an owner at some time.
type decision struct {
	uid, shard string
	epoch      int64
}

// give notes what a ledger says, whoever has put it there: from now on shards may be
// told so.
func (j *judge) give(commit string) {
	l, err := j.ledgerAt(commit)
	if err != nil {
		return
	}
	for _, t := range l.Tenants {
		j.given[decision{t.UID, t.Placement.Shard, t.Epoch}] = true
	}
	for _, d := range l.DataStores {
		j.given[decision{d.UID, d.Shard, d.Epoch}] = true
	}
	for name, s := range l.Shards {
		if j.pins[name] == "" {
			j.pins[name] = strings.TrimPrefix(s.Identity, "cluster-")
		}
	}
}

// verdict is one push to the ledger, as it is judged.
type verdict struct {
	x        *exchange
	push     gitserver.Push
	was, is  *ledger.Ledger
	source   string // the declared commit that it names
	declared *fleet.Fleet
}

// decided judges a push to the ledger.
func (j *judge) decided(p gitserver.Push, x *exchange) {
	j.onTop(p)
	if p.New == "" {
		j.violate("Ledger", "%s deleted the ledger", x.life.id)
		return
	}
	if p.Old == "" {
		j.begun(x)
	}
	j.untouched(p, ledgersOwn)
	was, err := j.ledgerAt(p.Old)
	if err != nil {
		// Who cannot read what was decided knows nothing of what may be decided.
		j.violate("Ledger", "%s decided on a ledger that cannot be read: %v", x.life.id, err)
		return
	}
	is, err := j.ledgerAt(p.New)
	if err != nil {
		j.violate("Ledger", "%s wrote a ledger that cannot be read: %v", x.life.id, err)
		return
	}
	j.rates.pushed(j)
	v := &verdict{x: x, push: p, was: was, is: is, source: j.sourceOf(p.New)}
	if v.declared, err = j.fleetAt(v.source); err != nil || j.declaredTips.since(v.source).IsZero() {
		// What nobody has declared, nobody may decide.
		j.violate("Ledger", "%s decided about %q, which was never declared: %v", x.life.id, v.source, err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(union(was.Tenants, is.Tenants))) {
		j.tenantDecided(v, name, was.Tenants[name], is.Tenants[name])
	}
	j.sharedDecided(v)
	j.addresses(is)
	j.braked(v)
}

// sourceOf is the declared commit that a decision names as its cause.
func (j *judge) sourceOf(commit string) string {
	message, err := j.w.git.Message(commit)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(message) {
		if source, ok := strings.CutPrefix(strings.TrimSpace(line), "Source-Commit: "); ok {
			return source
		}
	}
	return ""
}

// tenantDecided judges what was decided of one tenant.
func (j *judge) tenantDecided(v *verdict, name string, was, is *ledger.Tenant) {
	switch {
	case is == nil:
		// Without its entry nobody knows that the name, the address and the data are taken.
		j.violate("Monotone", "the entry of tenant %s is gone", name)
	case was == nil || was.UID != is.UID:
		j.born(v, was, is)
	case *was != *is:
		j.aged(v, was, is)
	default:
		return
	}
	if is != nil {
		j.rewound(v, is.Placement.Shard, "tenant "+name)
		j.tenantHeld(v, was, is)
	}
}

// born judges a new identity: only one that is new may be given, and only to a name that
// nobody has any more. Else a name would hand somebody's data to the next one.
func (j *judge) born(v *verdict, was, is *ledger.Tenant) {
	if was != nil && was.Lifecycle != ledger.Purged {
		j.violate("Identity", "tenant %s is %s, and gets a new uid %s", is.Name, was.Lifecycle, is.UID)
	}
	j.named(v, is.UID, "tenant "+is.Name)
	if is.Lifecycle != ledger.Living || is.Epoch != 1 {
		j.violate("Monotone", "tenant %s begins %s with epoch %d", is.Name, is.Lifecycle, is.Epoch)
	}
	if t := v.declared.Tenants[is.Name]; t == nil || t.Dir() != is.Source {
		j.violate("Ledger", "tenant %s of %s is placed, but %s does not declare it", is.Name, is.Source, v.source)
	} else if t.Spec.Adopt == nil {
		j.placed(v, t, is)
	}
}

// named judges that an identity is new. The same decision taken twice, on a ledger that
// people have rewound to where it was taken first, gives the same one.
func (j *judge) named(v *verdict, uid, who string) {
	who += " of " + v.push.Old
	if whose, taken := j.names[uid]; taken && whose != who {
		j.violate("Identity", "uid %s is given to %s, and was given before (%s)", uid, who, whose)
	}
	j.names[uid] = who
}

// arrows are the ways that a life may go.
var arrows = map[ledger.Lifecycle][]ledger.Lifecycle{
	ledger.Living:     {ledger.Tombstoned},
	ledger.Tombstoned: {ledger.Living, ledger.Purging},
	ledger.Purging:    {ledger.Purged},
}

// aged judges a change of an identity that goes on.
func (j *judge) aged(v *verdict, was, is *ledger.Tenant) {
	step := int64(0)
	if j.migrates(v, was, is) {
		step = 1
	} else if was.Placement != is.Placement || was.Provider != is.Provider {
		// Its objects and its data are where they were.
		j.violate("Monotone", "tenant %s was on %s (%s), and is on %s (%s) now", is.Name, was.Placement, was.Provider, is.Placement, is.Provider)
	}
	if was.Source != is.Source {
		if t := v.declared.Tenants[is.Name]; t == nil || t.Dir() != is.Source || t.Spec.MovedFrom != was.Source {
			j.violate("Identity", "tenant %s of %s is taken for the one of %s", is.Name, is.Source, was.Source)
		}
	}
	if was.Lifecycle == is.Lifecycle {
		if is.Epoch != was.Epoch+step {
			j.violate("Monotone", "tenant %s goes from epoch %d to %d, want %d more", is.Name, was.Epoch, is.Epoch, step)
		}
		if !reflect.DeepEqual(was.Tombstone, is.Tombstone) {
			j.violate("Removal", "the tombstone of tenant %s is changed", is.Name)
		}
		return
	}
	if !slices.Contains(arrows[was.Lifecycle], is.Lifecycle) || is.Epoch != was.Epoch+1 {
		j.violate("Monotone", "tenant %s goes from %s (epoch %d) to %s (epoch %d)", is.Name, was.Lifecycle, was.Epoch, is.Lifecycle, is.Epoch)
		return
	}
	switch is.Lifecycle {
	case ledger.Living:
		if !declares(v.declared, is) {
			j.violate("Ledger", "tenant %s of %s is revived, but %s does not declare it", is.Name, is.Source, v.source)
		}
	case ledger.Tombstoned:
		j.removed(v, is)
		j.tenantKept(v, was, is)
	case ledger.Purging:
		j.purged(v, was, is)
	case ledger.Purged:
		j.buried(is)
	}
}

// declares tells whether a tenant is declared where it was, be it that others claim its
// name.
func declares(f *fleet.Fleet, e *ledger.Tenant) bool {
	t := f.Tenants[e.Name]
	return t != nil && t.Dir() == e.Source ||
		slices.ContainsFunc(f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: e.Name}].Candidates, func(t *fleet.Tenant) bool { return t.Dir() == e.Source })
}

// sharedDecided judges decisions about what tenants share: none of it ever goes back,
// and none is forgotten while tenants may live of it.
func (j *judge) sharedDecided(v *verdict) {
	for name, was := range v.was.DataStores {
		is := v.is.DataStores[name]
		if is == nil || is.UID != was.UID || is.Shard != was.Shard || is.Provider != was.Provider || is.BaseVersion != was.BaseVersion || is.Epoch < was.Epoch {
			j.violate("Monotone", "datastore %s was %+v, and is %+v now", name, *was, is)
		}
	}
	for name, is := range v.is.DataStores {
		was := v.was.DataStores[name]
		if was == nil {
			j.named(v, is.UID, "datastore "+name)
		}
		if was == nil || *was != *is {
			j.rewound(v, is.Shard, "datastore "+name)
			j.storeHeld(v, was, is)
		}
	}
	for name, was := range v.was.Shards {
		is := v.is.Shards[name]
		if is == nil || is.Identity != was.Identity {
			j.violate("Monotone", "shard %s was pinned to %s, and is %+v now", name, was.Identity, is)
			continue
		}
		for _, kind := range was.Kinds { // else what is there of it would be lost from sight
			if !slices.Contains(is.Kinds, kind) {
				j.violate("Monotone", "shard %s is not watched for %s any more", name, kind)
			}
		}
	}
	for name, is := range v.is.Shards {
		for other, e := range v.is.Shards {
			if name != other && e.Identity == is.Identity {
				j.violate("Monotone", "shards %s and %s are the same cluster", name, other)
			}
		}
	}
	for name, was := range v.was.Classes {
		is := v.is.Classes[name]
		switch {
		case is == nil:
			j.violate("Monotone", "the entry of class %s is gone", name)
		case is.BaseVersion != was.BaseVersion && is.Provider == was.Provider:
			// A person asks for another base by name, or it stays.
			if k := v.declared.Classes[name]; k == nil || k.Spec.BaseVersion != is.BaseVersion {
				j.violate("Monotone", "class %s goes from base %s to %s unasked", name, was.BaseVersion, is.BaseVersion)
			}
		}
	}
}

// addresses: an endpoint stands in certificates and kubeconfigs. Two tenants with one
// would answer for each other.
func (j *judge) addresses(l *ledger.Ledger) {
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(l.Tenants)) {
		t := l.Tenants[name]
		if t.Lifecycle == ledger.Purged {
			continue
		}
		at := t.Placement.Address + t.Placement.Host
		if other := taken[at]; other != "" {
			j.violate("Addresses", "%s is given to tenants %s and %s", at, other, name)
		}
		taken[at] = name
	}
}

// clusterOf is the cluster that a shard is pinned to.
func (j *judge) clusterOf(shard string) string { return j.pins[shard] }

// shardOf is the shard that a cluster is pinned as.
func (j *judge) shardOf(cluster string) string {
	for shard, pinned := range j.pins {
		if pinned == cluster {
			return shard
		}
	}
	return ""
}

func union[A, B any](a map[string]A, b map[string]B) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

package simulation

import (
	"bytes"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

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
	if v.declared, err = j.fleetAt(v.source); err != nil || !j.declaredTips.was(v.source) {
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

// begun judges that a ledger is begun: not where a Lease that can be asked remembers one.
// Else all that was ever decided would be decided once more.
func (j *judge) begun(x *exchange) {
	for _, name := range clusterNames {
		r, at := j.guards[name], j.w.weatherOf(x.life.replica.name, name)
		if r == nil || r.foreign || r.tip == "" || time.Since(r.remembered) < j.window() || at.cut || at.bad > 0 {
			continue
		}
		j.violate("Rewound", "%s begins the ledger anew, but the Lease of %s remembers %s", x.life.id, name, r.tip)
	}
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

// onTop: a push is one commit on the tip that it names, and changes something. A second
// commit of the same would be a decision taken twice; another parent, one that was laid
// on decisions which its maker has never seen.
func (j *judge) onTop(p gitserver.Push) {
	if p.New == "" {
		return
	}
	parents, err := j.w.git.Parents(p.New)
	switch {
	case err != nil:
		j.violate("OnTop", "%s: %v", p.New, err)
	case p.Old == "" && len(parents) > 0, p.Old != "" && !slices.Equal(parents, []string{p.Old}):
		j.violate("OnTop", "%s was pushed to %s at %q, but stands on %v", p.New, p.Branch, p.Old, parents)
	case p.Old != "":
		before, _ := j.w.git.Tree(p.Old)
		after, _ := j.w.git.Tree(p.New)
		if before == after {
			j.violate("OnTop", "%s on %s changes nothing: it was said before", p.New, p.Branch)
		}
	}
}

// untouched: files that are not ours stay as people left them, and nothing that is
// written unlocks anything: commits are read by many, and kept for ever.
func (j *judge) untouched(p gitserver.Push, own func(string) bool) {
	before := map[string][]byte{}
	if p.Old != "" {
		before, _ = j.w.git.Files(p.Old)
	}
	after, err := j.w.git.Files(p.New)
	if err != nil {
		j.violate("Foreign", "%s on %s cannot be read: %v", p.New, p.Branch, err)
		return
	}
	for file, data := range after {
		if was, there := before[file]; there && bytes.Equal(was, data) {
			continue
		}
		if !own(file) {
			j.violate("Foreign", "%s on %s writes %s", p.New, p.Branch, file)
		}
		if leaks(string(data)) {
			j.violate("Secrets", "%s on %s has a secret in %s", p.New, p.Branch, file)
		}
	}
	for file := range before {
		if _, still := after[file]; !still && !own(file) {
			j.violate("Foreign", "%s on %s removes %s", p.New, p.Branch, file)
		}
	}
	if message, _ := j.w.git.Message(p.New); leaks(message) {
		j.violate("Secrets", "the message of %s on %s has a secret", p.New, p.Branch)
	}
}

func ledgersOwn(file string) bool {
	top, _, nested := strings.Cut(file, "/")
	return file == "README.md" || nested && slices.Contains([]string{"tenants", "datastores", "classes", "shards", "sources"}, top)
}

// statusesOwn tells of the places of our own files from all others below status/.
func statusesOwn(file string) bool {
	parts := strings.Split(file, "/")
	name, isYAML := strings.CutSuffix(path.Base(file), ".yaml")
	switch {
	case file == "README.md":
		return true
	case len(parts) == 3 && parts[0] == "status" && isYAML:
		return parts[1] == "_unplaced" || name == "_shard"
	case len(parts) == 4 && parts[0] == "status" && isYAML:
		return parts[2] == ledger.Dir(name)
	}
	return false
}

// observed judges a push to the status branch.
func (j *judge) observed(p gitserver.Push) {
	if p.New == "" {
		j.violate("Foreign", "the status branch was deleted")
		return
	}
	j.onTop(p)
	j.untouched(p, statusesOwn)
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
	}
}

// born judges a new identity: only one that is new may be given, and only to a name that
// nobody has any more. Else a name would hand somebody's data to the next one.
func (j *judge) born(v *verdict, was, is *ledger.Tenant) {
	if was != nil && was.Lifecycle != ledger.Purged {
		j.violate("Identity", "tenant %s is %s, and gets a new uid %s", is.Name, was.Lifecycle, is.UID)
	}
	if whose, taken := j.names[is.UID]; taken && !j.sameBirth(v, whose) {
		j.violate("Identity", "uid %s is given to tenant %s, and was given before (%s)", is.UID, is.Name, whose)
	}
	j.names[is.UID] = is.Name + " of " + v.push.Old
	if is.Lifecycle != ledger.Living || is.Epoch != 1 {
		j.violate("Monotone", "tenant %s begins %s with epoch %d", is.Name, is.Lifecycle, is.Epoch)
	}
	if t := v.declared.Tenants[is.Name]; t == nil || t.Dir() != is.Source {
		j.violate("Ledger", "tenant %s of %s is placed, but %s does not declare it", is.Name, is.Source, v.source)
	}
}

// sameBirth: the same decision taken twice, on a ledger that people have rewound to where
// it was taken first, gives the same identity.
func (j *judge) sameBirth(v *verdict, whose string) bool {
	return strings.HasSuffix(whose, " of "+v.push.Old)
}

// arrows are the ways that a life may go.
var arrows = map[ledger.Lifecycle][]ledger.Lifecycle{
	ledger.Living:     {ledger.Tombstoned},
	ledger.Tombstoned: {ledger.Living, ledger.Purging},
	ledger.Purging:    {ledger.Purged},
}

// aged judges a change of an identity that goes on.
func (j *judge) aged(v *verdict, was, is *ledger.Tenant) {
	if was.Placement != is.Placement || was.Provider != is.Provider {
		// Its objects and its data are where they were.
		j.violate("Monotone", "tenant %s was on %s (%s), and is on %s (%s) now", is.Name, was.Placement, was.Provider, is.Placement, is.Provider)
	}
	if was.Source != is.Source {
		if t := v.declared.Tenants[is.Name]; t == nil || t.Dir() != is.Source || t.Spec.MovedFrom != was.Source {
			j.violate("Identity", "tenant %s of %s is taken for the one of %s", is.Name, is.Source, was.Source)
		}
	}
	if was.Lifecycle == is.Lifecycle {
		if was.Epoch != is.Epoch {
			j.violate("Monotone", "tenant %s goes from epoch %d to %d for no reason", is.Name, was.Epoch, is.Epoch)
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

// rewound: whoever decides about a shard knows all that its Lease remembers, of the
// ledger and of what is declared. Else a branch that was set back would undo what has
// been done since.
func (j *judge) rewound(v *verdict, shard, what string) {
	r := j.guards[j.clusterOf(shard)]
	if r == nil || time.Since(r.remembered) < 30*time.Second {
		return // what it remembers may have been on its way
	}
	if !j.descends(v.push.Old, r.tip) {
		j.violate("Rewound", "%s is decided on ledger %q, but the Lease of shard %s remembers %s", what, v.push.Old, shard, r.tip)
	}
	if accept := v.x.life.replica.accept; !j.descends(v.source, r.accepted) && (accept == "" || !j.descends(v.source, accept)) {
		j.violate("Rewound", "%s is decided as commit %s declares, but the Lease of shard %s remembers %s", what, v.source, shard, r.accepted)
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

package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
)

// rule is one thing that has to be so on a shard.
type rule struct {
	reason string
	// always is true of a rule that also what runs already has to keep, store of one about
	// the datastores.
	always, store bool
	broken        func(*State, *shard, *asked) bool
	// why goes on where the shard's name ends; fix is what would have to change.
	why func(*State, *shard, *asked) (message, fix string)
}

// rules in the order in which they are looked at: the first that is broken is told.
var rules = []rule{
	{NotSelected, true, false, func(_ *State, sh *shard, a *asked) bool {
		return a.Spec.Shard == "" && !matches(a.Spec.ShardSelector, sh.labels)
	}, whyNotSelected},
	{Cordoned, false, false, func(_ *State, sh *shard, _ *asked) bool { return sh.spec.Cordon }, whyCordoned},
	{ProviderMissing, true, false, func(_ *State, sh *shard, a *asked) bool { return !among(a.Provider, sh.spec.Providers) }, whyProviderMissing},
	{Dedicated, false, false, func(_ *State, sh *shard, a *asked) bool { return !among(a.team, sh.spec.Teams) }, whyDedicated},
	{Tainted, false, false, func(_ *State, sh *shard, a *asked) bool { return sh.taint(a) != nil }, whyTainted},
	{GroupThere, false, false, func(_ *State, sh *shard, a *asked) bool { return sh.hasGroup(a) }, whyGroupThere},
	{Full, false, false, func(_ *State, sh *shard, _ *asked) bool {
		most := sh.spec.Capacity.Tenants
		return most > 0 && sh.tenants >= most
	}, whyFull},
	{CPUFull, false, false, func(_ *State, sh *shard, a *asked) bool {
		return exceeds(sh.requested.MilliCPU, a.load.MilliCPU, sh.bounds.MilliCPU)
	}, whyCPUFull},
	{MemoryFull, false, false, func(_ *State, sh *shard, a *asked) bool {
		return exceeds(sh.requested.Memory, a.load.Memory, sh.bounds.Memory)
	}, whyMemoryFull},
	{DataStoreRefused, true, true, func(_ *State, _ *shard, a *asked) bool { return a.KeepsState && a.Spec.DataStore != "" }, whyRefused},
	{NoDataStore, true, false, func(_ *State, _ *shard, a *asked) bool {
		return a.Spec.Adopt != nil && !a.KeepsState && a.Spec.DataStore == ""
	}, whyNotNamed},
	{NoDataStore, true, true, (*State).noStore, (*State).whyNoStore},
	{DataStoreFull, false, true, (*State).storesFull, (*State).whyStoresFull},
	{NoAddress, false, false, func(s *State, sh *shard, _ *asked) bool {
		if sh.spec.Domain != "" {
			return false
		}
		_, free := sh.pool.lowest(s.used)
		return !free
	}, whyNoAddress},
	{HostTaken, false, false, func(s *State, sh *shard, a *asked) bool { return sh.spec.Domain != "" && s.hosts[sh.host(a)] > 0 }, whyHostTaken},
}

func file(sh *shard) string { return "shards/" + sh.name + ".yaml" }

func whyNotSelected(_ *State, sh *shard, a *asked) (message, fix string) {
	missing := ""
	for _, key := range slices.Sorted(maps.Keys(a.Spec.ShardSelector)) {
		if got, ok := sh.labels[key]; !ok || got != a.Spec.ShardSelector[key] {
			missing = key + "=" + a.Spec.ShardSelector[key]
			break
		}
	}
	return fmt.Sprintf("it lacks the label %s that spec.shardSelector asks for", missing),
		fmt.Sprintf("give shard %s the labels that spec.shardSelector asks for, or ask for others", sh.name)
}

func whyCordoned(_ *State, sh *shard, _ *asked) (message, fix string) {
	return fmt.Sprintf("it is cordoned (spec.cordon in %s)", file(sh)),
		fmt.Sprintf("remove spec.cordon from %s, if it may take tenants again", file(sh))
}

func whyProviderMissing(_ *State, sh *shard, a *asked) (message, fix string) {
	return fmt.Sprintf("provider %s of the tenant's class %s is not among spec.providers in %s", a.Provider, a.Spec.Class, file(sh)),
		fmt.Sprintf("install %s on shard %s, and add it to spec.providers in %s", a.Provider, sh.name, file(sh))
}

func whyDedicated(_ *State, sh *shard, a *asked) (message, fix string) {
	return fmt.Sprintf("it is for %s (spec.teams in %s), and the tenant is of team %s", teams(sh.spec.Teams), file(sh), a.team),
		fmt.Sprintf("add team %s to spec.teams in %s", a.team, file(sh))
}

func whyTainted(_ *State, sh *shard, a *asked) (message, fix string) {
	t := sh.taint(a)
	return fmt.Sprintf("class %s does not tolerate its taint %s (spec.taints in %s)", a.Spec.Class, taint(*t), file(sh)),
		fmt.Sprintf("add %s to spec.tolerations of class %s, or choose a class that tolerates it", taint(*t), a.Spec.Class)
}

// taint is the first one that the class does not tolerate.
func (sh *shard) taint(a *asked) *fleet.Taint {
	for i, t := range sh.spec.Taints {
		if !slices.ContainsFunc(a.Tolerations, t.Meets) {
			return &sh.spec.Taints[i]
		}
	}
	return nil
}

func taint(t fleet.Taint) string {
	if t.Value == "" {
		return t.Key
	}
	return t.Key + "=" + t.Value
}

// hasGroup tells whether as many of the tenant's group are there as it puts up with.
func (sh *shard) hasGroup(a *asked) bool {
	return a.load.group != "" && sh.groups[a.load.group] >= a.mostOfGroup()
}

func whyGroupThere(_ *State, sh *shard, a *asked) (message, fix string) {
	return fmt.Sprintf("%d of the group %s of team %s are there, and the tenant wants at most %d on a shard (spec.spread)",
			sh.groups[a.load.group], a.Spec.Spread.Group, a.team, a.mostOfGroup()),
		fmt.Sprintf("raise spec.spread.maxPerShard to %d, or declare another shard", sh.groups[a.load.group]+1)
}

func whyFull(_ *State, sh *shard, _ *asked) (message, fix string) {
	return fmt.Sprintf("it has %d tenants, removed ones that may come back included, of %d (spec.capacity.tenants in %s)",
		sh.tenants, sh.spec.Capacity.Tenants, file(sh)), "raise spec.capacity.tenants in " + file(sh)
}

func whyCPUFull(_ *State, sh *shard, a *asked) (message, fix string) {
	return fmt.Sprintf("its tenants request %dm of %dm CPU, and a tenant of class %s requests %dm (spec.capacity.cpu in %s)",
		sh.requested.MilliCPU, sh.bounds.MilliCPU, a.Spec.Class, a.load.MilliCPU, file(sh)), "raise spec.capacity.cpu in " + file(sh)
}

func whyMemoryFull(_ *State, sh *shard, a *asked) (message, fix string) {
	const mebibyte = 1 << 20
	return fmt.Sprintf("its tenants request %d of %d MiB memory, and a tenant of class %s requests %d MiB (spec.capacity.memory in %s)",
		sh.requested.Memory/mebibyte, sh.bounds.Memory/mebibyte, a.Spec.Class, a.load.Memory/mebibyte, file(sh)), "raise spec.capacity.memory in " + file(sh)
}

func whyRefused(_ *State, sh *shard, a *asked) (message, fix string) {
	return fmt.Sprintf("the tenant asks for datastore %s, but provider %s of its class %s keeps the state of its tenants itself (spec.dataStore)",
		a.Spec.DataStore, a.Provider, a.Spec.Class), fmt.Sprintf("remove spec.dataStore, and shard %s may take it", sh.name)
}

func whyNotNamed(*State, *shard, *asked) (message, fix string) {
	return "what the tenant takes over has its state in a datastore: spec.dataStore has to name it", "name the datastore in spec.dataStore"
}

func whyNoAddress(_ *State, sh *shard, _ *asked) (message, fix string) {
	return fmt.Sprintf("every address of its pool is taken (spec.addressPool in %s)", file(sh)), "add addresses to spec.addressPool in " + file(sh)
}

// host is the tenant's DNS name on a shard that has a domain.
func (sh *shard) host(a *asked) string { return a.Tenant.Metadata.Name + "." + sh.spec.Domain }

func whyHostTaken(_ *State, sh *shard, a *asked) (message, fix string) {
	return fmt.Sprintf("its host would be %s, which is that of another tenant", sh.host(a)),
		fmt.Sprintf("give shard %s another spec.domain, or the tenant another name", sh.name)
}

// exceeds tells whether more is too much. Who requests nothing fits anywhere.
func exceeds(requested, more, bound int64) bool {
	return bound > 0 && more > 0 && requested > bound-more
}

// among tells whether a name is in a list of which the empty one names all.
func among(name string, names []string) bool { return len(names) == 0 || slices.Contains(names, name) }

// matches tells whether labels are as a selector wants.
func matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if got, ok := labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}

func teams(names []string) string {
	if len(names) == 1 {
		return "team " + names[0] + " alone"
	}
	return "teams " + strings.Join(names, ", ") + " alone"
}

package core

import (
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Shards is the status of every shard that is declared or has a kubeconfig.
func (c *Core) Shards() []*ShardStatus {
	if c.git.declared == nil || !c.ledger.known {
		return nil
	}
	counts := c.count()
	var all []*ShardStatus
	for _, name := range c.shardNames() {
		all = append(all, c.shardStatus(name, counts[name]))
	}
	return all
}

// Open tells of every shard that Shards has whether work is done there.
func (c *Core) Open() map[string]bool {
	open := map[string]bool{}
	if c.git.declared == nil || !c.ledger.known {
		return open
	}
	for _, name := range c.shardNames() {
		s := c.shard(name)
		open[name] = s.problem.reason == "" && c.closed(s).reason == ""
	}
	return open
}

// shardNames are those of the shards that are declared or decided.
func (c *Core) shardNames() []string {
	names := slices.Collect(maps.Keys(c.git.declared.Fleet.Shards))
	names = slices.AppendSeq(names, maps.Keys(c.ledger.entries.Shards))
	slices.Sort(names)
	return slices.Compact(names)
}

// population is how many tenants a shard and its datastores have.
type population struct {
	tenants int
	stores  map[string]int
	// unsettled tenants are not as they should be yet.
	unsettled int
}

func (c *Core) count() map[string]population {
	counts := map[string]population{}
	for _, t := range c.ledger.entries.Tenants {
		if t.Lifecycle == ledger.Purged {
			continue
		}
		p := counts[t.Placement.Shard]
		if p.stores == nil {
			p.stores = map[string]int{}
		}
		p.tenants++
		p.stores[t.Placement.DataStore]++
		if !c.owners[t.UID].settled() {
			p.unsettled++
		}
		counts[t.Placement.Shard] = p
	}
	return counts
}

// settled tells whether an owner was looked at and is as it should be.
func (o *ownerState) settled() bool { return !o.dirty && o.verdict.applied }

func (c *Core) shardStatus(name string, has population) *ShardStatus {
	st := &ShardStatus{APIVersion: fleet.APIVersion, Kind: kindShardStatus, Name: name}
	s := c.shard(name)
	if pin := c.ledger.entries.Shards[name]; pin != nil {
		st.Identity = pin.Identity
	}
	was := c.lastOfShard(name)
	st.Tenants = has.tenants
	settled := has.unsettled == 0
	for _, ds := range slices.Sorted(maps.Keys(c.ledger.entries.DataStores)) {
		if e := c.ledger.entries.DataStores[ds]; e.Shard == name {
			settled = settled && c.owners[e.UID].settled()
			store := c.dataStoreStatus(e, was)
			store.Tenants = has.stores[ds]
			st.DataStores = append(st.DataStores, store)
		}
	}
	why := c.closed(s)
	if s.problem.reason != "" {
		why = s.problem
	}
	st.Conditions = []Condition{condition("Ready", "True", note{"Ready", ""})}
	if why.reason != "" {
		st.Conditions = []Condition{condition("Ready", "False", why)}
	}
	if settled && why.reason == "" && c.git.problem == "" && c.settled == c.git.declared.Commit {
		st.Commit = c.settled
	} else {
		st.Commit = was.Commit
	}
	return st
}

// dataStoreStatus is what is observed of a datastore. Until its Secrets were looked at,
// what was said last is the better knowledge.
func (c *Core) dataStoreStatus(e *ledger.DataStore, last *ShardStatus) DataStoreStatus {
	o, st := c.owners[e.UID], DataStoreStatus{Name: e.Name}
	v := o.verdict
	ready := condition("Ready", "False", note{orElse(v.health.Reason, "Provisioning"), v.health.Message})
	if v.health.State == render.Current {
		ready = condition("Ready", "True", note{"Ready", v.health.Message})
	}
	if v.problem.reason != "" {
		ready = condition("Ready", "False", v.problem)
	}
	st.Conditions, st.Secrets = []Condition{ready}, o.secrets.status()
	if said := last.store(e.Name); said != nil && c.refers(o) && !o.knowsSecrets() {
		st.Conditions, st.Secrets = said.Conditions, said.Secrets
	}
	return st
}

// lackOf says what a datastore's Secrets lack, or lacked when a daemon has looked last.
func (c *Core) lackOf(e *ledger.DataStore, o *ownerState) string {
	switch {
	case o == nil:
		return ""
	case !c.refers(o) || o.knowsSecrets():
		return o.secrets.lack
	}
	if said := c.lastOfShard(e.Shard).store(e.Name); said != nil && len(said.Conditions) == 1 && said.Conditions[0].Reason == reasonSecretMissing {
		return said.Conditions[0].Message
	}
	return ""
}

// lastOfShard is what is said of a shard; nothing if that cannot be read.
func (c *Core) lastOfShard(name string) *ShardStatus {
	var was ShardStatus
	_ = yaml.Unmarshal(c.status.files[shardPath(name)], &was)
	return &was
}

// store is what is said of a datastore; nil is nothing.
func (s *ShardStatus) store(name string) *DataStoreStatus {
	if i := slices.IndexFunc(s.DataStores, func(d DataStoreStatus) bool { return d.Name == name }); i >= 0 {
		return &s.DataStores[i]
	}
	return nil
}

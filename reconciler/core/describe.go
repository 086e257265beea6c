package core

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Tenants is the status of every tenant that is declared, broken or in the
// ledger, by name. Transition times are zero.
func (c *Core) Tenants() []*TenantStatus {
	if c.git.declared == nil || !c.ledger.known {
		return nil
	}
	f, l := c.git.declared.Fleet, c.ledger.entries
	names := map[string]bool{}
	for name := range f.Tenants {
		names[name] = true
	}
	for ref := range f.Broken {
		if ref.Kind == fleet.KindTenant {
			names[ref.Name] = true
		}
	}
	for name, e := range l.Tenants {
		if e.Lifecycle != ledger.Purged {
			names[name] = true
		}
	}
	var all []*TenantStatus
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, c.tenantStatus(name))
	}
	return all
}

func (c *Core) tenantStatus(name string) *TenantStatus {
	st := &TenantStatus{APIVersion: fleet.APIVersion, Kind: kindTenantStatus, Name: name}
	f := c.git.declared.Fleet
	declared := f.Tenants[name]
	broken, isBroken := f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: name}]
	if declared != nil {
		st.Source, st.Class = declared.Dir(), declared.Spec.Class
	} else if isBroken {
		st.Source = path.Dir(broken.Path)
	}
	e := c.ledger.entries.Tenants[name]
	if e == nil || e.Lifecycle == ledger.Purged {
		why := c.notes[name]
		st.Phase = Pending
		if isBroken {
			st.Phase, why = Held, note{"Invalid", broken.Message}
		}
		if why.reason == "" {
			why = note{"NotDecided", c.undecidable()}
		}
		st.Conditions = []Condition{
			condition("Placed", "False", why),
			condition("Ready", "False", note{"NotPlaced", ""}),
		}
		return st
	}
	st.UID, st.Source, st.Provider, st.Epoch = e.UID, e.Source, e.Provider, e.Epoch
	st.Shard, st.DataStore = e.Placement.Shard, e.Placement.DataStore
	if t := c.declarationInForce(e); t != nil {
		st.Class = t.Spec.Class
	}
	c.observe(st, e, isBroken, broken)
	return st
}

// observe fills in what the tenant's shard says.
func (c *Core) observe(st *TenantStatus, e *ledger.Tenant, isBroken bool, broken fleet.Broken) {
	s, o := c.shard(e.Placement.Shard), c.owners[e.UID]
	v := verdict{}
	if o != nil {
		v = o.verdict
	}
	placed := condition("Placed", "True", note{"Placed", fmt.Sprintf("on shard %s with datastore %s", st.Shard, st.DataStore)})
	applied, ready := condition("Applied", "True", note{"Applied", ""}), Condition{}
	switch {
	case v.problem.reason != "":
		applied = condition("Applied", "False", v.problem)
	case !v.applied:
		applied = condition("Applied", "False", note{"Applying", "objects are being written"})
	default:
		st.Digest = v.digest
	}
	switch v.health.State {
	case render.Current:
		ready = condition("Ready", "True", note{orElse(v.health.Reason, "Ready"), v.health.Message})
		st.Phase = Ready
	case render.Failed:
		ready = condition("Ready", "False", note{orElse(v.health.Reason, "Failed"), v.health.Message})
		st.Phase = Failed
	default:
		ready = condition("Ready", "False", note{orElse(v.health.Reason, "Provisioning"), v.health.Message})
		st.Phase = Provisioning
	}
	if st.Phase == Ready && applied.Status != "True" && v.problem.reason == "" {
		st.Phase = Provisioning
	}
	if o != nil && o.wanted != nil && o.wanted.err == nil {
		c.reference(st, o, s)
		if st.Phase == Ready && st.Kubeconfig == nil && o.wanted.kubeconfig != nil {
			st.Phase = Provisioning
			ready = condition("Ready", "False", note{"WaitingForKubeconfig", "the admin kubeconfig is not there yet"})
		}
	}
	switch v.problem.reason {
	case "WaitingForDataStore":
		st.Phase = Pending
	case "Foreign", "Invalid", "Forbidden", "NotRendered", "EpochBehind":
		st.Phase = Failed
	}
	if why := c.closed(s); why.reason != "" && why.reason != "Observing" {
		ready = condition("Ready", "Unknown", why)
		applied = condition("Applied", "Unknown", why)
		st.Phase = Unknown
	}
	held := Condition{}
	switch why := c.notes[e.Name]; {
	case isBroken:
		held = condition("Held", "True", note{"Invalid", broken.Message})
	case e.Held != nil:
		held = condition("Held", "True", note{e.Held.Reason, orElse(why.message, "it is kept as commit "+e.Held.Commit+" declared it")})
	case why.reason != "":
		held = condition("Held", "True", why)
	case c.git.problem != "":
		held = condition("Held", "True", note{"Declared" + string(c.git.problem), c.git.message})
	}
	switch e.Lifecycle {
	case ledger.Tombstoned:
		st.Phase = Removed
		st.PurgeAfter = &e.Tombstone.PurgeAfter
		ready = condition("Ready", "False", note{"Removed", "its declaration is gone; it is stopped, and its data is kept until " + e.Tombstone.PurgeAfter.Format(time.RFC3339)})
	case ledger.Purging:
		st.Phase = Purging
		ready = condition("Ready", "False", note{"Purging", "it is being torn down"})
	default:
		if held.Type != "" && st.Phase != Unknown {
			st.Phase = Held
		}
	}
	st.Conditions = []Condition{placed, applied, ready}
	if held.Type != "" {
		st.Conditions = append(st.Conditions, held)
	}
}

// reference names endpoint, version and kubeconfig, as the provider reads them.
func (c *Core) reference(st *TenantStatus, o *ownerState, s *shardState) {
	outputs := o.verdict.health.Outputs
	st.Version, st.Endpoint = outputs["version"], outputs["endpoint"]
	if st.Endpoint == "" && len(o.wanted.derived) > 0 {
		st.Endpoint = o.wanted.derived[0].Server
	}
	key := o.wanted.kubeconfig
	if key == nil {
		return
	}
	id := render.ObjectID{Version: "v1", Kind: "Secret", Namespace: key.Namespace, Name: key.Name}
	if have := s.objects[o.owner.UID][id]; have != nil && have.Certificate != nil {
		st.Kubeconfig = &KubeconfigRef{
			Shard: s.name, Namespace: key.Namespace, Secret: key.Name, Key: key.Key,
			Fingerprint: have.Certificate.Fingerprint, NotAfter: have.Certificate.NotAfter.UTC(),
		}
	}
}

// undecidable says why no decisions are taken now.
func (c *Core) undecidable() string {
	switch {
	case c.git.problem != "":
		return c.git.message
	case c.ledger.problem != "":
		return c.ledger.message
	case c.lostLedger() != "":
		return fmt.Sprintf("the ledger is gone, but the Lease of shard %s remembers one: restore the branch", c.lostLedger())
	case c.ledger.pushErr != nil:
		return fmt.Sprintf("the ledger cannot be written: %v", c.ledger.pushErr)
	}
	return "it is being decided"
}

// Shards is the status of every shard that is declared or has a kubeconfig.
func (c *Core) Shards() []*ShardStatus {
	if c.git.declared == nil || !c.ledger.known {
		return nil
	}
	names := map[string]bool{}
	for name := range c.git.declared.Fleet.Shards {
		names[name] = true
	}
	for name := range c.ledger.entries.Shards {
		names[name] = true
	}
	var all []*ShardStatus
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, c.shardStatus(name))
	}
	return all
}

func (c *Core) shardStatus(name string) *ShardStatus {
	st := &ShardStatus{APIVersion: fleet.APIVersion, Kind: kindShardStatus, Name: name}
	s := c.shard(name)
	if pin := c.ledger.entries.Shards[name]; pin != nil {
		st.Identity = pin.Identity
	}
	byStore := map[string]int{}
	settled := true
	for _, t := range c.ledger.entries.Tenants {
		if t.Placement.Shard != name || t.Lifecycle == ledger.Purged {
			continue
		}
		st.Tenants++
		byStore[t.Placement.DataStore]++
		settled = settled && c.owners[t.UID].verdict.applied
	}
	for _, ds := range slices.Sorted(maps.Keys(c.ledger.entries.DataStores)) {
		if e := c.ledger.entries.DataStores[ds]; e.Shard == name {
			v := c.owners[e.UID].verdict
			settled = settled && v.applied
			ready := condition("Ready", "False", note{orElse(v.health.Reason, "Provisioning"), v.health.Message})
			if v.health.State == render.Current {
				ready = condition("Ready", "True", note{"Ready", ""})
			}
			if v.problem.reason != "" {
				ready = condition("Ready", "False", v.problem)
			}
			st.DataStores = append(st.DataStores, DataStoreStatus{Name: ds, Tenants: byStore[ds], Conditions: []Condition{ready}})
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
	if settled && why.reason == "" && c.git.problem == "" {
		st.Commit = c.git.declared.Commit
	} else if p := c.status.files[shardPath(name)]; p != nil {
		var was ShardStatus
		if yaml.Unmarshal(p, &was) == nil {
			st.Commit = was.Commit
		}
	}
	return st
}

func condition(kind, status string, why note) Condition {
	return Condition{Type: kind, Status: status, Reason: why.reason, Message: why.message}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

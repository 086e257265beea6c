package core

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

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
	var all []*TenantStatus
	for _, name := range slices.Sorted(maps.Keys(c.spokenOf())) {
		all = append(all, c.tenantStatus(name))
	}
	return all
}

// spokenOf are the names of all tenants that have a status.
func (c *Core) spokenOf() map[string]bool {
	names := map[string]bool{}
	for name := range c.git.declared.Fleet.Tenants {
		names[name] = true
	}
	for ref := range c.git.declared.Fleet.Broken {
		if ref.Kind == fleet.KindTenant {
			names[ref.Name] = true
		}
	}
	for name, e := range c.ledger.entries.Tenants {
		if e.Lifecycle != ledger.Purged {
			names[name] = true
		}
	}
	return names
}

func (c *Core) isSpokenOf(name string) bool {
	f, e := c.git.declared.Fleet, c.ledger.entries.Tenants[name]
	_, broken := f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: name}]
	return f.Tenants[name] != nil || broken || e != nil && e.Lifecycle != ledger.Purged
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
	c.observe(st, e, c.held(e))
	return st
}

// observe fills in what the tenant's shard says.
func (c *Core) observe(st *TenantStatus, e *ledger.Tenant, held note) {
	s, o := c.shard(e.Placement.Shard), c.owners[e.UID]
	v := o.verdict
	c.reference(st, o, s)
	placed := condition("Placed", "True", note{"Placed", e.Placement.Where()})
	applied := v.condition()
	if applied.Status == "True" {
		st.Digest = v.digest
	}
	phase, ready := readiness(v.health)
	st.Phase = phase
	switch {
	case st.Phase != Ready:
	case st.Kubeconfig == nil && o.wanted != nil && o.wanted.kubeconfig != nil:
		st.Phase, ready = Provisioning, condition("Ready", "False", note{"WaitingForKubeconfig", orElse(o.credentials.message, "the admin kubeconfig is not there yet")})
	case applied.Status != "True" && v.problem.reason == "":
		st.Phase = Provisioning
	}
	if phase, there := phaseOf[v.problem.reason]; there {
		st.Phase = phase
	}
	if v.problem.reason == "BaseUnknown" {
		applied, ready = condition("Applied", "Unknown", v.problem), condition("Ready", "Unknown", v.problem)
		c.recall(st)
	}
	if held.reason != "" {
		st.Phase = Held
	}
	if why := c.closed(s); why.reason != "" {
		st.Phase, applied, ready = Unknown, condition("Applied", "Unknown", why), condition("Ready", "Unknown", why)
	}
	switch e.Lifecycle {
	case ledger.Tombstoned:
		st.Phase, st.PurgeAfter = Removed, &e.Tombstone.PurgeAfter
		what := "its declaration is gone; it is stopped, and its data is kept until " + e.Tombstone.PurgeAfter.Format(time.RFC3339)
		if e.Adopting() {
			what = "its declaration is gone, and not all of it was taken over: what runs is left alone"
		}
		ready = condition("Ready", "False", note{"Removed", what})
	case ledger.Purging:
		st.Phase, ready = Purging, condition("Ready", "False", note{"Purging", "it is being torn down"})
	case ledger.Living, ledger.Purged:
	}
	st.Conditions = []Condition{placed, applied, ready}
	if held.reason != "" {
		st.Conditions = append(st.Conditions, condition("Held", "True", held))
	}
}

// held says why a tenant is not as it is declared, if so.
func (c *Core) held(e *ledger.Tenant) note {
	broken, isBroken := c.git.declared.Fleet.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: e.Name}]
	switch why := c.notes[e.Name]; {
	case isBroken && declaredTenant(c.git.declared.Fleet, e.Name, e) == nil:
		return note{"Invalid", broken.Message}
	case e.Held != nil:
		return note{orElse(why.reason, e.Held.Reason), orElse(why.message, "it is kept as commit "+e.Held.Commit+" declared it")}
	case why.reason != "":
		return why
	case c.git.problem != "":
		return note{"Declared" + string(c.git.problem), c.git.message}
	}
	return note{}
}

// condition tells whether everything that should be there is there.
func (v verdict) condition() Condition {
	switch {
	case v.problem.reason != "":
		return condition("Applied", "False", v.problem)
	case !v.applied:
		return condition("Applied", "False", note{"Applying", "objects are being written"})
	}
	return condition("Applied", "True", note{"Applied", ""})
}

// readiness is what a provider's judgement means to people.
func readiness(h render.Health) (Phase, Condition) {
	switch h.State {
	case render.Current:
		return Ready, condition("Ready", "True", note{orElse(h.Reason, "Ready"), h.Message})
	case render.Failed:
		return Failed, condition("Ready", "False", note{orElse(h.Reason, "Failed"), h.Message})
	case render.InProgress:
	}
	return Provisioning, condition("Ready", "False", note{orElse(h.Reason, "Provisioning"), h.Message})
}

// phaseOf are the problems that outweigh what the provider says.
var phaseOf = map[string]Phase{
	"WaitingForDataStore": Pending,
	"Foreign":             Failed,
	"NotAdopted":          Failed,
	"Invalid":             Failed,
	"Forbidden":           Failed,
	"NotRendered":         Failed,
	"EpochBehind":         Failed,
	"BaseUnknown":         Held,
}

// reference names endpoint, version and kubeconfig, as the provider reads them.
func (c *Core) reference(st *TenantStatus, o *ownerState, s *shardState) {
	if o.wanted == nil || o.wanted.err != nil {
		return
	}
	outputs := o.verdict.health.Outputs
	st.Version, st.Endpoint = outputs[render.OutputVersion], cmp.Or(outputs[render.OutputEndpoint], o.wanted.endpoint)
	key := o.wanted.kubeconfig
	if key == nil {
		return
	}
	if found := o.certificate(s); found != nil {
		st.Kubeconfig = &KubeconfigRef{
			Shard: s.name, Namespace: key.Namespace, Secret: key.Name, Key: key.Key,
			Fingerprint: found.Fingerprint, NotAfter: found.NotAfter.UTC(),
		}
	}
}

// certificate is what is known of the client certificate in a tenant's kubeconfig: of
// one that is ours from the watch, else from what was looked at.
func (o *ownerState) certificate(s *shardState) *Certificate {
	if _, foreign := o.wanted.provider.Revision(o.verdict.health); foreign {
		return o.credentials.certificate
	}
	key := o.wanted.kubeconfig
	id := render.ObjectID{Version: "v1", Kind: "Secret", Namespace: key.Namespace, Name: key.Name}
	if have := s.objects[o.owner.UID].at(id); have != nil {
		return have.Certificate
	}
	return nil
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
	case !c.introduced:
		return "there is no kubeconfig of any shard"
	case c.ledger.pushErr != nil:
		return fmt.Sprintf("the ledger cannot be written: %v", c.ledger.pushErr)
	}
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		if s := c.shards[name]; s.configured && !s.heard {
			return fmt.Sprintf("shard %s has not been heard of yet", name)
		}
	}
	return "it is being decided"
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

package core

import (
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// The ledger may name a base version that this binary does not carry: a newer replica
// put it in force, or a newer daemon did, before it was set back to this one. What
// stands on it can be neither rendered nor judged here. So nothing is decided about it
// and nothing done, no entry of it is written, and it stays as it is until a daemon that
// carries its base works on the shard. All else goes on.

// carried says why nothing can be told of what stands on a base: this binary does not
// carry it.
func (c *Core) carried(provider, version string) note {
	if err := c.renderer.CheckBase(provider, version); err != nil {
		return note{"BaseUnknown", fmt.Sprintf("%v; a newer tenantry put it in force, and nothing is changed until one that carries it is back", err)}
	}
	return note{}
}

// classCarried is carried of the base that the class of a tenant is in force with.
func (c *Core) classCarried(d *draft, t *fleet.Tenant) note {
	if t == nil || d.entries.Classes[t.Spec.Class] == nil {
		return note{}
	}
	return c.classBase(d, d.entries.Classes[t.Spec.Class])
}

// classBase is carried of the base of a class in force. A provider of the fleet's own is
// the one that was put in force, wherever its folder is now.
func (c *Core) classBase(d *draft, e *ledger.Class) note {
	if e.ProviderTree == "" {
		return c.carried(e.Provider, e.BaseVersion)
	}
	class := c.ledger.classes[e.Key()]
	if class == nil && d != nil {
		class = d.classes[e.Key()]
	}
	if class == nil {
		return note{"BaseUnknown", fmt.Sprintf("class %s is in force with a folder of provider %s that cannot be read: nothing is changed until it can", e.Name, e.Provider)}
	}
	if err := c.renderer.CheckClassBase(class, e.BaseVersion); err != nil {
		return note{"BaseUnknown", fmt.Sprintf("%v; it is in force, and nothing is changed until a tenantry that understands it is back, or class %s is declared with another", err, e.Name)}
	}
	return note{}
}

// classKey is the key that a class would be in force with.
func classKey(class *fleet.Class) string { return ledger.ClassKey(class.Tree, class.ProviderTree()) }

// unknownBase is why something cannot be rendered that another binary can.
type unknownBase struct{ note }

func (u unknownBase) Error() string { return u.message }

// whyUnknown says why it is not known what should be there.
func whyUnknown(err error) note {
	var base unknownBase
	switch {
	case errors.Is(err, errUndecided):
		return note{"NotDecided", err.Error()}
	case errors.As(err, &base):
		return base.note
	}
	return note{"NotRendered", err.Error()}
}

// recall takes over what was told of a tenant by whoever could judge it.
func (c *Core) recall(st *TenantStatus) {
	var was TenantStatus
	if yaml.Unmarshal(c.status.files[statusPath(st.Shard, st.Name)], &was) == nil && was.UID == st.UID {
		st.Version, st.Endpoint, st.Kubeconfig, st.Digest = was.Version, was.Endpoint, was.Kubeconfig, was.Digest
	}
}

package ledger

import (
	"fmt"

	"github.com/tenantry/tenantry/fleet"
)

// Adopted is what ran on the shard before its tenant was declared: what it is called, which
// stays, and what of it is still to be taken over.
type Adopted struct {
	// Namespace is the tenant's, which is not Tenantry's.
	Namespace string `json:"namespace"`
	// Name is that of the objects.
	Name string `json:"name"`
	// Schema and Username are where and as whom it keeps its state; empty where the
	// provider keeps the state itself.
	Schema   string `json:"schema,omitempty"`
	Username string `json:"username,omitempty"`
	// Objects are the objects that do not carry our marks yet, by their own names, and
	// their uids. Until there are none left, nothing else is written for the tenant.
	Objects map[string]string `json:"objects,omitempty"`
}

// AdoptedDataStore is Adopted of a datastore.
type AdoptedDataStore struct {
	Name    string            `json:"name"`
	Objects map[string]string `json:"objects,omitempty"`
}

// AdoptedAs is what a first entry says of what is declared to be taken over; nil of nothing.
func AdoptedAs(a *fleet.Adopt) *Adopted {
	if a == nil {
		return nil
	}
	return &Adopted{Namespace: a.Namespace, Name: a.Name, Schema: a.Schema, Username: a.Username, Objects: a.Objects}
}

// AdoptedDataStoreAs is AdoptedAs of a datastore.
func AdoptedDataStoreAs(a *fleet.AdoptDataStore) *AdoptedDataStore {
	if a == nil {
		return nil
	}
	return &AdoptedDataStore{Name: a.Name, Objects: a.Objects}
}

// Key names the content; empty of nil.
func (a *Adopted) Key() string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%q", *a) // maps are printed by key
}

// Done is what remains when all is taken over.
func (a *Adopted) Done() *Adopted {
	done := *a
	done.Objects = nil
	return &done
}

// Key names the content; empty of nil.
func (a *AdoptedDataStore) Key() string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%q", *a)
}

// Done is what remains when all is taken over.
func (a *AdoptedDataStore) Done() *AdoptedDataStore { return &AdoptedDataStore{Name: a.Name} }

// Adopting tells whether something is still to be taken over.
func (t *Tenant) Adopting() bool { return t.Adopted != nil && len(t.Adopted.Objects) > 0 }

// Adopting tells whether something is still to be taken over.
func (d *DataStore) Adopting() bool { return d.Adopted != nil && len(d.Adopted.Objects) > 0 }

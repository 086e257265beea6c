package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// What should be there is found out here once more, from nothing but commits: which
// declaration is in force, and what it renders to.

// errNothing: nothing says what should be there.
var errNothing = errors.New("no declaration is in force")

// tenantUnit renders a tenant as a ledger has it, with what is declared at a commit.
func (j *judge) tenantUnit(at, declared string, e *ledger.Tenant) (*render.Unit, error) {
	l, err := j.ledgerAt(at)
	if err != nil {
		return nil, err
	}
	t, err := j.inForce(at, declared, e)
	if err != nil {
		return nil, err
	}
	return j.unitOf(at, l, t, e)
}

// unitOf renders a tenant as a declaration and a ledger have it.
func (j *judge) unitOf(at string, l *ledger.Ledger, t *fleet.Tenant, e *ledger.Tenant) (*render.Unit, error) {
	class, ds := l.Classes[t.Spec.Class], l.DataStores[e.Placement.DataStore]
	if class == nil || class.Provider != e.Provider || ds == nil && e.Placement.DataStore != "" {
		return nil, errNothing
	}
	if ds == nil {
		ds = &ledger.DataStore{} // its provider keeps the state
	}
	k, err := j.classOf(at, class)
	if err != nil {
		return nil, err
	}
	in := render.InputOf(t, k)
	in.UID, in.BaseVersion, in.Placement, in.Lifecycle, in.Adopted = e.UID, class.BaseVersion, e.Placement, e.Lifecycle, e.Adopted
	in.DataStore = render.DataStoreInput{Name: ds.Name, UID: ds.UID, BaseVersion: ds.BaseVersion, Adopted: ds.Adopted}
	key := fmt.Sprintf("tenant %s %q %s %s %s %+v %s %s %s %s", e.UID, t.Source.Raw, in.Tree, class.Key(), class.BaseVersion, e.Placement, e.Lifecycle, e.Adopted.Key(), ds.UID, ds.BaseVersion)
	return j.rendered(key, func(r *render.Renderer) (*render.Unit, error) {
		if e.Lifecycle == ledger.Purging {
			return r.Teardown(in)
		}
		return r.Tenant(in)
	})
}

// inForce is the declaration that a tenant follows: the newest one, unless the ledger
// names an older tree.
func (j *judge) inForce(at, declared string, e *ledger.Tenant) (*fleet.Tenant, error) {
	var f *fleet.Fleet
	var err error
	switch {
	case e.Held != nil:
		f, err = j.fleetOf("tree "+e.Held.Tree, at, ledger.SourcePath(e.Held.Tree))
	case e.Tombstone != nil:
		f, err = j.fleetOf("tree "+e.Tombstone.Tree, at, ledger.SourcePath(e.Tombstone.Tree))
	default:
		f, err = j.fleetAt(declared)
	}
	if err != nil {
		return nil, err
	}
	t := f.Tenants[e.Name]
	if t == nil {
		all := f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: e.Name}].Candidates
		if i := slices.IndexFunc(all, func(t *fleet.Tenant) bool { return t.Dir() == e.Source }); i >= 0 {
			t = all[i]
		}
	}
	if t == nil || e.Held == nil && e.Tombstone == nil && t.Dir() != e.Source {
		return nil, errNothing
	}
	return t, nil
}

// dataStoreUnit renders a datastore likewise.
func (j *judge) dataStoreUnit(at, declared string, e *ledger.DataStore) (*render.Unit, error) {
	f, err := j.fleetAt(declared)
	if e.Held != nil {
		f, err = j.fleetOf("tree "+e.Held.Tree, at, ledger.SourcePath(e.Held.Tree))
	}
	if err != nil {
		return nil, err
	}
	ds := f.DataStores[e.Name]
	if ds == nil {
		return nil, errNothing
	}
	spec := ds.Spec
	spec.Provider = e.Provider
	in := render.DataStoreInput{Name: e.Name, UID: e.UID, Spec: spec, BaseVersion: e.BaseVersion, Adopted: e.Adopted}
	return j.rendered(fmt.Sprintf("datastore %s %s %s %q", e.UID, e.Provider, e.BaseVersion, ds.Source.Raw), func(r *render.Renderer) (*render.Unit, error) {
		return r.DataStore(in)
	})
}

func (j *judge) rendered(key string, render func(*render.Renderer) (*render.Unit, error)) (*render.Unit, error) {
	if u := j.units[key]; u != nil {
		return u, nil
	}
	u, err := render(j.w.shared.newer)
	if err == nil {
		j.units[key] = u
	}
	return u, err
}

// wanted tells whether an owner that lives wants an object, by all that may just be in
// force. Where nothing says what it wants, it wants what it has.
func (j *judge) wanted(uid string, id render.ObjectID) bool {
	begin := time.Now().Add(-j.window() - 2*j.w.settings.Interval)
	for _, at := range j.ledgerTips.lately(begin) {
		l, err := j.ledgerAt(at)
		if err != nil {
			continue
		}
		for _, declared := range j.declaredTips.lately(begin) {
			for _, t := range l.Tenants {
				if t.UID == uid && !j.wants(id)(j.tenantUnit(at, declared, t)) {
					return false
				}
			}
			for _, d := range l.DataStores {
				if d.UID == uid && !j.wants(id)(j.dataStoreUnit(at, declared, d)) {
					return false
				}
			}
		}
	}
	return true
}

func (j *judge) wants(id render.ObjectID) func(*render.Unit, error) bool {
	return func(u *render.Unit, err error) bool {
		return err != nil || slices.ContainsFunc(u.Objects, func(o render.Object) bool { return same(o.ID, id) }) ||
			slices.ContainsFunc(u.Derived, func(d render.Derived) bool { return same(d.ID, id) })
	}
}

// same compares objects' names as people do: versions of a kind show the same objects.
func same(a, b render.ObjectID) bool { return strings.EqualFold(a.String(), b.String()) }

package render

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/utils"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/strict"
)

// Import knows how objects of one kind that run already become declarations of one
// provider. It never changes and is safe for use by several goroutines.
type Import struct {
	provider *Provider
	how      *importing
}

// Imported is what the declaration of one object says.
type Imported struct {
	// Spec is a tenant's: version, replicas and network.
	Spec fleet.TenantSpec
	// Address or Host is where its API server is reached: exactly one of both.
	Address, Host string
	// DataStore is the object's name of the datastore that holds its state, Schema where
	// there, and Username who it is there; they are empty when the object does not say.
	DataStore, Schema, Username string
	// DataStoreSpec is a datastore's, without its shard.
	DataStoreSpec fleet.DataStoreSpec
}

// Imports are the kinds of objects that can be imported, by their providers' names, of
// each the tenants before the datastores. The newest base of a provider says how.
func (r *Renderer) Imports() []*Import {
	var out []*Import
	for _, name := range slices.Sorted(maps.Keys(r.bases)) {
		b := r.bases[name][r.LatestBase(name)]
		for _, p := range []part{partTenant, partDataStore} {
			if how := b.parts[p]; how != nil && how.imports != nil {
				out = append(out, &Import{how, how.imports})
			}
		}
	}
	return out
}

// Provider is the name of the provider whose declarations are made.
func (i *Import) Provider() string { return i.provider.Name }

// Owner tells whether tenants or datastores are declared.
func (i *Import) Owner() OwnerKind {
	if i.provider.part == partDataStore {
		return OwnerDataStore
	}
	return OwnerTenant
}

// Kinds are those of the objects that one owner has, the main one first. They are named
// alike, so that namespace and name are left empty.
func (i *Import) Kinds() []ObjectID {
	var out []ObjectID
	for _, k := range append([]kind{i.how.Kind}, i.how.Beside...) {
		out = append(out, ObjectID{Group: k.Group, Version: k.Version, Kind: k.Kind})
	}
	return out
}

// Matches tells whether a main object, with the objects beside it, is this provider's.
func (i *Import) Matches(object map[string]any, beside ...map[string]any) (bool, error) {
	if !i.how.When.written() {
		return true, nil
	}
	return eval[bool](i.how.When, ofObject, withStatus(together(object, beside)))
}

// Read gives what the declaration of a main object says, with the objects beside it. The
// error joins all that keeps it from being declared, a sentence each.
func (i *Import) Read(object map[string]any, beside ...map[string]any) (Imported, error) {
	whole := withStatus(together(object, beside))
	var out Imported
	if err := i.demands(whole); err != nil {
		return out, err
	}
	var errs []error
	if i.Owner() == OwnerDataStore {
		var err error
		out.DataStoreSpec, err = i.spec(whole)
		return out, err
	}
	text := func(e expression, into *string) {
		v, err := eval[string](e, ofObject, whole)
		errs = append(errs, err)
		*into = v
	}
	text(i.how.Version, &out.Spec.Version)
	text(i.how.ServiceCIDR, &out.Spec.Network.ServiceCIDR)
	text(i.how.PodCIDR, &out.Spec.Network.PodCIDR)
	text(i.how.Domain, &out.Spec.Network.Domain)
	text(i.how.DataStore, &out.DataStore)
	text(i.how.Schema, &out.Schema)
	text(i.how.Username, &out.Username)
	replicas, err := eval[int64](i.how.Replicas, ofObject, whole)
	out.Spec.Replicas = int(replicas)
	errs = append(errs, err)
	var endpoint string
	text(i.how.Endpoint, &endpoint)
	out.Address, out.Host = endpointOf(endpoint)
	return out, errors.Join(errs...)
}

// demands tells all that an object lacks of what can be imported.
func (i *Import) demands(object map[string]any) error {
	var errs []error
	for _, c := range i.how.Require {
		holds, err := eval[bool](c.Holds, ofObject, object)
		if err == nil && holds {
			continue
		}
		var message string
		if err == nil {
			message, err = eval[string](c.Message, ofObject, object)
		}
		if err == nil {
			err = errors.New(message)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// spec reads what the expression gives as strictly as a declaration in a file.
func (i *Import) spec(object map[string]any) (fleet.DataStoreSpec, error) {
	data, err := evalJSON(i.how.Spec, ofObject, object)
	if err != nil {
		return fleet.DataStoreSpec{}, err
	}
	spec := fleet.DataStoreSpec{}
	doc, problems := strict.Parse(data)
	if doc != nil {
		problems = doc.Decode(&spec, nil)
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("%s: %s", p.Field, p.Message))
	}
	spec.Provider = i.Provider()
	return spec, errors.Join(errs...)
}

// Forget takes out of an object what is nobody's to declare, because others write it, and
// gives the rest; the object stays as it is. What is left out is not looked into.
func (i *Import) Forget(object map[string]any) (map[string]any, error) {
	for _, l := range i.how.leaves(idOf(object).kind()) {
		if l.When.written() {
			if applies, err := eval[bool](l.When, ofObject, withStatus(object)); err != nil || !applies {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		for _, field := range l.Fields {
			object = removed(object, utils.SmarterPathSplitter(field, "."), l.Empty)
		}
	}
	return object, nil
}

// removed gives a mapping without what is at path, if it is there, or if it is there and
// empty. It copies what it changes.
func removed(c content, path []string, empty bool) content {
	key := strings.TrimSuffix(strings.TrimPrefix(path[0], "["), "]")
	below, there := c[key]
	if !there {
		return c
	}
	m, isMap := below.(content)
	switch {
	case len(path) > 1 && !isMap, len(path) == 1 && empty && !(isMap && len(m) == 0):
		return c
	case len(path) == 1:
		c = maps.Clone(c)
		delete(c, key)
		return c
	}
	c = maps.Clone(c)
	c[key] = removed(m, path[1:], empty)
	return c
}

// together lays further objects below the main one, where expressions see them.
func together(object content, beside []map[string]any) content {
	if len(beside) == 0 {
		return object
	}
	all := content{}
	for _, o := range beside {
		all[idOf(o).Kind] = withStatus(o)
	}
	out := maps.Clone(object)
	out["beside"] = all
	return out
}

// endpointOf reads an address or a name, with or without a port and brackets.
func endpointOf(text string) (address, host string) {
	if at, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return at.String(), ""
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().String(), ""
	}
	host, _, _ = strings.Cut(text, ":")
	return "", host
}

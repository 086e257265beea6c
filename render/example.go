package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	valid "k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/strict"
)

// Example says of one unit what it is rendered from: testdata/*.input.yaml of a provider.
// Everything is written out, nothing is taken from a fleet.
type Example struct {
	// Tenant is whose unit it is: its control plane, or with Teardown what removes its data.
	Tenant   *ExampleTenant `json:"tenant,omitempty"`
	Teardown bool           `json:"teardown,omitempty"`
	// DataStore is whose unit it is instead.
	DataStore *ExampleDataStore `json:"dataStore,omitempty"`
}

// ExampleTenant is a tenant with its class, and what was decided of it.
type ExampleTenant struct {
	Name        string            `json:"name"`
	UID         string            `json:"uid"`
	BaseVersion string            `json:"baseVersion"`
	Class       ExampleClass      `json:"class"`
	Files       map[string]string `json:"files,omitempty"`
	Spec        fleet.TenantSpec  `json:"spec"`
	Placement   ledger.Placement  `json:"placement"`
	Lifecycle   ledger.Lifecycle  `json:"lifecycle,omitempty"`
	Adopted     *ledger.Adopted   `json:"adopted,omitempty"`
}

// ExampleClass is what of a class is rendered.
type ExampleClass struct {
	Name       string            `json:"name"`
	Provider   string            `json:"provider"`
	Files      map[string]string `json:"files,omitempty"`
	Parameters *fleet.Schema     `json:"parameters,omitempty"`
	Allow      *fleet.Allow      `json:"allow,omitempty"`
}

// ExampleDataStore is a datastore.
type ExampleDataStore struct {
	Name        string                   `json:"name"`
	UID         string                   `json:"uid"`
	BaseVersion string                   `json:"baseVersion"`
	Spec        fleet.DataStoreSpec      `json:"spec"`
	Adopted     *ledger.AdoptedDataStore `json:"adopted,omitempty"`
}

// ReadExample reads what stands in file, and says all that is wrong with its form.
func ReadExample(file string, data []byte) (*Example, fleet.Findings) {
	r := &reading{file: file}
	doc, problems := strict.Parse(data)
	if doc == nil {
		r.problems(problems)
		return nil, r.findings
	}
	r.doc = doc
	e := &Example{}
	r.problems(doc.Decode(e, nil))
	if (e.Tenant == nil) == (e.DataStore == nil) && len(r.findings) == 0 {
		r.report(doc.Position(""), "", "wants tenant or dataStore, and not both", "")
	}
	if e.DataStore != nil && e.Teardown {
		r.report(doc.Position("teardown"), "teardown", "says nothing of a datastore", "it is for tenant")
	}
	if e.Tenant != nil {
		r.lifecycle(e.Tenant.Lifecycle)
	}
	if len(r.findings) > 0 {
		return nil, r.findings
	}
	return e, nil
}

// lifecycle wants one that a unit is rendered for, or none for the first.
func (r *reading) lifecycle(l ledger.Lifecycle) {
	known := []string{string(ledger.Living), string(ledger.Tombstoned), string(ledger.Purging)}
	if l != "" && !slices.Contains(known, string(l)) {
		r.add(valid.NotSupported(valid.NewPath("tenant", "lifecycle"), string(l), known), r.meant(string(l), known))
	}
}

// Provider names the one that the unit is of, and BaseVersion its base.
func (e Example) Provider() string {
	if e.DataStore != nil {
		return e.DataStore.Spec.Provider
	}
	return e.Tenant.Class.Provider
}

// BaseVersion is the version of the provider's base.
func (e Example) BaseVersion() string {
	if e.DataStore != nil {
		return e.DataStore.BaseVersion
	}
	return e.Tenant.BaseVersion
}

// Unit renders it.
func (e Example) Unit(r *Renderer) (*Unit, error) {
	switch {
	case e.DataStore != nil:
		return r.DataStore(e.dataStore())
	case e.Teardown:
		return r.Teardown(e.tenant())
	default:
		return r.Tenant(e.tenant())
	}
}

func (e Example) tenant() TenantInput {
	in := e.Tenant
	return TenantInput{
		Name: in.Name, UID: in.UID, BaseVersion: in.BaseVersion, Spec: in.Spec,
		Class: &fleet.Class{
			Metadata: fleet.Metadata{Name: in.Class.Name},
			Spec:     fleet.ClassSpec{Provider: in.Class.Provider, Parameters: in.Class.Parameters, Allow: in.Class.Allow},
			Files:    asFiles(in.Class.Files),
		},
		Files: asFiles(in.Files), Dir: "tenants/web/" + in.Name,
		Placement: in.Placement, Lifecycle: in.Lifecycle, Adopted: in.Adopted,
		DataStore: DataStoreInput{Name: in.Placement.DataStore},
	}
}

func (e Example) dataStore() DataStoreInput {
	in := e.DataStore
	return DataStoreInput{Name: in.Name, UID: in.UID, BaseVersion: in.BaseVersion, Spec: in.Spec, Adopted: in.Adopted}
}

func asFiles(files map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for name, data := range files {
		out[name] = []byte(strings.TrimLeft(data, "\n"))
	}
	return out
}

// Golden is a unit as a person reads it: testdata/*.golden.yaml. Its first lines name the
// digest, what is derived, and what is taken over.
func (u *Unit) Golden() (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s, digest %s\n", u.Owner, u.Digest)
	for _, d := range u.Derived {
		fmt.Fprintf(&out, "# derived: %s key %s from %s: %s, cluster %s, user %s\n", d.ID, d.Key, d.Certificate, d.Server, d.Cluster, d.User)
	}
	if k := u.Kubeconfig; k != nil {
		fmt.Fprintf(&out, "# kubeconfig: %s/%s key %s\n", k.Namespace, k.Name, k.Key)
	}
	for _, o := range u.Objects {
		if o.Adopts != "" {
			fmt.Fprintf(&out, "# takes over: %s with uid %s\n", o.ID, o.Adopts)
		}
	}
	var errs []error
	for _, o := range u.Objects {
		data, err := yaml.JSONToYAML(o.JSON)
		if err != nil {
			errs = append(errs, fmt.Errorf("show %s: %w", o.ID, err))
		}
		fmt.Fprintf(&out, "---\n%s", data)
	}
	return out.String(), errors.Join(errs...)
}

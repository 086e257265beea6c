package render

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

const testImage = "ghcr.io/tenantry/tenantry:v0.1.0"

// inputFile is the form of testdata/*.input.yaml.
type inputFile struct {
	Tenant *struct {
		Name        string `json:"name"`
		UID         string `json:"uid"`
		BaseVersion string `json:"baseVersion"`
		Class       struct {
			Name       string            `json:"name"`
			Provider   string            `json:"provider"`
			Files      map[string]string `json:"files"`
			Parameters *fleet.Schema     `json:"parameters"`
			Allow      *fleet.Allow      `json:"allow"`
		} `json:"class"`
		Files     map[string]string `json:"files"`
		Spec      fleet.TenantSpec  `json:"spec"`
		Placement ledger.Placement  `json:"placement"`
		Lifecycle ledger.Lifecycle  `json:"lifecycle"`
	} `json:"tenant"`
	Teardown  bool `json:"teardown"`
	DataStore *struct {
		Name        string              `json:"name"`
		UID         string              `json:"uid"`
		BaseVersion string              `json:"baseVersion"`
		Spec        fleet.DataStoreSpec `json:"spec"`
	} `json:"dataStore"`
}

// inputs reads every provider's inputs, by file name.
func inputs(t testing.TB) map[string]inputFile {
	t.Helper()
	files, err := filepath.Glob("providers/*/testdata/*.input.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs found: %v", err)
	}
	out := map[string]inputFile{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var in inputFile
		if err := yaml.UnmarshalStrict(data, &in); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		out[file] = in
	}
	return out
}

func (f inputFile) tenant() TenantInput {
	in := f.Tenant
	return TenantInput{
		Name: in.Name, UID: in.UID, BaseVersion: in.BaseVersion, Spec: in.Spec,
		Class: &fleet.Class{
			Metadata: fleet.Metadata{Name: in.Class.Name},
			Spec:     fleet.ClassSpec{Provider: in.Class.Provider, Parameters: in.Class.Parameters, Allow: in.Class.Allow},
			Files:    asFiles(in.Class.Files),
		},
		Files: asFiles(in.Files), Dir: "tenants/web/" + in.Name,
		Placement: in.Placement, Lifecycle: in.Lifecycle,
		DataStore: DataStoreInput{Name: in.Placement.DataStore},
	}
}

func asFiles(files map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for name, data := range files {
		out[name] = []byte(strings.TrimLeft(data, "\n"))
	}
	return out
}

// provider names the one that the input is of.
func (f inputFile) provider() string {
	if f.DataStore != nil {
		return f.DataStore.Spec.Provider
	}
	return f.Tenant.Class.Provider
}

func (f inputFile) dataStore() DataStoreInput {
	in := f.DataStore
	return DataStoreInput{Name: in.Name, UID: in.UID, BaseVersion: in.BaseVersion, Spec: in.Spec}
}

func (f inputFile) render(r *Renderer) (*Unit, error) {
	switch {
	case f.DataStore != nil:
		return r.DataStore(f.dataStore())
	case f.Teardown:
		return r.Teardown(f.tenant())
	default:
		return r.Tenant(f.tenant())
	}
}

func newRenderer(t testing.TB) *Renderer {
	t.Helper()
	r, err := New(Options{Image: testImage})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// acme is a plain tenant that tests change to their needs.
func acme() TenantInput {
	return TenantInput{
		Name: "acme", UID: "7f3k2m9qx4", BaseVersion: "1",
		Spec: fleet.TenantSpec{
			Class: "standard", Version: "v1.36.3", Replicas: 1,
			Network: fleet.Network{ServiceCIDR: "10.96.0.0/16", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"},
		},
		Class: &fleet.Class{
			Metadata: fleet.Metadata{Name: "standard"},
			Spec:     fleet.ClassSpec{Provider: "native"},
		},
		Placement: ledger.Placement{Shard: "eu-1", DataStore: "eu-1-a", Address: "10.0.0.7"},
		Lifecycle: ledger.Living,
		DataStore: DataStoreInput{Name: "eu-1-a"},
	}
}

// acmeWith is acme in a class of the given files.
func acmeWith(files map[string]string) TenantInput {
	in := acme()
	in.Class.Files = asFiles(files)
	return in
}

// find returns the only object of that kind and name.
func find(t *testing.T, u *Unit, kind, name string) content {
	t.Helper()
	for _, o := range u.Objects {
		if o.ID.Kind == kind && matchName(name, o.ID.Name) {
			var c content
			if err := yaml.Unmarshal(o.JSON, &c); err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatalf("%s %s was not rendered", kind, name)
	return nil
}

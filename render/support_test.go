package render

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

const testImage = "ghcr.io/tenantry/tenantry:v0.1.0"

// inputFile is what stands in testdata/*.input.yaml.
type inputFile = Example

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
		in, findings := ReadExample(file, data)
		if len(findings) > 0 {
			t.Fatal(findings)
		}
		out[file] = *in
	}
	return out
}

func (e Example) render(r *Renderer) (*Unit, error) { return e.Unit(r) }

// provider names the one that the input is of.
func (e Example) provider() string { return e.Provider() }

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

// show is a unit as its golden file has it.
func show(t *testing.T, u *Unit) string {
	t.Helper()
	text, err := u.Golden()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

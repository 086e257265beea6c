package examples_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// proveExport builds a tenant's export as anybody would, and wants the unit's objects.
func proveExport(t *testing.T, renderer *render.Renderer, in render.TenantInput, unit *render.Unit) {
	t.Helper()
	files, err := renderer.Export(in)
	if err != nil {
		t.Error(err)
		return
	}
	disk := filesys.MakeFsInMemory()
	for name, data := range files {
		if err := disk.WriteFile("/export/"+name, data); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/export")
	if err != nil {
		t.Errorf("build the export of %s: %v", in.Name, err)
		return
	}
	got, want := map[string]string{}, map[string]string{}
	for _, r := range built.Resources() {
		data, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		got[r.GetAnnotations()[render.AnnotationObject]] = canonical(t, data)
	}
	for _, o := range unit.Objects {
		want[o.ID.String()] = canonical(t, o.JSON)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unit (-) and export (+) of %s differ:\n%s", in.Name, diff)
	}
}

func canonical(t *testing.T, data []byte) string {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// renderExample renders one tenant of an example, somewhere.
func renderExample(t *testing.T, dir, name string) *render.Unit {
	t.Helper()
	renderer, err := render.New(render.Options{Image: "example.com/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := fleet.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	tenant := f.Tenants[name]
	class := f.Classes[tenant.Spec.Class]
	in := render.InputOf(tenant, class)
	in.UID, in.BaseVersion, in.Lifecycle = ledger.UID(name), renderer.LatestBase(class.Spec.Provider), ledger.Living
	in.Placement = ledger.Placement{Shard: "eu-1", DataStore: "eu-1-a", Host: name + ".tenants.example.com"}
	in.DataStore = render.DataStoreInput{Name: "eu-1-a", UID: ledger.UID("eu-1-a")}
	unit, err := renderer.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}

// TestSelfserviceHasAnEffect: what tenants of the example say and patch is there.
func TestSelfserviceHasAnEffect(t *testing.T) {
	for tenant, wants := range map[string][]string{
		"acme":   {`"name":"MAX_REQUESTS","value":"800"`, `"example.com/tier":"bronze"`, `"replicas":3`, `"resourceNames":["acme-kubeconfig"]`},
		"globex": {`"name":"MAX_REQUESTS","value":"400"`, `"memory":"1Gi"`, `"key":"dedicated"`, `--audit-policy-file`},
	} {
		text := ""
		for _, o := range renderExample(t, "selfservice", tenant).Objects {
			text += string(o.JSON)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s is not rendered", tenant, want)
			}
		}
	}
}

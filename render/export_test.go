package render

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// fataler is a test, or a property at work.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// stockBuild does what `kustomize build DIR` does, with its defaults.
func stockBuild(t fataler, files map[string][]byte) map[string]string {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	for name, data := range files {
		if err := disk.WriteFile("/export/"+name, data); err != nil {
			t.Fatal(err)
		}
	}
	kustomize.Lock()
	defer kustomize.Unlock()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/export")
	if err != nil {
		t.Fatalf("build the export: %v", err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := documents(text)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, node := range nodes {
		v, err := decodeNode(node)
		if err != nil {
			t.Fatal(err)
		}
		c := v.(content)
		id := idOf(c)
		if _, twice := out[id.String()]; twice {
			t.Errorf("%s is there twice", id)
		}
		data, err := canonical(c)
		if err != nil {
			t.Fatal(err)
		}
		out[id.String()] = string(data)
	}
	return out
}

func byName(u *Unit) map[string]string {
	out := map[string]string{}
	for _, o := range u.Objects {
		out[o.ID.String()] = string(o.JSON)
	}
	return out
}

// TestExportEqualsUnit builds every tenant's export as anybody would.
func TestExportEqualsUnit(t *testing.T) {
	r := newRenderer(t)
	for file, in := range inputs(t) {
		if in.DataStore != nil || in.Teardown {
			continue
		}
		t.Run(file, func(t *testing.T) {
			unit, err := in.render(r)
			if err != nil {
				t.Fatal(err)
			}
			files, err := r.Export(in.tenant())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(byName(unit), stockBuild(t, files)); diff != "" {
				t.Errorf("unit (-) and export (+) differ:\n%s", diff)
			}
		})
	}
}

// TestExportTree shows what an export consists of; nothing leads out of it.
func TestExportTree(t *testing.T) {
	in := inputs(t)["providers/native/testdata/tenant-patched.input.yaml"]
	files, err := newRenderer(t).Export(in.tenant())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var top []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if first, _, _ := strings.Cut(name, "/"); !slices.Contains(top, first) {
			top = append(top, first)
		}
		if strings.Contains(name, "teardown") || strings.HasSuffix(name, "provider.yaml") || strings.Contains(name, "native/datastore/") {
			t.Errorf("%s has no part in a tenant", name)
		}
	}
	want := []string{"README.md", "access.yaml", "kustomization.yaml", "ownership.yaml", "providers", "tenants", "unit"}
	if diff := cmp.Diff(want, top); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// On a disk it is the same as in memory.
	kustomize.Lock()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	kustomize.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := built.Size(), len(stockBuild(t, files)); got != want {
		t.Errorf("%d objects from the disk, %d from memory", got, want)
	}
	if readme := string(files["README.md"]); !strings.Contains(readme, "Secret `tenant-acme/acme-kubeconfig`") {
		t.Errorf("the README does not speak of the kubeconfig:\n%s", readme)
	}
}

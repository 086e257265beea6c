package fleet_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

func ownFleet() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"fleet.yaml":                            "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n",
		"classes/a/class.yaml":                  "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: acme}\n",
		"classes/n/class.yaml":                  "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: n}\nspec: {provider: native}\n",
		"providers/acme/provider.yaml":          "kind: Provider\n",
		"providers/acme/kustomization.yaml":     "resources: []\n",
		"providers/acme/stamp/x.yaml":           "a: b\n",
		"providers/acme/README.md":              "For people.\n",
		"providers/acme/testdata/t.golden.yaml": "&a [*a]\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// TestOwnProvider: a class has the folder that it names, without what the folder is tried with.
func TestOwnProvider(t *testing.T) {
	f, findings, err := fleet.Load(ownFleet())
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	want := map[string][]byte{
		"provider.yaml": []byte("kind: Provider\n"), "kustomization.yaml": []byte("resources: []\n"), "stamp/x.yaml": []byte("a: b\n"),
	}
	if diff := gocmp.Diff(want, f.Providers["acme"].Files); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
	if f.Classes["a"].Own != f.Providers["acme"] || f.Classes["n"].Own != nil {
		t.Errorf("a has %v, n has %v", f.Classes["a"].Own, f.Classes["n"].Own)
	}
}

// TestBrokenOwnProvider: a folder that cannot be read breaks who uses it, and nobody else.
func TestBrokenOwnProvider(t *testing.T) {
	tests := []struct {
		name, reason string
		change       func(fstest.MapFS)
		want         string
	}{
		{"Missing", "Every folder is a provider.", func(f fstest.MapFS) { delete(f, "providers/acme/provider.yaml") },
			"providers/acme/provider.yaml: is missing"},
		{"Link", "Links lead elsewhere.", func(f fstest.MapFS) { f["providers/acme/stamp/x.yaml"].Mode = 1 << 27 },
			"providers/acme/stamp/x.yaml: is a symbolic link"},
		{"Alias", "Who resolves it may never end.", func(f fstest.MapFS) { f["providers/acme/stamp/x.yaml"].Data = []byte("a: &a [*a]\n") },
			"providers/acme/stamp/x.yaml:1:4"},
		{"Large", "A provider is no archive.", func(f fstest.MapFS) { f["providers/acme/stamp/x.yaml"].Data = make([]byte, 2<<20) },
			"providers/acme/stamp/x.yaml: is larger than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := ownFleet()
			tt.change(files)
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			broken := f.Broken[fleet.Ref{Kind: fleet.KindClass, Name: "a"}]
			if !strings.Contains(findings.Error(), tt.want) || !strings.HasPrefix(broken.Message, "provider acme is broken: "+tt.want) {
				t.Errorf("%s\ngot %v\nclass a: %q", tt.reason, findings, broken.Message)
			}
			if f.Classes["n"] == nil || f.Classes["a"] != nil || f.Providers["acme"] != nil {
				t.Errorf("%s\nclasses %v, providers %v", tt.reason, f.Classes, f.Providers)
			}
		})
	}
}

// TestJudgedProvider: what who renders says of a folder breaks it, and is remembered.
func TestJudgedProvider(t *testing.T) {
	loader := fleet.Loader{Judge: func(p *fleet.Provider) fleet.Findings {
		return fleet.Findings{{File: "providers/" + p.Name + "/provider.yaml", Line: 1, Column: 7, Field: "kind", Message: "is odd"}}
	}}
	for range 2 {
		f, findings, err := loader.Load(ownFleet())
		if err != nil {
			t.Fatal(err)
		}
		if got := findings.Error(); !strings.Contains(got, "providers/acme/provider.yaml:1:7: kind: is odd") || f.Classes["a"] != nil {
			t.Errorf("got %s, class a %v", got, f.Classes["a"])
		}
	}
}

// TestLinkedProviderFolder: who names a folder that is none is held, with the reason.
func TestLinkedProviderFolder(t *testing.T) {
	files := ownFleet()
	for p := range files {
		if strings.HasPrefix(p, "providers/acme/") {
			delete(files, p)
		}
	}
	files["providers/acme"] = &fstest.MapFile{Data: []byte("../elsewhere"), Mode: fs.ModeSymlink}
	f, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Broken[fleet.Ref{Kind: fleet.KindClass, Name: "a"}].Message; got != "provider acme is broken: providers/acme: is a symbolic link" {
		t.Errorf("class a: %q, findings %v", got, findings)
	}
}

// TestOwnProviderHasNoDataStores: a datastore that names one is broken, and so held.
func TestOwnProviderHasNoDataStores(t *testing.T) {
	files := ownFleet()
	files["shards/eu-1.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {addressPool: [10.0.0.1-10.0.0.9]}\n")}
	files["datastores/one.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: one}\nspec: {provider: acme, driver: etcd, shards: [eu-1], managed: {}}\n")}
	f, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	broken := f.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: "one"}]
	if f.DataStores["one"] != nil || !strings.Contains(broken.Message, "provider acme is the fleet's own, and has no datastores") {
		t.Errorf("datastore: %+v, findings %v", broken, findings)
	}
}

// TestLoadProvider: what a ledger keeps is what was declared.
func TestLoadProvider(t *testing.T) {
	files := ownFleet()
	whole, _, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := fs.Sub(files, "providers/acme")
	if err != nil {
		t.Fatal(err)
	}
	p, findings, err := fleet.LoadProvider(folder, "acme")
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	if diff := gocmp.Diff(whole.Providers["acme"], p); diff != "" {
		t.Errorf("declared (-) kept (+):\n%s", diff)
	}
	delete(files, "providers/acme/provider.yaml")
	if p, findings, err = fleet.LoadProvider(folder, "acme"); p != nil || len(findings) == 0 || err != nil {
		t.Errorf("without its description: %v, %v, %v", p, findings, err)
	}
}

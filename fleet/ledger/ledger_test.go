package ledger_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet/ledger"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	commit = "3f1c9d1e0b5a47c2a9d86f4e2b7c5d1a0e9f8b76"
	tree   = "8c2e4b6a1d3f5079b8a6c4e2f0d1b3a597e8c6d4"
	tree2  = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
)

var since = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func acme() *ledger.Tenant {
	return &ledger.Tenant{
		Name: "acme", UID: ledger.UID("tip", "tenant", "acme"), Source: "tenants/web/acme", Provider: "native",
		Placement: ledger.Placement{Shard: "eu-1", DataStore: "eu-1-a", Address: "10.0.0.11"}, Epoch: 1, Lifecycle: ledger.Living,
	}
}

func heldTenant() *ledger.Tenant {
	t := acme()
	t.Placement = ledger.Placement{Shard: "eu-2", DataStore: "eu-2-a", Host: "acme.tenants.example.com"}
	t.Held = &ledger.Held{Commit: commit, Tree: tree, Reason: "Invalid"}
	return t
}

func adopting() *ledger.Tenant {
	t := acme()
	t.Provider, t.Adopted = "kamaji", &ledger.Adopted{
		Namespace: "team-a", Name: "prod", Schema: "team_a_prod", Username: "team_a_prod",
		Objects: map[string]string{"TenantControlPlane.kamaji.clastix.io/team-a/prod": "5d0c5a52-5b7e-4c52-9a0e-0d1d6f1f1a11"},
	}
	return t
}

func adoptingDataStore() *ledger.DataStore {
	d := dataStore()
	d.Held, d.Provider = nil, "kamaji"
	d.Adopted = &ledger.AdoptedDataStore{Name: "default", Objects: map[string]string{"DataStore.kamaji.clastix.io/default": "8a7b1c"}}
	return d
}

func tombstoned() *ledger.Tenant {
	t := acme()
	t.Epoch, t.Lifecycle = 2, ledger.Tombstoned
	t.Tombstone = &ledger.Tombstone{
		Since: since, PurgeAfter: since.Add(72 * time.Hour), Commit: commit, Tree: tree,
		Declaration: "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata:\n  name: acme\nspec:\n  class: standard\n",
	}
	return t
}

func purged() *ledger.Tenant {
	t := tombstoned()
	at := since.Add(73 * time.Hour)
	t.Epoch, t.Lifecycle = 3, ledger.Purged
	t.Tombstone.Tree, t.Tombstone.PurgedAt = "", &at
	return t
}

func dataStore() *ledger.DataStore {
	return &ledger.DataStore{
		Name: "eu-1-a", UID: ledger.UID("tip", "datastore", "eu-1-a"), Source: "datastores/eu-1-a.yaml",
		Provider: "native", BaseVersion: "1", Shard: "eu-1", Epoch: 1,
		Held: &ledger.Held{Commit: commit, Tree: tree, Reason: "Removed"},
	}
}

func class() *ledger.Class {
	return &ledger.Class{Name: "standard", Provider: "native", BaseVersion: "1", Commit: commit, Tree: tree2}
}

func shard() *ledger.Shard {
	return &ledger.Shard{
		Name: "eu-1", Identity: "6a1f0e52-7c1d-4d3e-9a51-0d9c7b3f2e10",
		Kinds: []string{"apps/v1/Deployment", "v1/Namespace", "v1/Secret"},
	}
}

func TestGoldenFiles(t *testing.T) {
	encode := func(data []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, got := range map[string][]byte{
		"tenant":            encode(ledger.Encode(acme())),
		"tenant-held":       encode(ledger.Encode(heldTenant())),
		"tenant-adopting":   encode(ledger.Encode(adopting())),
		"tenant-tombstoned": encode(ledger.Encode(tombstoned())),
		"tenant-purged":     encode(ledger.Encode(purged())),
		"datastore":         encode(ledger.Encode(dataStore())),
		"datastore-adopted": encode(ledger.Encode(adoptingDataStore())),
		"class":             encode(ledger.Encode(class())),
		"shard":             encode(ledger.Encode(shard())),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("want (-) got (+):\n%s", diff)
			}
		})
	}
}

// fsOf is the branch after a draft on an empty one.
func fsOf(t *testing.T, c ledger.Changes) fstest.MapFS {
	t.Helper()
	parts, err := ledger.Empty().Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for path, data := range parts.Files {
		fsys[path] = &fstest.MapFile{Data: data}
	}
	for path := range parts.Mounts {
		fsys[path+"/fleet.yaml"] = &fstest.MapFile{Data: []byte("not looked at: [")}
	}
	return fsys
}

func everything() ledger.Changes {
	var c ledger.Changes
	c.SetTenant(heldTenant())
	c.SetDataStore(dataStore())
	c.SetClass(class())
	c.SetShard(shard())
	return c
}

func TestReadGivesWhatWasDrafted(t *testing.T) {
	c := everything()
	fsys := fsOf(t, c)
	if fsys["README.md"] == nil {
		t.Error("a ledger that begins has no README.md")
	}
	got, err := ledger.Read(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ledger.Empty().With(c), got); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	good := string(fsOf(t, everything())[ledger.TenantPath("acme")].Data)
	file := ledger.TenantPath("acme")
	tests := []struct {
		name, file, content, want string
	}{
		{"a newer field", file, good + "pinned: true\n", "pinned: is not known: it was written by a newer tenantry"},
		{"a newer version", file, strings.Replace(good, "v1alpha1", "v1beta1", 1), "written by a newer tenantry"},
		{"a newer kind of entry", "rollouts/x.yaml", "a: b", "rollouts: is not known"},
		{"a newer lifecycle", file, strings.Replace(good, "Living", "Asleep", 1), `lifecycle: "Asleep" is not known`},
		{"another kind", file, strings.Replace(good, "TenantEntry", "ShardEntry", 1), "is tenantry.io/v1alpha1 ShardEntry, want tenantry.io/v1alpha1 TenantEntry"},
		{"half a file", file, good[:len(good)/2], file},
		{"an empty file", file, "", "is empty"},
		{"a conflict marker", file, "<<<<<<< HEAD\n" + good, file},
		{"another name", file, strings.Replace(good, "name: acme", "name: other", 1), "its entry belongs into " + ledger.TenantPath("other")},
		{"a file in the wrong folder", "tenants/00/acme.yaml", good, "its entry belongs into " + file},
		{"a file between folders", "tenants/acme.yaml", good, "is not a folder of entries"},
		{"a path as tree", file, strings.Replace(good, tree, "../../x", 1), "held.tree"},
		{"epoch zero", file, strings.Replace(good, "epoch: 1", "epoch: 0", 1), "epoch: 0 is less than 1"},
		{"two places", file, strings.Replace(good, "  host:", "  address: 10.0.0.1\n  host:", 1), "exactly one of address and host"},
		{"a twice written field", file, good + "epoch: 2\n", "epoch: is written twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fsOf(t, everything())
			fsys[tt.file] = &fstest.MapFile{Data: []byte(tt.content)}
			l, err := ledger.Read(fsys)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if l != nil {
				t.Error("a part of the ledger was given")
			}
			if err != nil && !strings.Contains(err.Error(), strings.Split(tt.file, "/")[0]) {
				t.Errorf("error %v does not name the file %s", err, tt.file)
			}
		})
	}
}

func TestEncodeRefusesWhatReadWould(t *testing.T) {
	for want, change := range map[string]func(*ledger.Tenant){
		"tombstone: does not fit":           func(e *ledger.Tenant) { e.Tombstone = nil },
		"tombstone.declaration: is missing": func(e *ledger.Tenant) { e.Tombstone.Declaration = "" },
		"tombstone.purgedAt: does not fit":  func(e *ledger.Tenant) { e.Lifecycle = ledger.Purged },
		"tombstone.purgeAfter: is before":   func(e *ledger.Tenant) { e.Tombstone.PurgeAfter = since.Add(-1) },
		"tombstone.commit:":                 func(e *ledger.Tenant) { e.Tombstone.Commit = "" },
		"tombstone.tree:":                   func(e *ledger.Tenant) { e.Tombstone.Tree = "../x" },
		"held: does not fit":                func(e *ledger.Tenant) { e.Held = heldTenant().Held },
		"name:":                             func(e *ledger.Tenant) { e.Name = "Acme" },
		"uid:":                              func(e *ledger.Tenant) { e.UID = "../x" },
		"source:":                           func(e *ledger.Tenant) { e.Source = "../x" },
		"provider:":                         func(e *ledger.Tenant) { e.Provider = "" },
		"placement.shard:":                  func(e *ledger.Tenant) { e.Placement.Shard = "" },
		"placement.dataStore:":              func(e *ledger.Tenant) { e.Placement.DataStore = "No" },
		"placement.address:":                func(e *ledger.Tenant) { e.Placement.Address = "10.0.0.300" },
		"placement.host:":                   func(e *ledger.Tenant) { e.Placement.Address, e.Placement.Host = "", "a b" },
		"placement: has not exactly one":    func(e *ledger.Tenant) { e.Placement.Address = "" },
		"epoch:":                            func(e *ledger.Tenant) { e.Epoch = 0 },
		"lifecycle:":                        func(e *ledger.Tenant) { e.Lifecycle = "Asleep" },
	} {
		bad := tombstoned()
		change(bad)
		refused(t, want)(ledger.Encode(bad))
	}
	for want, change := range map[string]func(*ledger.Adopted){
		"adopted.namespace: is missing":       func(a *ledger.Adopted) { a.Namespace = "" },
		"adopted.name: is missing":            func(a *ledger.Adopted) { a.Name = "" },
		"adopted.objects: \"it\" names no":    func(a *ledger.Adopted) { a.Objects["it"] = "uid" },
		"adopted.objects[ConfigMap/team-a/x]": func(a *ledger.Adopted) { a.Objects["ConfigMap/team-a/x"] = "../x" },
	} {
		bad := adopting()
		change(bad.Adopted)
		refused(t, want)(ledger.Encode(bad))
	}
	for want, change := range map[string]func(*ledger.AdoptedDataStore){
		"adopted.name: is missing": func(a *ledger.AdoptedDataStore) { a.Name = "" },
		"adopted.objects: \"it\"":  func(a *ledger.AdoptedDataStore) { a.Objects["it"] = "uid" },
	} {
		bad := adoptingDataStore()
		change(bad.Adopted)
		refused(t, want)(ledger.Encode(bad))
	}
	for want, change := range map[string]func(*ledger.Held){
		"held.commit:": func(h *ledger.Held) { h.Commit = "" },
		"held.tree:":   func(h *ledger.Held) { h.Tree = "" },
		"held.reason:": func(h *ledger.Held) { h.Reason = "two words" },
	} {
		tenant, store := heldTenant(), dataStore()
		change(tenant.Held)
		change(store.Held)
		refused(t, want)(ledger.Encode(tenant))
		refused(t, want)(ledger.Encode(store))
	}
	for want, change := range map[string]func(*ledger.DataStore){
		"name:":                   func(e *ledger.DataStore) { e.Name = "" },
		"uid:":                    func(e *ledger.DataStore) { e.UID = "" },
		"source:":                 func(e *ledger.DataStore) { e.Source = "/x" },
		"provider:":               func(e *ledger.DataStore) { e.Provider = "" },
		"baseVersion: is missing": func(e *ledger.DataStore) { e.BaseVersion = "" },
		"shard:":                  func(e *ledger.DataStore) { e.Shard = "" },
		"epoch:":                  func(e *ledger.DataStore) { e.Epoch = 0 },
	} {
		bad := dataStore()
		change(bad)
		refused(t, want)(ledger.Encode(bad))
	}
	for want, change := range map[string]func(*ledger.Class){
		"name:":                   func(e *ledger.Class) { e.Name = "" },
		"provider:":               func(e *ledger.Class) { e.Provider = "" },
		"baseVersion: is missing": func(e *ledger.Class) { e.BaseVersion = "" },
		"commit:":                 func(e *ledger.Class) { e.Commit = "" },
		"tree:":                   func(e *ledger.Class) { e.Tree = "" },
	} {
		bad := class()
		change(bad)
		refused(t, want)(ledger.Encode(bad))
	}
	for want, change := range map[string]func(*ledger.Shard){
		"name:":                 func(e *ledger.Shard) { e.Name = "" },
		"identity:":             func(e *ledger.Shard) { e.Identity = "" },
		"kinds: are not sorted": func(e *ledger.Shard) { e.Kinds = []string{"b", "a"} },
	} {
		bad := shard()
		change(bad)
		refused(t, want)(ledger.Encode(bad))
	}
}

// refused judges what Encode gives for an entry that breaks one rule.
func refused(t *testing.T, want string) func([]byte, error) {
	t.Helper()
	return func(_ []byte, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), ": "+want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The paths are a format: a tenant's folder is the first byte of a hash.
func TestPaths(t *testing.T) {
	if got, want := ledger.TenantPath("acme"), "tenants/82/acme.yaml"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUIDIsAUUIDOfItsParts(t *testing.T) {
	a := ledger.UID("ab", "c")
	if len(a) != 36 || a[14] != '8' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("%s is not a UUID of version 8", a)
	}
	if a == ledger.UID("a", "bc") {
		t.Error("parts run into each other")
	}
	if a != ledger.UID("ab", "c") {
		t.Error("the same parts give different uids")
	}
}

// A tenant whose provider keeps its state is placed without a datastore.
func TestPlacementWithoutADataStore(t *testing.T) {
	p := ledger.Placement{Shard: "eu-1", Address: "10.0.0.11"}
	if got := p.String(); got != "eu-1 (address 10.0.0.11)" {
		t.Errorf("got %q", got)
	}
	e := acme()
	e.Placement = p
	data, err := ledger.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "dataStore") {
		t.Errorf("it is written:\n%s", data)
	}
}

// What is to be taken over is told apart by content, and gone when all of it is.
func TestAdopted(t *testing.T) {
	tenant, store := adopting(), adoptingDataStore()
	if !tenant.Adopting() || !store.Adopting() || acme().Adopting() || dataStore().Adopting() {
		t.Error("who adopts does not, or who doesn't does")
	}
	done, doneStore := tenant.Adopted.Done(), store.Adopted.Done()
	if done.Objects != nil || done.Schema != "team_a_prod" || doneStore.Objects != nil || doneStore.Name != "default" || !tenant.Adopting() {
		t.Errorf("what remains is %+v, %+v", done, doneStore)
	}
	var none *ledger.Adopted
	var noStore *ledger.AdoptedDataStore
	if none.Key() != "" || noStore.Key() != "" {
		t.Error("nothing has a key")
	}
	if tenant.Adopted.Key() != adopting().Adopted.Key() || tenant.Adopted.Key() == done.Key() || store.Adopted.Key() != adoptingDataStore().Adopted.Key() || store.Adopted.Key() == doneStore.Key() {
		t.Error("the key is not the content's")
	}
}

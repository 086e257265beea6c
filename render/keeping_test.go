package render

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// keeper carries a provider that keeps the state of its tenants itself.
func keeper(t *testing.T) *Renderer {
	t.Helper()
	r, err := New(Options{Image: testImage, Providers: os.DirFS("testdata/keeping")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// keepingFiles are those of the provider "keeping".
func keepingFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"provider.yaml", "kustomization.yaml", "namespace.yaml", "control-plane.yaml", "stamp/kustomization.yaml"} {
		data, err := os.ReadFile("testdata/keeping/providers/keeping/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files["providers/keeping/"+name] = &fstest.MapFile{Data: data}
	}
	return files
}

// kept is acme by that provider.
func kept() TenantInput {
	in := acme()
	in.Class.Spec.Provider, in.DataStore, in.Placement.DataStore = "keeping", DataStoreInput{}, ""
	return in
}

func TestStateIsKeptWithoutADataStore(t *testing.T) {
	r := keeper(t)
	for provider, want := range map[string]bool{"keeping": true, "k0smotron": true, "native": false, "kamaji": false, "cluster-api": false, "unknown": false} {
		if got := r.KeepsState(&fleet.Class{Spec: fleet.ClassSpec{Provider: provider}}, "1"); got != want {
			t.Errorf("%s keeps the state of its tenants itself: %t, want %t", provider, got, want)
		}
	}
	if _, err := r.Tenant(kept()); err != nil {
		t.Error(err)
	}
	class := kept().Class
	class.Spec.Network = kept().Spec.Network
	if err := r.Check(class, "1"); err != nil {
		t.Error(err)
	}
	placed := kept()
	placed.DataStore.Name = "eu-1-a"
	if _, err := r.Tenant(placed); err == nil || !strings.HasSuffix(err.Error(), "provider keeping keeps the state of its tenants itself: want no datastore, not eu-1-a") {
		t.Errorf("a datastore too many: %v", err)
	}
	bare := acme()
	bare.DataStore = DataStoreInput{}
	if _, err := r.Tenant(bare); err == nil || !strings.HasSuffix(err.Error(), "datastore is empty") {
		t.Errorf("a datastore too few: %v", err)
	}
}

// A stamp that wants a datastore where there is none is told, and fills in nothing.
func TestStampMissesTheDataStore(t *testing.T) {
	files := keepingFiles(t)
	stamp := files["providers/keeping/stamp/kustomization.yaml"]
	stamp.Data = append(stamp.Data, "- source: {kind: Tenant, fieldPath: spec.dataStore.name}\n  targets:\n  - select: {kind: StatefulSet}\n    fieldPaths: [spec.serviceName]\n    options: {create: true}\n"...)
	r, err := New(Options{Image: testImage, Providers: files})
	if err == nil {
		_, err = r.Tenant(kept())
	}
	if err == nil || !strings.Contains(err.Error(), "`spec.dataStore.name` is missing") {
		t.Errorf("got %v, want that spec.dataStore.name is missing", err)
	}
}

// Whoever cannot be judged asleep runs on when it is removed.
func TestRemovedTenantThatCannotSleepRunsOn(t *testing.T) {
	r := keeper(t)
	in := kept()
	living, err := r.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Lifecycle = ledger.Tombstoned
	removed, err := r.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	if living.Digest != removed.Digest {
		t.Error("a removed tenant is not as it was")
	}
}

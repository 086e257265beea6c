package fleetgen_test

import (
	"maps"
	"path"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/test/fleetgen"
)

func TestFleetsAreValid(t *testing.T) {
	made := fleetgen.New(fleetgen.Options{
		Seed: 1, Tenants: 500, Classes: 20, Shards: 4, Providers: []string{"native", "kamaji"}, PatchEvery: 20,
	})
	files := fstest.MapFS{}
	for name, data := range made.Files {
		files[name] = &fstest.MapFile{Data: []byte(data)}
	}
	f, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) > 0 {
		t.Fatalf("%s", findings)
	}
	if len(f.Tenants) != 500 || len(f.Classes) != 20 || len(f.Shards) != 4 || len(f.DataStores) != 8 {
		t.Errorf("%d tenants, %d classes, %d shards, %d datastores", len(f.Tenants), len(f.Classes), len(f.Shards), len(f.DataStores))
	}
	for _, dir := range made.Tenants {
		if tenant := f.Tenants[path.Base(dir)]; tenant == nil || tenant.Dir() != dir {
			t.Errorf("%s is listed, but not declared", dir)
		}
	}
	patched, providers := map[string]int{}, map[string]int{}
	for _, tenant := range f.Tenants {
		provider := f.Classes[tenant.Spec.Class].Spec.Provider
		if providers[provider]++; tenant.Files != nil {
			patched[provider]++
		}
	}
	if n := patched["native"] + patched["kamaji"]; n != 25 || patched["native"] == 0 || patched["kamaji"] == 0 || providers["native"] != 250 {
		t.Errorf("of %v tenants %v have patches, want 1 in 20 of both providers, and as many of each", providers, patched)
	}
}

func TestSeedsMakeFleets(t *testing.T) {
	files := func(seed uint64) map[string]string {
		return fleetgen.New(fleetgen.Options{Seed: seed, Tenants: 100, Classes: 3, Shards: 2, Providers: []string{"native"}}).Files
	}
	if diff := cmp.Diff(files(1), files(1)); diff != "" {
		t.Errorf("the same seed gives another fleet:\n%s", diff)
	}
	if maps.Equal(files(1), files(2)) {
		t.Error("another seed gives the same fleet")
	}
}

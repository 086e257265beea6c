// Package examples_test proves every example: it loads without a finding, every
// tenant finds a place, and everything renders. The folder install is no fleet; of it
// is proven that it gives the rights that the providers need, and no others.
package examples_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/render"
)

func TestExamples(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := render.New(render.Options{Image: "example.com/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range entries {
		if e.IsDir() && e.Name() != "install" {
			seen++
			t.Run(e.Name(), func(t *testing.T) { prove(t, e.Name(), renderer) })
		}
	}
	if seen < 2 {
		t.Errorf("found %d examples, want quickstart and minimal", seen)
	}
}

func prove(t *testing.T, dir string, renderer *render.Renderer) {
	t.Helper()
	loader := fleet.Loader{Judge: renderer.JudgeProvider}
	f, findings, err := loader.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) > 0 {
		t.Fatalf("%s", findings)
	}
	if len(f.Tenants) == 0 {
		t.Error("there are no tenants")
	}
	stores := map[string]render.DataStoreInput{}
	for name, ds := range f.DataStores {
		in := render.DataStoreInput{Name: name, UID: ledger.UID(name), Spec: ds.Spec, BaseVersion: renderer.LatestBase(ds.Spec.Provider)}
		if _, err := renderer.DataStore(in); err != nil {
			t.Error(err)
		}
		stores[name] = in
	}
	for _, class := range f.Classes {
		if err := renderer.Check(class, renderer.BaseFor(class)); err != nil {
			t.Error(err)
		}
	}
	var requests []placement.Request
	for _, tenant := range f.Tenants {
		request := placement.Ask(tenant, f.Classes[tenant.Spec.Class])
		request.KeepsState = renderer.KeepsState(f.Classes[tenant.Spec.Class], renderer.BaseFor(f.Classes[tenant.Spec.Class]))
		requests = append(requests, request)
	}
	for _, o := range placement.New(f, nil).PlaceAll(requests) {
		if o.Unplaced != nil {
			t.Error(o.Unplaced)
			continue
		}
		tenant := f.Tenants[o.Name]
		class := f.Classes[tenant.Spec.Class]
		in := render.InputOf(tenant, class)
		in.UID, in.BaseVersion, in.Lifecycle = ledger.UID(o.Name), renderer.BaseFor(class), ledger.Living
		in.Placement, in.DataStore = o.Placement, stores[o.Placement.DataStore]
		if unit, err := renderer.Tenant(in); err != nil {
			t.Error(err)
		} else {
			proveExport(t, renderer, in, unit)
		}
		if _, err := renderer.Teardown(in); err != nil {
			t.Error(err)
		}
	}
}

// The overlay of quickstart shows what a class can change; it must change it.
func TestQuickstartOverlayHasAnEffect(t *testing.T) {
	f, _, err := fleet.Load(os.DirFS("quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := render.New(render.Options{Image: "example.com/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	tenant, class := f.Tenants["acme"], f.Classes["standard"]
	base := renderer.LatestBase("native")
	in := render.InputOf(tenant, class)
	in.UID, in.BaseVersion, in.Lifecycle = ledger.UID("acme"), base, ledger.Living
	in.Placement = ledger.Placement{Shard: "eu-1", DataStore: "eu-1-a", Address: "127.71.1.10"}
	in.DataStore = render.DataStoreInput{Name: "eu-1-a", UID: ledger.UID("eu-1-a"), Spec: f.DataStores["eu-1-a"].Spec, BaseVersion: base}
	unit, err := renderer.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	deployments := 0
	for _, o := range unit.Objects {
		if o.ID.Kind != "Deployment" {
			continue
		}
		deployments++
		if !strings.Contains(string(o.JSON), `"revisionHistoryLimit":2`) {
			t.Errorf("%s does not keep two old ReplicaSets", o.ID)
		}
	}
	if deployments == 0 {
		t.Error("there is no Deployment")
	}
}

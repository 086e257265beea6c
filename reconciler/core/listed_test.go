package core

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/render"
)

// A tenant's removal may need kinds that nothing else does: they are listed with its
// first decision, since what is not listed is not watched and never cleaned up.
func TestKindsOfATeardownAreListed(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.core = New(w.core.cfg, tidier(t, "DATASTORE-NAMESPACE"))
	w.commit(fleetFiles())
	w.settle()
	w.wantPhase("acme", Ready)
	if kinds := w.ledger().Shards["one"].Kinds; !slices.Contains(kinds, "v1/LimitRange") {
		t.Errorf("the kinds of shard one are %v", kinds)
	}
}

// Whoever could not be removed again is not begun with.
func TestTenantWithoutATeardownIsNotBegun(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.core = New(w.core.cfg, tidier(t, "kube-system"))
	w.commit(fleetFiles())
	w.settle()
	if e := w.ledger().Tenants["acme"]; e != nil {
		t.Errorf("it was decided: %+v", e)
	}
	if st := w.tenant("acme"); st == nil || reasonOf(st, "Placed") != "NotRendered" {
		t.Errorf("status: %+v", st)
	}
}

// tidier renders by a newer base of provider native, whose teardown has a LimitRange,
// which may stand beside the datastore only.
func tidier(t *testing.T, namespace string) *render.Renderer {
	t.Helper()
	providers := fstest.MapFS{"providers/native/teardown/limits.yaml": {Data: []byte(
		"apiVersion: v1\nkind: LimitRange\nmetadata: {name: limits, namespace: " + namespace + "}\n")}}
	err := fs.WalkDir(render.Embedded(), "providers/native", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(render.Embedded(), name)
		text := string(data)
		switch name {
		case "providers/native/provider.yaml":
			before, teardown, _ := strings.Cut(text, "\nteardown:\n")
			teardown = strings.Replace(teardown, "  kinds:\n", "  kinds:\n  - v1/LimitRange\n", 1)
			teardown = strings.Replace(teardown, "  grants:\n", "  grants:\n  - {kind: v1/LimitRange, namespace: tenant.spec.dataStore.namespace}\n", 1)
			text = strings.Replace(before+"\nteardown:\n"+teardown, `baseVersion: "1"`, `baseVersion: "2"`, 1)
		case "providers/native/teardown/kustomization.yaml":
			text += "- limits.yaml\n"
		}
		providers[name] = &fstest.MapFile{Data: []byte(text)}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test", Providers: providers})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

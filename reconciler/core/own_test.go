package core

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tenantry/tenantry/render"
)

// ownFolder is where a fleet with a provider of its own is shown.
const ownFolder = "../../examples/custom-provider"

// folderFiles are that fleet's, which may lose its last tenant. There is no Go among them.
func folderFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(ownFolder), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path.Ext(p) == ".go" {
			t.Errorf("%s: a provider is data only", p)
		}
		data, err := os.ReadFile(path.Join(ownFolder, p))
		files[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files["fleet.yaml"] += "spec: {deletion: {retention: 1h, allowLast: true}}\n"
	return files
}

// withOwn is a world whose tenant lives by a provider of the fleet's own.
func withOwn(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "eu-1")
	w.commit(folderFiles(t))
	w.settle()
	w.wantPhase("acme", Ready)
	return w
}

func (w *world) ofAcme(kind string) *Object {
	for id, o := range w.shards["eu-1"].objects {
		if id.Kind == kind && id.Namespace == "tenant-acme" {
			return o
		}
	}
	return nil
}

// TestOwnProviderNeedsNoGo: a tenant lives a whole life by a folder that the fleet brings.
func TestOwnProviderNeedsNoGo(t *testing.T) {
	w := withOwn(t)
	if st := w.tenant("acme"); st.Version != "v1.36.3" || st.Provider != "k3s" || st.DataStore != "" {
		t.Errorf("status: %+v", st)
	}
	e := w.ledger().Classes["small"]
	if e.ProviderTree == "" || e.ProviderTree != w.head.fleet.Providers["k3s"].Tree || e.BaseVersion != "1" {
		t.Errorf("in force: %+v", e)
	}
	if !w.shards["eu-1"].judged["apps/v1/StatefulSet"] {
		t.Error("nobody reads what its health is told by")
	}
	before := mark(w)
	w.restart()
	w.pass(24 * time.Hour)
	wantQuiet(w, before, "a quiet day of a daemon that knows nothing but Git")
	remove(w, "acme")
	w.wantPhase("acme", Removed)
	w.pass(2 * time.Hour)
	if left := slices.Collect(maps.Keys(w.shards["eu-1"].objects)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

const (
	ownDescription = "providers/k3s/provider.yaml"
	ownBase        = "providers/k3s/kustomization.yaml"
	ownService     = "providers/k3s/service.yaml"
)

// TestOwnProviderChanges: a newer folder is in force once it can be rendered; until then,
// and whatever it no longer has, tenants keep their state.
func TestOwnProviderChanges(t *testing.T) {
	stateless := strings.NewReplacer("  - apps/v1/StatefulSet\n  - networking", "  - networking", "  stateful:\n  - apps/v1/StatefulSet\n", "")
	tests := []struct {
		name, reason string
		change       func(map[string]string)
		taken        bool
		remark       string
	}{
		{"Label", "It is proven as a class is, and taken.", func(f map[string]string) {
			f[ownService] = strings.Replace(f[ownService], "  name: kube", "  labels: {team: web}\n  name: kube", 1)
		}, true, ""},
		{"BaseVersion", "The folder says which it is.", func(f map[string]string) {
			f[ownDescription] = strings.Replace(f[ownDescription], `baseVersion: "1"`, `baseVersion: "2"`, 1)
		}, true, ""},
		{"StateDropped", "What bears state outlives the folder that knew it.", func(f map[string]string) {
			d := stateless.Replace(f[ownDescription])
			health, service, outputs := strings.Index(d, "  - kind: apps"), strings.Index(d, "  - kind: v1/Service"), strings.Index(d, "  outputs:")
			f[ownDescription] = d[:health] + d[service:outputs]
			f[ownBase] = strings.Replace(f[ownBase], "- control-plane.yaml\n", "", 1)
			delete(f, "providers/k3s/control-plane.yaml")
			f["providers/k3s/control-plane.yaml"] = ""
			stamp := f["providers/k3s/stamp/kustomization.yaml"]
			f["providers/k3s/stamp/kustomization.yaml"] = stamp[:strings.Index(stamp, "- source")] + stamp[strings.LastIndex(stamp, "- source"):]
		}, true, ""},
		{"Broken", "Its place is told.", func(f map[string]string) {
			f[ownDescription] = strings.Replace(f[ownDescription], "kind: Provider", "kind: Provided", 1)
		}, false, "ControlPlaneClass small: provider k3s is broken: providers/k3s/provider.yaml:4:7: kind: Unsupported value"},
		{"Hostile", "It has the rights of a class's patches.", func(f map[string]string) {
			f[ownBase] = strings.Replace(f[ownBase], "- service.yaml", "- https://example.com/base", 1)
		}, false, "ControlPlaneClass small: provider k3s is broken: providers/k3s/kustomization.yaml"},
		{"Gone", "Nobody is left with nothing.", func(f map[string]string) {
			for p := range f {
				if strings.HasPrefix(p, "providers/") {
					f[p] = ""
				}
			}
		}, false, `class small: class small: render tenant of tenant nobody: provider "k3s" is unknown`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := withOwn(t)
			was, state, entry := w.ledger().Classes["small"], w.ofAcme("StatefulSet"), w.ledger().Tenants["acme"]
			files := folderFiles(t)
			tt.change(files)
			w.commit(files)
			w.settle()
			w.wantPhase("acme", Ready)
			if got := w.ledger().Classes["small"]; (*got != *was) != tt.taken {
				t.Fatalf("%s\nin force is %+v, remarks %q", tt.reason, got, w.core.Remarks())
			}
			if remarks := strings.Join(w.core.Remarks(), "\n"); !strings.Contains(remarks, tt.remark) || tt.remark == "" && remarks != "" {
				t.Errorf("%s\nremarks %q", tt.reason, remarks)
			}
			if got := w.ofAcme("StatefulSet"); got == nil || got.UID != state.UID || len(w.shards["eu-1"].deletes) > 0 {
				t.Errorf("%s\nstate: %v, deleted: %v", tt.reason, got, w.shards["eu-1"].deletes)
			}
			if *w.ledger().Tenants["acme"] != *entry {
				t.Errorf("%s\n%+v", tt.reason, w.ledger().Tenants["acme"])
			}
			before := mark(w)
			w.restart()
			w.pass(24 * time.Hour)
			wantQuiet(w, before, tt.reason)
			w.shards["eu-1"].objects[w.ofAcme("Service").ID].Drifted = true
			w.restart()
			w.pass(time.Hour)
			if w.ofAcme("Service").Drifted {
				t.Errorf("%s\nwhat is in force is not healed", tt.reason)
			}
			remove(w, "acme")
			w.pass(2 * time.Hour)
			if left := len(w.shards["eu-1"].objects); left > 0 {
				t.Errorf("%s\n%d objects are left behind", tt.reason, left)
			}
		})
	}
}

// TestOwnProviderIsMended: an in-force folder that a daemon no longer understands holds
// its tenants, and a newer folder frees them.
func TestOwnProviderIsMended(t *testing.T) {
	w := withOwn(t)
	for _, c := range w.commits { // as if it had been taken by a daemon with other rules
		for _, k := range c.fleet.Classes {
			own := *k.Own
			own.Files = maps.Clone(own.Files)
			own.Files["provider.yaml"] = []byte("kind: Other\n")
			k.Own = &own
		}
	}
	before := mark(w)
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	become(w, r)
	w.pass(time.Hour)
	if st := w.wantPhase("acme", Held); reasonOf(st, "Held") != "BaseUnknown" {
		t.Errorf("status: %+v", st)
	}
	if after := mark(w); after[0] != before[0] || after[1] != before[1] {
		t.Errorf("something was done: %v, then %v", before, after)
	}
	files := folderFiles(t)
	files[ownService] = strings.Replace(files[ownService], "  name: kube", "  labels: {team: web}\n  name: kube", 1)
	w.commit(files)
	w.settle()
	w.wantPhase("acme", Ready)
}

// TestOwnProviderTakesNoBuiltInsPlace: neither stands in for the other.
func TestOwnProviderTakesNoBuiltInsPlace(t *testing.T) {
	w := begun(t)
	entry, before := w.ledger().Classes["small"], mark(w)
	files := map[string]string{}
	for p, text := range folderFiles(t) {
		if rest, ok := strings.CutPrefix(p, "providers/k3s/"); ok {
			files["providers/native/"+rest] = strings.Replace(text, "name: k3s}\nbase", "name: native}\nbase", 1)
		}
	}
	w.commit(files)
	w.settle()
	w.wantPhase("acme", Ready)
	if got := w.ledger().Classes["small"]; *got != *entry {
		t.Errorf("in force: %+v", got)
	}
	if after := mark(w); after[0] != before[0] {
		t.Errorf("something was done on shards: %v, then %v", before, after)
	}
	if got := strings.Join(w.core.Remarks(), "\n"); !strings.Contains(got, "Provider native: providers/native: provider native is one that the binary carries") {
		t.Errorf("remarks: %q", got)
	}
	if id := (render.ObjectID{Group: "apps", Version: "v1", Kind: "StatefulSet", Namespace: "tenant-acme", Name: "k3s"}); w.shards["one"].objects[id] != nil {
		t.Error("the folder was rendered")
	}
}

// TestBuiltInTakesNoOwnProvidersPlace: a newer daemon carries a provider of the name of
// the fleet's own one. Whether the folder stays or goes, nobody comes to the other.
func TestBuiltInTakesNoOwnProvidersPlace(t *testing.T) {
	w := withOwn(t)
	carried := fstest.MapFS{}
	for p, text := range folderFiles(t) {
		if strings.HasPrefix(p, "providers/") {
			carried[p] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test", Providers: carried})
	if err != nil {
		t.Fatal(err)
	}
	entry, before := *w.ledger().Classes["small"], mark(w)
	become(w, r)
	w.commit(map[string]string{"fleet.yaml": folderFiles(t)["fleet.yaml"] + "# read anew\n"})
	w.pass(time.Hour)
	w.wantPhase("acme", Held)
	files := map[string]string{
		"classes/other/class.yaml":     strings.Replace(folderFiles(t)["classes/small/class.yaml"], "name: small", "name: other", 1),
		"tenants/web/acme/tenant.yaml": strings.Replace(folderFiles(t)["tenants/web/acme/tenant.yaml"], "class: small", "class: other", 1),
	}
	for p := range carried {
		files[p] = ""
	}
	w.commit(files)
	w.pass(time.Hour)
	w.wantPhase("acme", Held)
	if got := w.ledger().Classes; len(got) != 1 || *got["small"] != entry {
		t.Errorf("in force: %+v", got)
	}
	if after := mark(w); after[0] != before[0] {
		t.Errorf("something was done on shards: %v, then %v", before, after)
	}
	if got := strings.Join(w.core.Remarks(), "\n"); !strings.Contains(got, "class other: class small is in force with another provider of the name k3s") {
		t.Errorf("remarks: %q", got)
	}
}

// TestOwnProviderIsReadAnew: a newer folder judges by what nobody looked into before.
func TestOwnProviderIsReadAnew(t *testing.T) {
	w := withOwn(t)
	const kind = "v1/Namespace"
	if w.shards["eu-1"].judged[kind] {
		t.Fatalf("%s is read already", kind)
	}
	rule := "  - {kind: v1/Namespace, name: tenant-acme, reason: Namespace, current: '\"uid\" in object.metadata || object.kind == \"Namespace\"', message: '\"it is not there\"', remark: true}\n  outputs:"
	w.commit(map[string]string{ownDescription: strings.Replace(folderFiles(t)[ownDescription], "  outputs:", rule, 1)})
	w.settle()
	w.wantPhase("acme", Ready)
	if !w.shards["eu-1"].judged[kind] {
		t.Errorf("%s is judged, and nobody reads it; remarks %q", kind, w.core.Remarks())
	}
	before := mark(w)
	w.pass(time.Hour)
	wantQuiet(w, before, "an hour")
}

// TestOwnProviderOfTwoReplicas: what one of them takes is in force for both.
func TestOwnProviderOfTwoReplicas(t *testing.T) {
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, r, r)
	folder := folderFiles(t)
	shard, tenant := folder["shards/eu-1.yaml"], folder["tenants/web/acme/tenant.yaml"]
	delete(folder, "shards/eu-1.yaml")
	delete(folder, "tenants/web/acme/tenant.yaml")
	for i, name := range []string{"one", "two"} {
		folder["shards/"+name+".yaml"] = strings.NewReplacer("eu-1", name, "127.71.1.", []string{"127.71.1.", "127.71.2."}[i]).Replace(shard)
		folder["tenants/web/"+name+"-t/tenant.yaml"] = strings.Replace(tenant, "acme", name+"-t", 1) + "  shard: " + name + "\n"
	}
	p.commit(folder)
	p.pass(10 * time.Minute)
	before := *p.ledger().Classes["small"]
	p.commit(map[string]string{ownService: strings.Replace(folder[ownService], "  name: kube", "  labels: {team: web}\n  name: kube", 1)})
	p.pass(10 * time.Minute)
	if got := p.ledger().Classes["small"]; got.Tree != before.Tree || got.ProviderTree == before.ProviderTree {
		t.Errorf("in force: %+v, then %+v", before, got)
	}
	for _, name := range []string{"one", "two"} {
		if got := string(p.status[statusPath(name, name+"-t")]); !strings.Contains(got, "phase: Ready") {
			t.Errorf("%s-t:\n%s", name, got)
		}
	}
	quiet := mark(p.world)
	p.pass(24 * time.Hour)
	wantQuiet(p.world, quiet, "a day of both")
}

package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

var (
	liveProd    = render.ObjectID{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "TenantControlPlane", Namespace: "team-a", Name: "prod"}
	liveDefault = render.ObjectID{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "DataStore", Name: "default"}
)

const adopts = "  adopt:\n    namespace: team-a\n    name: prod\n    schema: team_a_prod\n    username: prod\n    address: 10.0.0.5\n" +
	"    objects: {TenantControlPlane.kamaji.clastix.io/team-a/prod: u-prod}\n"

func adopter(name, adopts string) string {
	return "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec:\n  class: hosted\n  shard: eu-1\n  dataStore: sql\n" + adopts
}

// imported is a world in which a control plane and its datastore ran before they were
// declared.
func imported(t *testing.T, prepare func(*world)) *world {
	t.Helper()
	w := newWorld(t, "eu-1")
	w.shards["eu-1"].strangers = map[render.ObjectID]string{liveProd: "u-prod", liveDefault: "u-default"}
	w.commit(map[string]string{
		"fleet.yaml":                   "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nspec: {deletion: {retention: 1h, allowLast: true}}\n",
		"shards/eu-1.yaml":             "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {addressPool: [10.0.0.5-10.0.0.9]}\n",
		"datastores/sql.yaml":          storeOn("eu-1") + "  adopt: {name: default, objects: {DataStore.kamaji.clastix.io/default: u-default}}\n",
		"classes/hosted/class.yaml":    "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: hosted}\nspec: {provider: kamaji, version: v1.36.3, allow: {adopt: true}}\n",
		"tenants/web/acme/tenant.yaml": adopter("acme", adopts),
	})
	if prepare != nil {
		prepare(w)
	}
	w.settle()
	return w
}

// holds names the objects of a shard that are ours.
func (s *fakeShard) holds() []string {
	var out []string
	for id, o := range s.objects {
		out = append(out, id.String()+" "+o.UID)
	}
	slices.Sort(out)
	return out
}

func TestWhatRunsIsTakenOver(t *testing.T) {
	w := imported(t, nil)
	s := w.shards["eu-1"]
	st := w.wantPhase("acme", Ready)
	if want := []string{"DataStore.kamaji.clastix.io/default u-default", liveProd.String() + " u-prod"}; !slices.Equal(s.holds(), want) {
		t.Errorf("there is %v, want %v", s.holds(), want)
	}
	if k := st.Kubeconfig; k == nil || k.Namespace != "team-a" || k.Secret != "prod-admin-kubeconfig" {
		t.Errorf("its kubeconfig is %+v", k)
	}
	e := w.ledger().Tenants["acme"]
	if want := (ledger.Adopted{Namespace: "team-a", Name: "prod", Schema: "team_a_prod", Username: "prod"}); e.Adopted == nil || e.Adopted.Key() != want.Key() || e.Placement.Address != "10.0.0.5" {
		t.Errorf("the entry is %+v, %+v", e, e.Adopted)
	}
	if d := w.ledger().DataStores["sql"]; d.Adopting() || d.Adopted.Name != "default" {
		t.Errorf("the datastore's entry is %+v", d.Adopted)
	}
	works, commits := len(s.works), len(w.ledgers)
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": adopter("acme", "")}) // it has said its word
	w.settle()
	w.restart()
	w.settle()
	w.pass(24 * time.Hour)
	if len(s.works) != works || len(w.ledgers) != commits {
		t.Errorf("at rest there were %d works and %d decisions: %+v", len(s.works)-works, len(w.ledgers)-commits, s.works[works:])
	}
	// Who would have it otherwise is told; nothing changes.
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": adopter("acme", strings.Replace(adopts, "name: prod", "name: other", 1))})
	w.settle()
	if n := w.core.notes["acme"]; n.reason != "Frozen" || !strings.Contains(n.message, "taken over as prod in namespace team-a") || len(s.works) != works {
		t.Errorf("said is %+v", n)
	}
}

// Removed it sleeps like any other; purged it is gone, and its namespace is not.
func TestWhatWasTakenOverGoes(t *testing.T) {
	w := imported(t, nil)
	s := w.shards["eu-1"]
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	w.wantPhase("acme", Removed)
	if text := fmt.Sprint(s.objects[liveProd].Content["spec"]); !strings.Contains(text, "replicas:0") {
		t.Errorf("removed it is %s", text)
	}
	w.pass(2 * time.Hour)
	if want := []string{liveProd.String()}; !slices.Equal(s.deletes, want) {
		t.Errorf("deleted was %v, want %v", s.deletes, want)
	}
}

// What cannot be taken over is left as it is, and nothing is made in its place.
func TestNothingIsMadeInThePlaceOfWhatIsAdopted(t *testing.T) {
	for name, live := range map[string]map[render.ObjectID]string{
		"absent":  {liveDefault: "u-default"},
		"another": {liveDefault: "u-default", liveProd: "u-another"},
	} {
		t.Run(name, func(t *testing.T) {
			w := imported(t, func(w *world) { w.shards["eu-1"].strangers = maps.Clone(live) })
			s := w.shards["eu-1"]
			w.pass(time.Hour)
			w.restart()
			w.settle()
			w.pass(time.Hour)
			if st := w.wantPhase("acme", Failed); reasonOf(st, "Applied") != "NotAdopted" {
				t.Errorf("told is %+v", st.Conditions)
			}
			if want := []string{"DataStore.kamaji.clastix.io/default u-default"}; !slices.Equal(s.holds(), want) || len(s.deletes) > 0 {
				t.Errorf("there is %v, deleted %v", s.holds(), s.deletes)
			}
			s.strangers[liveProd] = "u-prod"
			w.pass(time.Hour)
			w.wantPhase("acme", Ready)
		})
	}
}

// Removed before it was taken over, it is left alone for good.
func TestRemovedBeforeItIsTakenOver(t *testing.T) {
	w := imported(t, func(w *world) { w.shards["eu-1"].strangers[liveProd] = "u-another" })
	s := w.shards["eu-1"]
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	works := len(s.works)
	s.strangers[liveProd] = "u-prod"
	w.pass(30 * time.Minute)
	w.wantPhase("acme", Removed)
	w.pass(2 * time.Hour)
	for _, work := range s.works[works:] {
		if len(work.Apply) > 0 && work.Owner.Kind == render.OwnerTenant {
			t.Errorf("applied was %+v", work.Apply)
		}
	}
	if e := w.ledger().Tenants["acme"]; e.Lifecycle != ledger.Purged || len(s.deletes) > 0 || s.strangers[liveProd] == "" {
		t.Errorf("it is %s, deleted was %v, not ours are %v", e.Lifecycle, s.deletes, s.strangers)
	}
}

// Nothing else is written before all of it is taken over, such as what a class adds.
func TestNothingElseIsWrittenBefore(t *testing.T) {
	w := imported(t, func(w *world) {
		w.shards["eu-1"].strangers[liveProd] = "u-another"
		w.commit(map[string]string{
			"classes/hosted/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../providers/kamaji, limits.yaml]\n",
			"classes/hosted/limits.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: limits, namespace: TENANT-NAMESPACE}\ndata: {a: b}\n",
		})
	})
	s := w.shards["eu-1"]
	if slices.ContainsFunc(s.holds(), func(o string) bool { return strings.HasPrefix(o, "ConfigMap") }) {
		t.Errorf("there is %v", s.holds())
	}
	s.strangers[liveProd] = "u-prod"
	w.pass(time.Hour)
	w.wantPhase("acme", Ready)
	if !slices.ContainsFunc(s.holds(), func(o string) bool { return strings.HasPrefix(o, "ConfigMap/team-a/limits") }) {
		t.Errorf("there is %v", s.holds())
	}
}

// Without our marks nothing is adopted twice: who loses them is somebody else's.
func TestNothingIsAdoptedTwice(t *testing.T) {
	w := imported(t, nil)
	s := w.shards["eu-1"]
	e := w.ledger().Tenants["acme"]
	delete(s.objects, liveProd)
	s.strangers[liveProd] = "u-prod"
	w.queue = append(w.queue, Observed{Shard: "eu-1", Gone: []Gone{{OwnerUID: e.UID, ID: liveProd}}})
	w.settle()
	if st := w.tenant("acme"); reasonOf(st, "Applied") != "Foreign" {
		t.Errorf("told is %+v", st.Conditions)
	}
}

// Whom a declaration no longer names, its entry does: nobody else takes it over.
func TestNobodyTakesOverWhatIsTakenOver(t *testing.T) {
	w := imported(t, nil)
	s := w.shards["eu-1"]
	ledgers, works := len(w.ledgers), len(s.works)
	w.commit(map[string]string{
		"tenants/web/acme/tenant.yaml": adopter("acme", ""),
		"tenants/web/twin/tenant.yaml": adopter("twin", adopts),
		"datastores/sql.yaml":          storeOn("eu-1"),
		"datastores/twin.yaml":         named("twin") + "  adopt: {name: default, objects: {DataStore.kamaji.clastix.io/default: u-default}}\n",
	})
	w.settle()
	w.pass(time.Hour)
	if len(w.ledgers) != ledgers || len(s.works) != works {
		t.Errorf("there were %d decisions and %d works", len(w.ledgers)-ledgers, len(s.works)-works)
	}
	w.wantNote("twin", "Invalid", "prod in namespace team-a is what tenant acme has taken over")
	if n := w.core.notes["datastore/twin"]; n.reason != "Invalid" || !strings.Contains(n.message, "default is what datastore sql has taken over") {
		t.Errorf("of the datastore is said %+v", n)
	}
	w.wantPhase("acme", Ready)
}

func TestAdoptionThatIsRefused(t *testing.T) {
	w := imported(t, func(w *world) {
		w.commit(map[string]string{
			"tenants/web/beta/tenant.yaml":  adopter("beta", ""),
			"tenants/web/gamma/tenant.yaml": adopter("gamma", strings.NewReplacer("team-a", "tenant-beta", "u-prod", "u-gamma").Replace(adopts)),
			"tenants/web/delta/tenant.yaml": adopter("delta", strings.NewReplacer("name: prod", "name: delta", "TenantControlPlane", "TenantControlPlanet", "u-prod", "u-delta").Replace(adopts)),
			"tenants/web/omega/tenant.yaml": strings.Replace(adopter("omega", strings.NewReplacer("name: prod", "name: omega", "/prod:", "/omega:", "u-prod", "u-omega").Replace(adopts)), "  dataStore: sql\n", "", 1),
		})
	})
	for name, want := range map[string]string{
		"gamma": "Invalid spec.adopt.namespace: namespace tenant-beta is that of tenant beta, and goes with it",
		"delta": "NotRendered render tenant of tenant delta: TenantControlPlane.kamaji.clastix.io/team-a/delta bears state, and is not among what is taken over",
		"omega": "Unplaceable place omega: no shard takes it: shard eu-1: what the tenant takes over has its state in a datastore",
	} {
		if n := w.core.notes[name]; !strings.HasPrefix(n.reason+" "+n.message, want) || w.ledger().Tenants[name] != nil {
			t.Errorf("%s: said is %+v", name, n)
		}
	}
	w.wantPhase("acme", Ready)
	if at := w.ledger().Tenants["beta"].Placement.Address; at != "10.0.0.6" {
		t.Errorf("beta is at %s", at)
	}
	w.commit(map[string]string{"tenants/web/beta/tenant.yaml": adopter("beta", strings.NewReplacer("u-prod", "u-beta").Replace(adopts))})
	w.settle()
	if n := w.core.notes["beta"]; n.reason != "Frozen" || !strings.Contains(n.message, "it lives already") {
		t.Errorf("beta: said is %+v", n)
	}
}

// Which objects are taken over is decided once: who names others later is told.
func TestOtherObjectsThanDecided(t *testing.T) {
	w := imported(t, func(w *world) { w.shards["eu-1"].strangers[liveProd] = "u-another" })
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": adopter("acme", strings.Replace(adopts, "u-prod", "u-another", 1))})
	w.settle()
	w.restart()
	w.settle()
	if n := w.core.notes["acme"]; n.reason != "Frozen" || !strings.Contains(n.message, "spec.adopt.objects") {
		t.Errorf("said is %+v", n)
	}
	s := w.shards["eu-1"]
	if s.strangers[liveProd] != "u-another" || w.ledger().Tenants["acme"].Adopted.Objects[liveProd.String()] != "u-prod" {
		t.Errorf("there is %v, and the entry is %+v", s.strangers, w.ledger().Tenants["acme"].Adopted)
	}
	works, commits := len(s.works), len(w.ledgers)
	w.pass(time.Hour)
	if len(w.ledgers) != commits {
		t.Errorf("an hour later there were %d decisions, %d works", len(w.ledgers)-commits, len(s.works)-works)
	}
}

// Whoever would get a namespace that somebody was taken over in is not let in: all that is
// in it would go with them.
func TestNamespaceOfWhatIsAdoptedIsNobodys(t *testing.T) {
	in := strings.NewReplacer("namespace: team-a", "namespace: tenant-beta", "/team-a/", "/tenant-beta/").Replace(adopts)
	live := liveProd
	live.Namespace = "tenant-beta"
	w := imported(t, func(w *world) {
		w.shards["eu-1"].strangers[live] = "u-prod"
		w.commit(map[string]string{"tenants/web/acme/tenant.yaml": adopter("acme", in)})
	})
	w.wantPhase("acme", Ready)
	w.commit(map[string]string{"tenants/web/beta/tenant.yaml": adopter("beta", "")})
	w.settle()
	if n := w.core.notes["beta"]; w.ledger().Tenants["beta"] != nil || n.reason != "Unplaceable" || !strings.Contains(n.message, "namespace tenant-beta is where tenant acme") {
		t.Errorf("said is %+v, the entry is %+v", n, w.ledger().Tenants["beta"])
	}
}

// Whoever is held meanwhile is taken over all the same: what is ours is healed.
func TestHeldWhenItIsTakenOver(t *testing.T) {
	for name, first := range map[string]string{"held by that": "", "held before": "kind: [\n"} {
		t.Run(name, func(t *testing.T) {
			w := imported(t, func(w *world) { w.shards["eu-1"].strangers[liveProd] = "u-another" })
			s := w.shards["eu-1"]
			if first != "" {
				w.commit(map[string]string{"tenants/web/acme/tenant.yaml": first})
				w.settle()
				w.wantPhase("acme", Held)
			}
			s.strangers[liveProd] = "u-prod"
			w.refuse = errors.New("remote rejected")
			w.pass(time.Hour)
			if s.objects[liveProd] == nil || !w.ledger().Tenants["acme"].Adopting() {
				t.Fatalf("there is %v, the entry is %+v", s.holds(), w.ledger().Tenants["acme"])
			}
			w.commit(map[string]string{"tenants/web/acme/tenant.yaml": "kind: [\n"})
			w.settle()
			w.refuse = nil
			w.pass(time.Hour)
			if e := w.ledger().Tenants["acme"]; e.Adopting() || e.Held == nil {
				t.Errorf("the entry is %+v, %+v", e, e.Adopted)
			}
			w.wantPhase("acme", Held)
		})
	}
}

var (
	liveCluster = render.ObjectID{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster", Namespace: "team-a", Name: "prod"}
	livePlane   = render.ObjectID{Group: "controlplane.cluster.x-k8s.io", Version: "v1alpha2", Kind: "KamajiControlPlane", Namespace: "team-a", Name: "prod"}
)

// halfTaken is a world in which of two objects one is taken over, and the other one is not
// the one that was declared.
func halfTaken(t *testing.T) *world {
	t.Helper()
	w := byClusterAPI(t)
	s := w.shards["eu-1"]
	s.strangers = map[render.ObjectID]string{liveCluster: "u-cluster", livePlane: "u-another"}
	w.commit(map[string]string{
		"classes/metal/kustomization.yaml": "resources: [../../providers/cluster-api]\n",
		"classes/metal/class.yaml":         "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: metal}\nspec: {provider: cluster-api, version: v1.36.3, replicas: 2, allow: {adopt: true}}\n",
		"tenants/web/half/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: half}\nspec:\n  class: metal\n  shard: eu-1\n  dataStore: sql\n" +
			"  adopt:\n    namespace: team-a\n    name: prod\n    schema: team_a_prod\n    username: prod\n    address: 10.0.0.5\n" +
			"    objects: {Cluster.cluster.x-k8s.io/team-a/prod: u-cluster, KamajiControlPlane.controlplane.cluster.x-k8s.io/team-a/prod: u-prod}\n",
	})
	w.settle()
	if s.objects[liveCluster] == nil || s.objects[livePlane] != nil {
		t.Fatalf("there is %v: %v", s.holds(), w.core.notes)
	}
	return w
}

// Removed when half of it is taken over, it is left alone for good: its controllers would
// take all of it down with that half.
func TestRemovedWhenHalfIsTakenOver(t *testing.T) {
	w := halfTaken(t)
	s := w.shards["eu-1"]
	works := len(s.works)
	w.commit(map[string]string{"tenants/web/half/tenant.yaml": ""})
	w.settle()
	if st := w.wantPhase("half", Removed); !strings.Contains(fmt.Sprint(st.Conditions), "what runs is left alone") {
		t.Errorf("told is %+v", st.Conditions)
	}
	w.pass(3 * time.Hour)
	w.restart()
	w.settle()
	w.pass(time.Hour)
	for _, work := range s.works[works:] {
		if len(work.Apply)+len(work.Delete) > 0 && work.Owner.Name == "half" {
			t.Errorf("applied was %+v, deleted %+v", work.Apply, work.Delete)
		}
	}
	if e := w.ledger().Tenants["half"]; e.Lifecycle != ledger.Purged || s.objects[liveCluster] == nil || s.strangers[livePlane] == "" {
		t.Errorf("it is %s, there is %v, deleted was %v", e.Lifecycle, s.holds(), s.deletes)
	}
}

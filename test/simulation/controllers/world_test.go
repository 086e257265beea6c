package controllers

import (
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// world is a cluster with its controllers, and time that goes by when it is told to.
type world struct {
	t       testing.TB
	server  *apiserver.Server
	play    *Controllers
	now     time.Time
	changes []apiserver.Change
	refused []string
}

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.server = apiserver.New(apiserver.Options{Identity: "k", Now: clock, Seed: seed})
	if err := Install(w.server); err != nil {
		t.Fatal(err)
	}
	w.play = New(w.server, Options{Seed: seed, Now: clock, Refused: func(k apiserver.Key, err error) {
		if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) { // as it may be in life
			w.refused = append(w.refused, k.Kind+" "+k.Name+": "+err.Error())
		}
	}})
	w.server.Changed = func(c apiserver.Change) {
		w.changes = append(w.changes, c)
		w.play.Saw(c)
	}
	w.settle()
	return w
}

// settle lets time go by until the controllers have nothing left to do.
func (w *world) settle() {
	w.t.Helper()
	for range 10_000 {
		if !w.step() {
			return
		}
	}
	w.t.Fatal("the controllers never come to rest")
}

// step lets time go by until the next thing is done; false when there is none.
func (w *world) step() bool {
	after, ok := w.play.Due()
	if ok {
		w.now = w.now.Add(after)
		w.play.Step()
	}
	return ok
}

// apply writes a unit as we do.
func (w *world) apply(unit *render.Unit) {
	w.t.Helper()
	for _, o := range unit.Objects {
		w.put("tenantry", string(o.JSON))
	}
}

func (w *world) put(manager, text string) apiserver.Object {
	w.t.Helper()
	var content apiserver.Object
	if err := json.Unmarshal([]byte(text), &content); err != nil {
		w.t.Fatal(err)
	}
	stored, err := w.server.Apply(manager, content)
	if err != nil {
		w.t.Fatalf("apply %v: %v", keyOf(content), err)
	}
	return stored
}

func (w *world) remove(key apiserver.Key) {
	w.t.Helper()
	if err := w.server.Delete(key); err != nil {
		w.t.Fatal(err)
	}
}

// change writes one field of an object, as somebody else.
func (w *world) change(key apiserver.Key, value any, path ...string) {
	w.t.Helper()
	o := w.server.Get(key)
	if o == nil {
		w.t.Fatalf("%v is not there", key)
	}
	if _, err := w.server.Write("kubectl-edit", "", with(o, value, path...)); err != nil {
		w.t.Fatal(err)
	}
}

// judge is a unit's health, as the core judges it.
func (w *world) judge(unit *render.Unit) render.Health {
	var objects []render.Judged
	for _, o := range unit.Objects {
		j := render.Judged{ID: o.ID}
		if have := w.server.Get(apiserver.Key(o.ID)); have != nil {
			j.Present = true
			if unit.Provider.Judges(o.ID) {
				j.Content = have
			}
		}
		objects = append(objects, j)
	}
	return unit.Provider.Judge(objects)
}

func (w *world) wantCurrent(units ...*render.Unit) {
	w.t.Helper()
	for _, unit := range units {
		if h := w.judge(unit); h.State != render.Current {
			w.t.Errorf("%s is %s: %s: %s", unit.Owner, h.State, h.Reason, h.Message)
		}
	}
	w.wantNoRefusal()
}

func (w *world) wantNoRefusal() {
	w.t.Helper()
	if len(w.refused) > 0 {
		w.t.Errorf("the API server refused:\n%s", strings.Join(w.refused, "\n"))
	}
}

// scene is a datastore and a tenant of one provider.
type scene struct {
	store  render.DataStoreInput
	tenant render.TenantInput
}

func secretKey(name, key string) fleet.SecretKey {
	return fleet.SecretKey{Namespace: "data", Name: name, Key: key}
}

func scenes() map[string]scene {
	tenant := func(provider, store string) render.TenantInput {
		return render.TenantInput{
			Name: "acme", UID: "7f3k2m9qx4", BaseVersion: "1",
			Spec: fleet.TenantSpec{
				Class: "standard", Version: "v1.36.3", Replicas: 2,
				Network: fleet.Network{ServiceCIDR: "10.96.0.0/16", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"},
			},
			Class:     &fleet.Class{Metadata: fleet.Metadata{Name: "standard"}, Spec: fleet.ClassSpec{Provider: provider}},
			Placement: ledger.Placement{Shard: "eu-1", DataStore: store, Address: "10.0.0.7"},
			Lifecycle: ledger.Living, DataStore: render.DataStoreInput{Name: store},
		}
	}
	return map[string]scene{
		"native": {
			render.DataStoreInput{Name: "eu-1-a", UID: "5d0c8w1rtb", BaseVersion: "1", Spec: fleet.DataStoreSpec{
				Provider: "native", Driver: "etcd", Shards: []string{"eu-1"}, Managed: &fleet.ManagedDataStore{Replicas: 3, Storage: "8Gi"},
			}},
			tenant("native", "eu-1-a"),
		},
		"kamaji": {
			render.DataStoreInput{Name: "eu-1-pg", UID: "5d0c8w1rtc", BaseVersion: "1", Spec: fleet.DataStoreSpec{
				Provider: "kamaji", Driver: "PostgreSQL", Shards: []string{"eu-1"}, Endpoints: []string{"pg.data.svc:5432"},
				BasicAuth: &fleet.BasicAuth{Username: secretKey("pg", "username"), Password: secretKey("pg", "password")},
			}},
			tenant("kamaji", "eu-1-pg"),
		},
	}
}

// units is a scene as it is rendered, a datastore and a tenant.
type units struct{ store, tenant *render.Unit }

// rendered is every scene's, rendered once.
var rendered = sync.OnceValues(func() (map[string]units, error) {
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:v0.1.0"})
	if err != nil {
		return nil, err
	}
	all := map[string]units{}
	for provider, s := range scenes() {
		store, err := r.DataStore(s.store)
		if err != nil {
			return nil, err
		}
		tenant, err := r.Tenant(s.tenant)
		if err != nil {
			return nil, err
		}
		all[provider] = units{store, tenant}
	}
	return all, nil
})

func unitsOf(t testing.TB, provider string) (store, tenant *render.Unit) {
	t.Helper()
	all, err := rendered()
	if err != nil {
		t.Fatal(err)
	}
	return all[provider].store, all[provider].tenant
}

// given is what a scene wants from somebody else: the namespace and the Secret of a
// datastore that runs elsewhere.
func (w *world) given() {
	w.t.Helper()
	w.put("kubectl", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"data"}}`)
	w.put("kubectl", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"pg","namespace":"data"},"data":{"username":"cA==","password":"cA=="}}`)
}

// built is a world in which a scene is ready.
func built(t testing.TB, provider string) (w *world, store, tenant *render.Unit) {
	t.Helper()
	return builtFrom(t, provider, 1)
}

func builtFrom(t testing.TB, provider string, seed uint64) (w *world, store, tenant *render.Unit) {
	t.Helper()
	w = newWorld(t, seed)
	w.given()
	store, tenant = unitsOf(t, provider)
	w.apply(store)
	w.apply(tenant)
	w.settle()
	w.wantCurrent(store, tenant)
	return w, store, tenant
}

// find gives the only key of that kind and name, or of a name that begins so.
func find(t testing.TB, unit *render.Unit, kind, name string) apiserver.Key {
	t.Helper()
	for _, o := range unit.Objects {
		if o.ID.Kind == kind && strings.HasPrefix(o.ID.Name, name) {
			return apiserver.Key(o.ID)
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return apiserver.Key{}
}

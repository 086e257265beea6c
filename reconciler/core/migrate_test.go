package core

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// named is a datastore of another name and place, and with something else replaced.
func named(name string, replaced ...string) string {
	return strings.NewReplacer(append(replaced, "{name: sql}", "{name: "+name+"}", "db.data.svc", name+".data.svc")...).Replace(storeOn("eu-1"))
}

func onStore(name, store, more string) string {
	return "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec: {class: hosted, dataStore: " + store + more + "}\n"
}

func approvalOf(items ...fleet.ApprovalItem) (path, content string) {
	content = "apiVersion: tenantry.io/v1alpha1\nkind: Approval\nmetadata: {name: " + fleet.ApprovalName(items) + "}\nspec:\n  items:\n"
	for _, i := range items {
		content += fmt.Sprintf("  - {action: %s, tenant: %s, uid: %s, target: %s}\n", i.Action, i.Tenant, i.UID, i.Target)
	}
	return fleet.ApprovalPath(items), content
}

// approve says yes to a tenant's coming to another datastore.
func (w *world) approve(tenant, store string) {
	w.t.Helper()
	path, content := approvalOf(fleet.ApprovalItem{Action: "migrate", Tenant: tenant, UID: w.ledger().Tenants[tenant].UID, Target: store})
	w.commit(map[string]string{path: content})
}

// stores is where the objects of a shard say that tenants' state is.
func (s *fakeShard) stores() map[string]string {
	out := map[string]string{}
	for id, o := range s.objects {
		if id.Kind == "TenantControlPlane" {
			spec, _ := o.Content["spec"].(map[string]any)
			out[id.Name] = fmt.Sprint(spec["dataStore"])
		}
	}
	return out
}

// wantNote wants to be said of a living tenant why it is not as it is declared.
func (w *world) wantNote(tenant, reason string, parts ...string) {
	w.t.Helper()
	n := w.core.notes[tenant]
	for _, part := range parts {
		if !strings.Contains(n.message, part) {
			w.t.Errorf("of %s is said %q, want in it %q", tenant, n.message, part)
		}
	}
	if n.reason != reason {
		w.t.Errorf("of %s is said %s, want %q", tenant, n, reason)
	}
}

func TestStateComesToAnotherDataStore(t *testing.T) {
	w := onKamaji(t, func(w *world) {
		w.commit(map[string]string{"datastores/other.yaml": named("other"), "tenants/web/acme/tenant.yaml": onStore("acme", "other", "")})
	})
	s, before := w.shards["eu-1"], *w.ledger().Tenants["acme"]
	if before.Placement.DataStore != "other" {
		t.Fatalf("it lives %s", before.Placement)
	}
	tcp := render.ObjectID{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "TenantControlPlane", Namespace: "tenant-acme", Name: "acme"}
	uid, schema := s.objects[tcp].UID, fmt.Sprint(s.objects[tcp].Content["spec"].(map[string]any)["dataStoreSchema"])

	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": onStore("acme", "sql", ", version: v1.36.4")})
	w.settle()
	w.wantNote("acme", "NeedsApproval", "with datastore other", "to datastore sql", "tenantry approve acme", "approvals/")
	w.wantPhase("acme", Held)
	if got := s.stores()["acme"]; got != "other" {
		t.Errorf("without an approval it is with %s", got)
	}
	path := strings.Fields(w.core.notes["acme"].message)
	w.approve("acme", "sql")
	if want := path[len(path)-1]; w.head.files[want] == nil {
		t.Errorf("there is no file %s", want)
	}
	w.settle()
	w.wantPhase("acme", Ready)
	after := w.ledger().Tenants["acme"]
	want := before
	want.Placement.DataStore, want.Epoch = "sql", before.Epoch+1
	if *after != want || s.stores()["acme"] != "sql" {
		t.Errorf("it is %+v with %s, want %+v", after, s.stores()["acme"], want)
	}
	if o := s.objects[tcp]; o.UID != uid || fmt.Sprint(o.Content["spec"].(map[string]any)["dataStoreSchema"]) != schema || len(s.deletes) > 0 {
		t.Errorf("it was made anew, or its data is elsewhere: %+v, deleted was %v", o, s.deletes)
	}
	works, commits := len(s.works), len(w.ledgers)
	w.pass(24 * time.Hour)
	w.restart()
	w.settle()
	w.pass(24 * time.Hour)
	if len(s.works) != works || len(w.ledgers) != commits {
		t.Errorf("at rest there were %d works and %d decisions", len(s.works)-works, len(w.ledgers)-commits)
	}
	// The way back is another decision.
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": onStore("acme", "other", "")})
	w.settle()
	w.wantNote("acme", "NeedsApproval", "to datastore other")
	w.approve("acme", "other")
	w.settle()
	if e := w.ledger().Tenants["acme"]; e.Placement != before.Placement || e.Epoch != before.Epoch+2 {
		t.Errorf("back it is %+v", e)
	}
	// Who asks for none stays.
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: hosted}\n"})
	w.settle()
	w.wantPhase("acme", Ready)
	if e := w.ledger().Tenants["acme"]; e.Epoch != before.Epoch+2 {
		t.Errorf("at last it is %+v", e)
	}
}

// An approval is of one tenant, one action and one target.
func TestAnApprovalIsOfWhatItSays(t *testing.T) {
	w := onKamaji(t, nil)
	uid := w.ledger().Tenants["acme"].UID
	for _, item := range []fleet.ApprovalItem{
		{Action: "migrate", Tenant: "acme", UID: "another", Target: "other"},
		{Action: "migrate", Tenant: "globex", UID: uid, Target: "other"},
		{Action: "migrate", Tenant: "acme", UID: uid, Target: "third"},
	} {
		path, content := approvalOf(item)
		w.commit(map[string]string{path: content})
	}
	// One whose name is not that of its items is nobody's yes.
	path, content := approvalOf(fleet.ApprovalItem{Action: "migrate", Tenant: "acme", UID: uid, Target: "third"}, fleet.ApprovalItem{Action: "migrate", Tenant: "acme", UID: uid, Target: "fourth"})
	w.commit(map[string]string{
		path:                           strings.ReplaceAll(content, "fourth", "other"),
		"datastores/other.yaml":        named("other"),
		"tenants/web/acme/tenant.yaml": onStore("acme", "other", ""),
	})
	w.settle()
	w.wantNote("acme", "NeedsApproval")
	if got := w.ledger().Tenants["acme"].Placement.DataStore; got != "sql" {
		t.Errorf("it lives with %s", got)
	}
}

func TestWhoComesToADataStoreWaitsForIt(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	s.stuck = true
	w.commit(map[string]string{"datastores/other.yaml": named("other"), "tenants/web/acme/tenant.yaml": onStore("acme", "other", "")})
	w.approve("acme", "other")
	w.settle()
	w.pass(time.Hour)
	w.wantNote("acme", "WaitingForDataStore", "datastore other is not ready yet")
	if got := w.ledger().Tenants["acme"].Placement.DataStore; got != "sql" {
		t.Fatalf("it lives with %s", got)
	}
	s.stuck = false
	ready := *s.objects[render.ObjectID{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "DataStore", Name: "other"}]
	ready.Content = maps.Clone(ready.Content)
	ready.Content["status"], ready.ResourceVersion = map[string]any{"ready": true}, "1000"
	s.objects[ready.ID] = &ready
	w.queue = append(w.queue, Observed{Shard: "eu-1", Objects: []*Object{&ready}})
	w.settle()
	if got := w.ledger().Tenants["acme"].Placement.DataStore; got != "other" {
		t.Errorf("it lives with %s: %v", got, w.core.notes)
	}
	w.wantPhase("acme", Ready)
}

func TestNobodyComesToADataStoreThatCannotBe(t *testing.T) {
	shared := "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-2}\nspec: {domain: example.com}\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"another driver":   {map[string]string{"datastores/other.yaml": named("other", "driver: MySQL", "driver: PostgreSQL")}, "sql is MySQL and other is PostgreSQL"},
		"another shard":    {map[string]string{"shards/eu-2.yaml": shared, "datastores/other.yaml": named("other", "[eu-1]", "[eu-2]")}, "does not serve it"},
		"another provider": {map[string]string{"datastores/other.yaml": named("other", "provider: kamaji", "provider: cluster-api")}, "is for provider cluster-api"},
		"no room": {map[string]string{
			"datastores/other.yaml":          named("other", "driver: MySQL", "driver: MySQL\n  capacity: {tenants: 1}"),
			"tenants/web/globex/tenant.yaml": onStore("globex", "other", ""),
		}, "datastore other has 1 of 1 tenants"},
		"the same place":        {map[string]string{"datastores/other.yaml": named("other", "db.data.svc", "db.data.svc")}, "sql and other are both at db.data.svc:3306"},
		"its own is undeclared": {map[string]string{"datastores/other.yaml": named("other"), "datastores/sql.yaml": ""}, "datastore sql, which holds its state, is not declared"},
	} {
		t.Run(name, func(t *testing.T) {
			w := onKamaji(t, nil)
			w.commit(tt.files)
			w.settle()
			w.commit(map[string]string{"tenants/web/acme/tenant.yaml": onStore("acme", "other", "")})
			w.approve("acme", "other")
			w.settle()
			w.pass(time.Hour)
			if n := w.core.notes["acme"]; n.reason != "Frozen" && n.reason != "Invalid" {
				t.Errorf("said is %+v", n)
			} else if !strings.Contains(n.message, tt.want) {
				t.Errorf("said is %q, want in it %q", n.message, tt.want)
			}
			if got := w.ledger().Tenants["acme"].Placement.DataStore; got != "sql" {
				t.Errorf("it lives with %s", got)
			}
		})
	}
}

// Seats are counted as decisions fall: the last one is taken once.
func TestTheLastSeatOfADataStoreIsTakenOnce(t *testing.T) {
	w := onKamaji(t, func(w *world) {
		w.commit(map[string]string{"tenants/web/globex/tenant.yaml": onStore("globex", "sql", "")})
	})
	w.commit(map[string]string{
		"datastores/other.yaml":          named("other", "driver: MySQL", "driver: MySQL\n  capacity: {tenants: 1}"),
		"tenants/web/acme/tenant.yaml":   onStore("acme", "other", ""),
		"tenants/web/globex/tenant.yaml": onStore("globex", "other", ""),
	})
	w.settle()
	// While nobody has said yes, no seat is taken.
	w.commit(map[string]string{"tenants/web/initech/tenant.yaml": onStore("initech", "other", "")})
	w.settle()
	if e := w.ledger().Tenants["initech"]; e == nil || e.Placement.DataStore != "other" {
		t.Fatalf("initech is %+v: %v", e, w.core.notes)
	}
	w.commit(map[string]string{"datastores/other.yaml": named("other", "driver: MySQL", "driver: MySQL\n  capacity: {tenants: 2}")})
	w.approve("acme", "other")
	w.approve("globex", "other")
	w.settle()
	w.wantNote("globex", "Frozen", "datastore other has 2 of 2 tenants")
	for tenant, want := range map[string]string{"acme": "other", "globex": "sql", "initech": "other"} {
		if got := w.ledger().Tenants[tenant].Placement.DataStore; got != want {
			t.Errorf("%s lives with %s, want %s", tenant, got, want)
		}
	}
}

// Nor does a new tenant get the seat of one that comes with the same decision.
func TestASeatThatIsJustTakenIsNobodysElse(t *testing.T) {
	w := onKamaji(t, nil)
	w.commit(map[string]string{"datastores/other.yaml": named("other", "driver: MySQL", "driver: MySQL\n  capacity: {tenants: 1}")})
	w.settle()
	w.down = true // what follows is decided at once
	w.commit(map[string]string{
		"tenants/web/acme/tenant.yaml":    onStore("acme", "other", ""),
		"tenants/web/initech/tenant.yaml": onStore("initech", "other", ""),
	})
	w.approve("acme", "other")
	w.down = false
	w.settle()
	w.pass(time.Hour)
	if e := w.ledger().Tenants["initech"]; e != nil || w.ledger().Tenants["acme"].Placement.DataStore != "other" {
		t.Errorf("initech is %+v, acme is %+v", e, w.ledger().Tenants["acme"])
	}
	w.wantNote("initech", "Unplaceable", "datastore other has 1 of 1 tenants")
}

// A tenant of a provider that cannot bring it there stays, whoever says yes.
func TestProvidersThatCannotChangeTheDataStore(t *testing.T) {
	w := begun(t)
	store := strings.ReplaceAll(fleetFiles()["datastores/one-a.yaml"], "one-a", "one-b")
	w.commit(map[string]string{"datastores/one-b.yaml": store, "tenants/web/acme/tenant.yaml": tenantFile("acme", "dataStore: one-b")})
	w.approve("acme", "one-b")
	w.settle()
	w.wantNote("acme", "Frozen", "its keys stay in the etcd that it began with")
}

// Who is removed comes back where it was, and goes on from there.
func TestTheRevivedComesBackFirst(t *testing.T) {
	w := onKamaji(t, nil)
	w.commit(map[string]string{"datastores/other.yaml": named("other"), "tenants/web/acme/tenant.yaml": ""})
	w.settle()
	w.wantPhase("acme", Removed)
	w.approve("acme", "other")
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": onStore("acme", "other", "")})
	w.settle()
	w.wantPhase("acme", Ready)
	var seen []string
	for _, l := range w.ledgers {
		if l == nil || l.Tenants["acme"] == nil {
			continue
		}
		e := l.Tenants["acme"]
		if step := fmt.Sprint(e.Epoch, " ", e.Lifecycle, " ", e.Placement.DataStore); len(seen) == 0 || seen[len(seen)-1] != step {
			seen = append(seen, step)
		}
	}
	if got, want := fmt.Sprint(seen), "[1 Living sql 2 Tombstoned sql 3 Living sql 4 Living other]"; got != want {
		t.Errorf("it went through %s, want %s", got, want)
	}
	if e := w.ledger().Tenants["acme"]; e.Lifecycle != ledger.Living {
		t.Errorf("it is %+v", e)
	}
}

// What was taken over is called as it was. Another one of the name may be where its state
// is to be: Kamaji would lay one over the other.
func TestStateIsNotLaidOverAnothers(t *testing.T) {
	for name, tt := range map[string]struct{ schema, user, want string }{
		"schema":  {"team_a_prod", "stage", "schema team_a_prod of datastore other is tenant globex's"},
		"user":    {"team_a_stage", "prod", "user prod of datastore other is tenant globex's"},
		"neither": {"team_a_stage", "stage", ""},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := strings.NewReplacer("name: prod", "name: stage", "/prod: u-prod", "/stage: u-stage", "10.0.0.5", "10.0.0.6",
				"schema: team_a_prod", "schema: "+tt.schema, "username: prod", "username: "+tt.user).Replace(adopts)
			w := imported(t, func(w *world) {
				stage := liveProd
				stage.Name = "stage"
				w.shards["eu-1"].strangers[stage] = "u-stage"
				w.commit(map[string]string{
					"datastores/other.yaml":          named("other"),
					"tenants/web/globex/tenant.yaml": strings.Replace(adopter("globex", theirs), "dataStore: sql", "dataStore: other", 1),
				})
			})
			w.wantPhase("globex", Ready)
			w.commit(map[string]string{"tenants/web/acme/tenant.yaml": strings.Replace(adopter("acme", adopts), "dataStore: sql", "dataStore: other", 1)})
			w.approve("acme", "other")
			w.settle()
			reason, lives := "Frozen", "sql"
			if tt.want == "" {
				reason, lives = "", "other"
				w.wantPhase("acme", Ready)
			}
			w.wantNote("acme", reason, tt.want)
			if got := w.ledger().Tenants["acme"].Placement.DataStore; got != lives {
				t.Errorf("it lives with %s", got)
			}
		})
	}
}

// Nor when both come there at the same time.
func TestTwoOfOneNameDoNotComeTogether(t *testing.T) {
	w := imported(t, func(w *world) {
		stage := liveProd
		stage.Name = "stage"
		w.shards["eu-1"].strangers[stage] = "u-stage"
		theirs := strings.NewReplacer("name: prod", "name: stage", "/prod: u-prod", "/stage: u-stage", "10.0.0.5", "10.0.0.6").Replace(adopts)
		w.commit(map[string]string{
			"datastores/other.yaml":          named("other"),
			"datastores/third.yaml":          named("third"),
			"tenants/web/globex/tenant.yaml": strings.Replace(adopter("globex", theirs), "dataStore: sql", "dataStore: other", 1),
		})
	})
	w.approve("acme", "third")
	w.approve("globex", "third")
	w.commit(map[string]string{
		"tenants/web/acme/tenant.yaml":   strings.Replace(adopter("acme", ""), "dataStore: sql", "dataStore: third", 1),
		"tenants/web/globex/tenant.yaml": strings.Replace(adopter("globex", ""), "dataStore: sql", "dataStore: third", 1),
	})
	w.settle()
	w.wantNote("acme", "")
	w.wantNote("globex", "Frozen", "of datastore third is tenant acme's")
}

// Whatever of it is lost with the daemon, it is decided once and comes to its end.
func TestAMigrationThatIsInterrupted(t *testing.T) {
	for lost := range 12 {
		w := onKamaji(t, func(w *world) {
			w.commit(map[string]string{"datastores/other.yaml": named("other"), "tenants/web/acme/tenant.yaml": onStore("acme", "other", "")})
		})
		w.approve("acme", "sql")
		w.commit(map[string]string{"tenants/web/acme/tenant.yaml": onStore("acme", "sql", ", version: v1.36.4")})
		effects := 0
		w.drop = func() bool { effects++; return effects > lost }
		for range 20 + len(w.queue) {
			var event Event = Tick{}
			if len(w.queue) > 0 {
				event, w.queue = w.queue[0], w.queue[1:]
			}
			for _, e := range w.core.Step(event, w.now) {
				w.do(e)
			}
		}
		w.drop = nil
		w.restart()
		w.settle()
		w.wantPhase("acme", Ready)
		if e, at := w.ledger().Tenants["acme"], w.shards["eu-1"].stores()["acme"]; e.Placement.DataStore != "sql" || e.Epoch != 2 || at != "sql" {
			t.Errorf("after %d effects it is %+v with %s", lost, e, at)
		}
	}
}

package controllers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

func TestUnitsBecomeCurrent(t *testing.T) {
	for provider := range scenes() {
		t.Run(provider, func(t *testing.T) {
			w := newWorld(t, 1)
			w.given()
			store, tenant := unitsOf(t, provider)
			w.put("tenantry", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"datastore-eu-1-a"}}`)
			w.apply(tenant) // before what it needs
			w.settle()
			if h := w.judge(tenant); provider == "native" && h.State != render.InProgress || provider == "kamaji" && h.Reason != "NotObserved" {
				t.Errorf("without its datastore it is %+v", h)
			}
			w.apply(store)
			if h := w.judge(store); h.State != render.InProgress {
				t.Errorf("a new datastore is %+v", h)
			}
			w.settle()
			w.wantCurrent(store, tenant)
			for _, change := range w.changes {
				if change.Manager != "tenantry" && change.Was != nil && change.Key.Group == "apps" && change.Subresource != "status" {
					t.Errorf("%s writes more than the status of %v", change.Manager, change.Key)
				}
			}
			if len(tenant.Derived) > 0 {
				from := w.server.Get(apiserver.Key(tenant.Derived[0].Certificate))
				if got := text(from, "metadata", "labels", render.LabelUID); got != tenant.Owner.UID {
					t.Errorf("%s has the label %q: a renewal would not be seen", tenant.Derived[0].Certificate, got)
				}
			}
			if after, ok := w.play.Due(); ok {
				t.Errorf("all is well, and something is due in %s", after)
			}
		})
	}
}

// TestEverythingGoes: what is deleted goes, a namespace with everything in it, in
// whatever order finalizers let it.
func TestEverythingGoes(t *testing.T) {
	for provider := range scenes() {
		t.Run(provider, func(t *testing.T) {
			for seed := range uint64(10) {
				w, store, tenant := builtFrom(t, provider, seed)
				for _, unit := range []*render.Unit{store, tenant} {
					for _, o := range unit.Objects {
						if o.ID.Namespace == "" || o.ID.Namespace == resourceNamespace {
							w.remove(apiserver.Key(o.ID))
						}
					}
				}
				w.settle()
				w.wantNoRefusal()
				for _, o := range w.server.List() {
					switch key := keyOf(o); key.Namespace {
					case "":
						if key.Kind != "Namespace" || key.Name == "tenant-acme" || strings.HasPrefix(key.Name, "datastore-") {
							t.Errorf("%v is still there", key)
						}
					case "data":
					case resourceNamespace:
						if key.Kind != "Secret" { // it outlives its Certificate
							t.Errorf("%v is still there", key)
						}
					default:
						t.Errorf("%v is still there", key)
					}
				}
				if n := len(w.play.present["tenant-acme"]); n > 0 {
					t.Errorf("%d objects are remembered of a namespace that is gone", n)
				}
			}
		})
	}
}

// TestRefused: what the API server refuses is tried again, and less and less often.
func TestRefused(t *testing.T) {
	w := newWorld(t, 1)
	store, _ := unitsOf(t, "native")
	w.apply(store)
	w.server.Admit = func(a *apiserver.Attempt) error {
		if a.Key.Kind == "Secret" {
			return errors.New("no webhook answers")
		}
		return nil
	}
	begin := w.now
	for w.now.Sub(begin) < time.Hour {
		w.step()
	}
	if n := len(w.refused); n < 10 || n > 60 {
		t.Errorf("in an hour, %d writes were tried", n)
	}
	w.server.Admit, w.refused = nil, nil
	w.settle()
	w.wantCurrent(store)
}

// TestStaysTrueSince: a condition that says the same has come to say it when it first did.
func TestStaysTrueSince(t *testing.T) {
	w, _, tenant := built(t, "native")
	key := find(t, tenant, "Deployment", "control-plane")
	since := func() any {
		available, _ := list(w.server.Get(key), "status", "conditions")[0].(map[string]any)
		return available["lastTransitionTime"]
	}
	was := since()
	w.now = w.now.Add(time.Hour)
	w.change(key, int64(3), "spec", "replicas")
	w.settle()
	if got := since(); got != was {
		t.Errorf("it is available since %v, and was since %v", got, was)
	}
	w.play.Fail(key, Stuck)
	w.settle()
	if got := since(); got == was {
		t.Error("it is not available any more, since before")
	}
}

// TestSameSeedSameWrites: a world is its seed.
func TestSameSeedSameWrites(t *testing.T) {
	run := func(seed uint64) []string {
		w := newWorld(t, seed)
		w.given()
		for _, provider := range []string{"kamaji", "native"} {
			store, tenant := unitsOf(t, provider)
			w.apply(store)
			w.settle()
			w.apply(tenant)
			for range 20 {
				w.step()
			}
			w.remove(find(t, tenant, "Namespace", ""))
			w.settle()
		}
		var writes []string
		for _, c := range w.changes {
			writes = append(writes, fmt.Sprint(c)) // mappings are sorted
		}
		return writes
	}
	first := run(7)
	if again := run(7); !slices.Equal(first, again) {
		t.Errorf("the same seed wrote something else: %s", cmp.Diff(first, again))
	}
	if other := run(8); slices.Equal(first, other) {
		t.Error("another seed wrote the same")
	}
}

func TestStop(t *testing.T) {
	w := newWorld(t, 1)
	store, _ := unitsOf(t, "native")
	w.play.Stop(true)
	w.apply(store)
	w.now = w.now.Add(24 * time.Hour)
	if _, ok := w.play.Due(); ok || w.play.Step() {
		t.Error("controllers that are down do something")
	}
	w.play.Stop(false)
	w.settle()
	w.wantCurrent(store)
}

// TestFail: what is in trouble is in progress or failed, alone, and comes out of it.
func TestFail(t *testing.T) {
	tests := []struct {
		name, provider, reason string
		which                  apiserver.Key
		how                    Trouble
		want                   render.State
		because                string
	}{
		{"StuckDeployment", "native", "nothing is ready", apiserver.Key{Kind: "Deployment"}, Stuck, render.InProgress, "ControlPlane"},
		{"BrokenDeployment", "native", "its deadline is over", apiserver.Key{Namespace: "tenant-acme", Kind: "Deployment"}, Broken, render.Failed, "ControlPlane"},
		{"StuckJob", "native", "it tries again", apiserver.Key{Kind: "Job", Namespace: "datastore-eu-1-a"}, Stuck, render.InProgress, "DataStoreAccess"},
		{"StuckService", "native", "there is no address left", apiserver.Key{Kind: "Service"}, Stuck, render.InProgress, "Endpoint"},
		{"StuckCertificate", "native", "pods wait for what they mount", apiserver.Key{Kind: "Certificate", Name: "admin"}, Stuck, render.Current, ""},
		{"BrokenCertificate", "native", "pods wait for what they mount", apiserver.Key{Kind: "Certificate", Name: "scheduler"}, Broken, render.InProgress, "ControlPlane"},
		{"StuckControlPlane", "kamaji", "nothing is ready", apiserver.Key{Kind: "TenantControlPlane"}, Stuck, render.InProgress, "NotReady"},
		{"BrokenControlPlane", "kamaji", "its deadline is over", apiserver.Key{Kind: "TenantControlPlane"}, Broken, render.Failed, "NotReady"},
		{"StuckDataStore", "kamaji", "Kamaji does not begin", apiserver.Key{Kind: "DataStore"}, Stuck, render.InProgress, "NotObserved"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.given()
			store, tenant := unitsOf(t, tt.provider)
			w.play.Fail(tt.which, tt.how)
			w.apply(store)
			w.apply(tenant)
			w.settle()
			if h := w.judge(tenant); h.State != tt.want || h.Reason != tt.because {
				t.Errorf("%s: it is %+v, want %s %s", tt.reason, h, tt.want, tt.because)
			}
			w.play.Fail(tt.which, Well)
			w.settle()
			w.wantCurrent(store, tenant)
		})
	}
}

// TestFailedJobStays: a Job that gave up never tries again.
func TestFailedJobStays(t *testing.T) {
	w := newWorld(t, 1)
	store, tenant := unitsOf(t, "native")
	w.play.Fail(apiserver.Key{Kind: "Job"}, Broken)
	w.apply(store)
	w.apply(tenant)
	w.settle()
	w.play.Fail(apiserver.Key{Kind: "Job"}, Well)
	w.settle()
	if h := w.judge(tenant); h.State != render.Failed {
		t.Errorf("it is %+v", h)
	}
	w.remove(find(t, tenant, "Job", "add-"))
	w.remove(find(t, store, "Job", "enable-auth-"))
	w.apply(store)
	w.apply(tenant)
	w.settle()
	w.wantCurrent(store, tenant)
}

// TestTroubleAfterwards: what was ready is not, for a while.
func TestTroubleAfterwards(t *testing.T) {
	for provider, kinds := range map[string][]string{"native": {"Deployment", "StatefulSet"}, "kamaji": {"TenantControlPlane", "DataStore"}} {
		w, store, tenant := built(t, provider)
		for _, kind := range kinds {
			w.play.Fail(apiserver.Key{Kind: kind}, Stuck)
			w.settle()
			if w.judge(tenant).State == render.Current && w.judge(store).State == render.Current {
				t.Errorf("%s is in trouble and all is current", kind)
			}
			w.play.Fail(apiserver.Key{Kind: kind}, Well)
			w.settle()
			w.wantCurrent(store, tenant)
		}
	}
}

// TestOneWriteAStep: anything may come between two writes.
func TestOneWriteAStep(t *testing.T) {
	w := newWorld(t, 1)
	w.given()
	for provider := range scenes() {
		store, tenant := unitsOf(t, provider)
		w.apply(store)
		w.apply(tenant)
	}
	w.now = w.now.Add(time.Hour) // all is overdue
	for {
		before := len(w.changes)
		wrote := w.play.Step()
		if n := len(w.changes) - before; wrote && n != 1 || !wrote && n != 0 {
			t.Fatalf("a step wrote %d times, and says %v", n, wrote)
		}
		if !wrote {
			return
		}
	}
}

// TestStages: what works in the end does not work at first, nor while it changes.
func TestStages(t *testing.T) {
	w, store, tenant := built(t, "native")
	deployment, set := find(t, tenant, "Deployment", "control-plane"), find(t, store, "StatefulSet", "etcd")
	stages := func(key apiserver.Key) (all []string) {
		for _, c := range w.changes {
			if c.Key == key && c.Subresource == "status" {
				count := func(name string) int64 { return number(0, c.Is, "status", name) }
				all = append(all, fmt.Sprintf("%d: %d %d %d", count("observedGeneration"), count("replicas"), count("updatedReplicas"), count("readyReplicas")))
			}
		}
		return all
	}
	want := func(key apiserver.Key, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, stages(key)); diff != "" {
			t.Errorf("stages of %s (generation: replicas updated ready; -want +got):\n%s", key.Name, diff)
		}
	}
	want(deployment, "1: 2 2 0", "1: 2 2 2")
	want(set, "1: 3 0 0", "1: 3 1 1", "1: 3 2 2", "1: 3 3 3")
	want(find(t, tenant, "Job", "add-"), "0: 0 0 0", "0: 0 0 0") // active, then complete
	w.changes = nil
	w.change(deployment, "v2", "spec", "template", "metadata", "labels", "v")
	w.change(set, "v2", "spec", "template", "metadata", "labels", "v")
	w.settle()
	want(deployment, "2: 3 1 2", "2: 2 2 2")
	want(set, "2: 3 0 2", "2: 3 1 3", "2: 3 2 3", "2: 3 3 3")
	w.changes = nil
	w.change(deployment, int64(0), "spec", "replicas")
	w.settle()
	want(deployment, "3: 2 2 0", "3: 0 0 0")
}

// TestBegin: controllers that start find what is to do.
func TestBegin(t *testing.T) {
	w := newWorld(t, 1)
	w.server.Changed = nil
	store, tenant := unitsOf(t, "native")
	w.apply(store)
	w.apply(tenant)
	w.play = New(w.server, w.play.options)
	w.server.Changed = w.play.Saw
	w.settle()
	w.wantCurrent(store, tenant)
}

// TestHeedless: what nobody plays, and Leases above all, wakes nobody.
func TestHeedless(t *testing.T) {
	w, _, _ := built(t, "native")
	w.put("tenantry", `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"tenantry","namespace":"data"},"spec":{"holderIdentity":"a"}}`)
	w.put("tenantry", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"data"}}`)
	if _, ok := w.play.Due(); ok {
		t.Error("a Lease gives somebody something to do")
	}
}

// BenchmarkReady brings a datastore and a tenant to ready.
func BenchmarkReady(b *testing.B) {
	for _, provider := range []string{"native", "kamaji"} {
		b.Run(provider, func(b *testing.B) {
			store, tenant := unitsOf(b, provider)
			pairs()
			writes, used := 0, time.Duration(0)
			for range b.N {
				b.StopTimer()
				w := newWorld(b, 1)
				w.given()
				w.apply(store)
				w.apply(tenant)
				w.changes = nil
				b.StartTimer()
				begin := processor(b)
				w.settle()
				used += processor(b) - begin
				writes += len(w.changes)
			}
			b.ReportMetric(float64(writes)/float64(b.N), "writes/op")
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

// processor is the time that this process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// daemon is a shard's edge with its keeper, as the reconciler wires them.
type daemon struct {
	t      *testing.T
	shard  *shard.Shard
	events chan core.Event
	stop   func()
}

func begin(t *testing.T, replica, kubeconfig string) *daemon {
	t.Helper()
	s, err := shard.New("eu-1", shard.Kubeconfig(kubeconfig), shard.Options{
		Look: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Keeper: func(name string, cfg *rest.Config) (shard.Keeper, error) {
			return lease.NewKeeper(cfg, lease.Options{
				Shard: name, Identity: replica, Duration: 10 * time.Second, Renew: 500 * time.Millisecond, Retry: 200 * time.Millisecond,
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, shard: s, events: make(chan core.Event, 10_000)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx, d.events); err != nil {
			t.Error(err)
		}
	}()
	d.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(d.stop)
	return d
}

// next waits for an event that is so.
func next[E core.Event](d *daemon, so func(E) bool) E {
	d.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case event := <-d.events:
			if e, ok := event.(E); ok && so(e) {
				return e
			}
		case <-limit:
			var e E
			d.t.Fatalf("waited for a %T", e)
			return e
		}
	}
}

func held(l core.Lease) bool { return l.Held }

func (d *daemon) do(w core.Work) []core.Failure {
	d.t.Helper()
	d.shard.Handle(core.Do{Work: w})
	return next(d, func(e core.Done) bool { return e.Owner == w.Owner }).Failures
}

func clients(t *testing.T, s string) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(fixture.Start(t).Shard(t, s).Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// namespace is an owner and an object of its, named apart from those of other runs.
func namespace(name string) (render.Owner, render.Object) {
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	o := render.Owner{Kind: render.OwnerTenant, Name: name, UID: "uid-" + name}
	return o, render.Object{
		ID: render.ObjectID{Version: "v1", Kind: "Namespace", Name: "tenant-" + name},
		JSON: []byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"tenant-` + name + `",
			"labels":{"tenantry.io/uid":"uid-` + name + `"},"annotations":{"tenantry.io/object":"Namespace/tenant-` + name + `"}}}`),
	}
}

func copyKubeconfig(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(fixture.Start(t).Admit(t, from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

// A kubeconfig that leads to another cluster, from one moment to the next: the
// core is told, and the other cluster gets a Lease and nothing else.
func TestSwappedKubeconfig(t *testing.T) {
	fixture.Start(t)
	path := filepath.Join(t.TempDir(), "eu-1")
	copyKubeconfig(t, "eu-1", path)
	d := begin(t, "replica-a", path)
	first := next(d, held)
	d.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{"v1/Namespace"}})
	next(d, func(core.Synced) bool { return true })
	owner, object := namespace("swapped-1")
	if f := d.do(core.Work{Owner: owner, Epoch: 1, RaiseAnchor: true, Apply: []core.Apply{{Object: object}}}); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}

	copyKubeconfig(t, "us-1", path)
	second := next(d, func(l core.Lease) bool { return l.Held && l.Identity != first.Identity })
	other, stray := namespace("swapped-2")
	f := d.do(core.Work{Owner: other, Epoch: 1, RaiseAnchor: true, Apply: []core.Apply{{Object: stray}}})
	if len(f) != 1 || f[0].Reason != "NoLease" {
		t.Errorf("failures are %+v", f)
	}
	us := clients(t, "us-1")
	system, err := us.CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	if err != nil || string(system.UID) != second.Identity {
		t.Errorf("identity is %s, reported %s, %v", system.UID, second.Identity, err)
	}
	maps, err := us.CoreV1().ConfigMaps("tenantry-system").List(t.Context(), metav1.ListOptions{LabelSelector: "tenantry.io/anchor-of=" + other.UID})
	if err != nil || len(maps.Items) > 0 {
		t.Errorf("the wrong cluster got anchors: %v, %v", maps, err)
	}
	spaces, err := us.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{LabelSelector: render.LabelUID + "=" + other.UID})
	if err != nil || len(spaces.Items) > 0 {
		t.Errorf("the wrong cluster got namespaces: %v, %v", spaces, err)
	}

	// Back again. The core knows the cluster, and asks.
	copyKubeconfig(t, "eu-1", path)
	next(d, func(l core.Lease) bool { return l.Held && l.Identity == first.Identity })
	d.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{"v1/Namespace"}})
	next(d, func(core.Synced) bool { return true })
	if f := d.do(core.Work{Owner: other, Epoch: 1, Apply: []core.Apply{{Object: stray}}}); len(f) > 0 {
		t.Errorf("failures are %+v", f)
	}

	// Gone altogether: the shard cannot be reached, and says which file is missing.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next(d, func(l core.Lease) bool { return l.Err != nil && strings.Contains(l.Err.Error(), path) })
}

func TestSecondReplicaTakesOver(t *testing.T) {
	path := fixture.Start(t).Admit(t, "us-1")
	a := begin(t, "replica-a", path)
	next(a, held)
	a.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{"v1/Namespace"}})
	next(a, func(core.Synced) bool { return true })

	b := begin(t, "replica-b", path)
	next(b, func(l core.Lease) bool { return !l.Held && l.Holder == "replica-a" })
	// The core of a standby asks for a watch as soon as it knows the cluster, and once.
	b.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{"v1/Namespace"}})
	owner, object := namespace("handed-over")
	work := core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}}
	if f := b.do(work); len(f) != 1 || f[0].Reason != "NoLease" {
		t.Errorf("without the lease, failures are %+v", f)
	}
	if f := a.do(work); len(f) > 0 {
		t.Errorf("failures are %+v", f)
	}
	a.stop()
	// It holds the Lease when it reports objects; what comes together comes in the
	// order of objects first.
	seen := next(b, func(o core.Observed) bool {
		for _, o := range o.Objects {
			if o.ID == object.ID {
				return o.Owned()
			}
		}
		return false
	})
	next(b, func(s core.Synced) bool { return len(s.Kinds) == 1 })
	work.Epoch = 2
	for _, o := range seen.Objects {
		if o.ID == object.ID {
			work.Apply[0].UID = o.UID
		}
	}
	if f := b.do(work); len(f) > 0 {
		t.Errorf("failures are %+v", f)
	}
}

// In a quiet minute the lease's renewals are the only writes; here, in quiet
// seconds.
func TestQuiet(t *testing.T) {
	client := clients(t, "us-1")
	d := begin(t, "replica-a", fixture.Start(t).Admit(t, "us-1"))
	next(d, held)
	d.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{"v1/Namespace", "v1/ConfigMap", "v1/Secret"}, Judged: []string{"v1/ConfigMap"}})
	next(d, func(core.Synced) bool { return true })
	leases, err := client.CoordinationV1().Leases("tenantry-system").Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=tenantry"})
	if err != nil {
		t.Fatal(err)
	}
	defer leases.Stop()
	<-leases.ResultChan() // as it is
	for range 4 {         // renewals
		select {
		case e := <-leases.ResultChan():
			if e.Type != "MODIFIED" {
				t.Errorf("the lease is %s", e.Type)
			}
		case event := <-d.events:
			t.Errorf("without any change, %T %+v is reported", event, event)
		case <-time.After(10 * time.Second):
			t.Fatal("the lease is not renewed")
		}
	}
}

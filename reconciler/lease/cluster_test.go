package lease

import (
	"context"
	"os"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/test/cluster"
)

var fixture = cluster.New(cluster.Options{})

func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }

// onCluster runs a keeper against the real cluster, and tells what it reports.
func onCluster(t *testing.T, identity string) (k *Keeper, heard chan core.Lease, stop func()) {
	t.Helper()
	k, err := NewKeeper(fixture.Start(t).Shards[0].Config(t), Options{
		Shard: "eu-1", Identity: identity, Duration: 10 * time.Second, Renew: 500 * time.Millisecond, Retry: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	heard = make(chan core.Lease, 100)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = k.Run(ctx, func(l core.Lease) { heard <- l })
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return k, heard, stop
}

func next(t *testing.T, heard chan core.Lease) core.Lease {
	t.Helper()
	select {
	case l := <-heard:
		return l
	case <-time.After(time.Minute):
		t.Fatal("nothing was reported")
		return core.Lease{}
	}
}

// until polls for what no event tells.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	limit, tick := time.NewTimer(time.Minute), time.NewTicker(50*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited for: %s", what)
		}
	}
}

func client(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(fixture.Start(t).Shards[0].Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOneHoldsAndHandsOver(t *testing.T) {
	c := client(t)
	system, err := c.CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, heardA, stopA := onCluster(t, "a")
	if l := next(t, heardA); !l.Held || l.Identity != string(system.UID) || l.Err != nil {
		t.Fatalf("a was told %+v", l)
	}
	ns, err := c.CoreV1().Namespaces().Get(t.Context(), Namespace, metav1.GetOptions{})
	if err != nil || ns.Labels[labelManagedBy] != "tenantry" {
		t.Errorf("namespace is %v, %v", ns, err)
	}
	b, heardB, _ := onCluster(t, "b")
	if l := next(t, heardB); l.Held || l.Holder != "a" || l.Identity != string(system.UID) {
		t.Errorf("b was told %+v", l)
	}
	if a.Deadline().IsZero() || !b.Deadline().IsZero() {
		t.Errorf("deadlines are %v and %v", a.Deadline(), b.Deadline())
	}
	a.Remember("tip", "accepted")
	until(t, "the lease remembers", func() bool {
		l, err := c.CoordinationV1().Leases(Namespace).Get(t.Context(), Name, metav1.GetOptions{})
		return err == nil && memoryOf(l) == Memory{Tip: "tip", Accepted: "accepted"}
	})
	stopA()
	released := time.Now()
	if l := next(t, heardB); !l.Held || l.Tip != "tip" || l.Accepted != "accepted" {
		t.Errorf("b was told %+v", l)
	}
	if d := time.Since(released); d > 6*time.Second { // well before it would expire
		t.Errorf("released, it was taken after %v", d)
	}
}

func TestOutageEndsTheLease(t *testing.T) {
	run := fixture.Start(t)
	a, heard, _ := onCluster(t, "a")
	if l := next(t, heard); !l.Held {
		t.Fatalf("a was told %+v", l)
	}
	run.Down(t, run.Shards[0].Name)
	if l := next(t, heard); l.Held || l.Err == nil || !a.Deadline().IsZero() {
		t.Errorf("while it is down, a was told %+v", l)
	}
	run.Up(t, run.Shards[0].Name)
	for l := next(t, heard); !l.Held; l = next(t, heard) {
	}
}

func TestDeletedLeaseIsMadeAnew(t *testing.T) {
	c := client(t)
	a, heard, _ := onCluster(t, "a")
	if l := next(t, heard); !l.Held {
		t.Fatalf("a was told %+v", l)
	}
	if err := c.CoordinationV1().Leases(Namespace).Delete(t.Context(), Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the lease is back", func() bool {
		l, err := c.CoordinationV1().Leases(Namespace).Get(t.Context(), Name, metav1.GetOptions{})
		return err == nil && holder(l) == "a"
	})
	if a.Deadline().IsZero() {
		t.Error("a lost what nobody took")
	}
}

package repository

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler/core"
)

// apartBench is an edge that keeps its observations in another repository.
func apartBench(t *testing.T) (*bench, *gittest.Fixture) {
	t.Helper()
	b, other := newBench(t), gittest.New(t, gittest.Options{})
	repo, err := git.Open(t.Context(), git.Options{URL: other.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	b.edge.StatusIn(repo)
	return b, other
}

// run has the edge carry out effects until what was reported is enough.
func (b *bench) run(enough func(events []core.Event) bool, effects ...core.Effect) []core.Event {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	var mu sync.Mutex
	var events []core.Event
	for _, e := range effects {
		if !b.edge.Handle(e) {
			b.t.Fatalf("%T is not for Git", e)
		}
	}
	b.edge.Run(ctx, func(e core.Event) {
		mu.Lock()
		defer mu.Unlock()
		if events = append(events, e); enough(events) {
			cancel()
		}
	})
	if !errors.Is(ctx.Err(), context.Canceled) {
		b.t.Fatalf("reported only %v; log:\n%s", kinds(events), b.log)
	}
	return events
}

func reported[E core.Event](events []core.Event) bool {
	for _, e := range events {
		if _, ok := e.(E); ok {
			return true
		}
	}
	return false
}

func TestStatusInAnotherRepository(t *testing.T) {
	b, other := apartBench(t)
	other.MustCommit("tenantry-status", map[string]string{theirs: "mine"})
	b.MustCommit("tenantry-status", map[string]string{ours: "of before"})
	events := b.run(func(events []core.Event) bool {
		return reported[core.StatusRead](events) && reported[core.Fetched](events)
	}, core.Fetch{Seq: 1})
	read := only[core.StatusRead](t, events)
	if diff := cmp.Diff(map[string]string{theirs: "mine"}, texts(read.Files)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if end := only[core.Fetched](t, events); end.Seq != 1 || end.Err != nil {
		t.Errorf("fetch ended with %+v", end)
	}
	events = b.run(reported[core.StatusPushed], observation(read.Tip, map[string]string{ours: "1"}))
	if pushed := only[core.StatusPushed](t, events); pushed.Err != nil || pushed.Tip != other.MustTip("tenantry-status") {
		t.Fatalf("pushed %+v", pushed)
	}
	if diff := cmp.Diff(map[string]string{theirs: "mine", ours: "1"}, other.MustFiles("tenantry-status")); diff != "" {
		t.Errorf("files there (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{ours: "of before"}, b.MustFiles("tenantry-status")); diff != "" {
		t.Errorf("files here (-want +got):\n%s", diff)
	}
	b.run(reported[core.LedgerPushed], decision("", nil, shardEntry("main", "cluster-1")))
	if b.MustTip("tenantry-ledger") == "" || other.MustTip("tenantry-ledger") != "" {
		t.Error("decisions belong into the repository of what is declared")
	}
}

// Observations can be made again: where they are kept may hang or be gone, and decisions
// go on.
func TestStatusRepositoryStopsNothingElse(t *testing.T) {
	b, other := apartBench(t)
	hanging := make(chan struct{})
	other.Fail(gittest.Faults{Hang: true, OnHang: sync.OnceFunc(func() { close(hanging) })})
	events := b.run(func(events []core.Event) bool {
		if !reported[core.LedgerPushed](events) || !reported[core.Fetched](events) {
			return false
		}
		<-hanging
		return true
	}, core.Fetch{Seq: 1}, decision("", nil, shardEntry("main", "cluster-1")), core.Fetch{Seq: 2}, core.Fetch{Seq: 3})
	if pushed := only[core.LedgerPushed](t, events); pushed.Err != nil {
		t.Errorf("pushed %+v", pushed)
	}
	if n := other.Requests()["list"]; n != 1 {
		t.Errorf("asked %d times while it hung, want once", n)
	}

	other.Stop()
	b.run(func([]core.Event) bool {
		for !strings.Contains(b.log.String(), "cannot fetch the status repository") && b.t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
		return true
	}, core.Fetch{Seq: 4})
}

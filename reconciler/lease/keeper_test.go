package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/tenantry/tenantry/reconciler/core"
)

// memoryServer is an API server for one lease, whose network can fail.
type memoryServer struct {
	mu      sync.Mutex
	uid     string
	lease   *coordinationv1.Lease
	version int
	writes  []time.Time
	down    error
	// lost makes writes arrive while their answers do not.
	lost bool
}

func (s *memoryServer) identity(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uid, s.down
}

func (s *memoryServer) get(context.Context) (*coordinationv1.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease.DeepCopy(), s.down
}

func (s *memoryServer) put(_ context.Context, l *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down != nil:
		return nil, s.down
	case s.lease == nil && l.UID != "", s.lease != nil && (l.UID != s.lease.UID || l.ResourceVersion != s.lease.ResourceVersion):
		return nil, errConflict
	}
	s.version++
	s.lease = l.DeepCopy()
	s.lease.UID, s.lease.ResourceVersion = "lease-of-"+"x", fmt.Sprint(s.version)
	s.writes = append(s.writes, time.Now())
	if s.lost {
		return nil, errors.New("connection reset")
	}
	return s.lease.DeepCopy(), nil
}

func (s *memoryServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// replica is a running keeper.
type replica struct {
	*Keeper
	mu     sync.Mutex
	heard  []core.Lease
	cancel context.CancelFunc
	done   chan struct{}
}

func run(s server, opts Options) *replica {
	opts.Shard = "eu-1"
	r := &replica{Keeper: newKeeper(s, opts.withDefaults()), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.done)
		_ = r.Run(ctx, func(l core.Lease) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.heard = append(r.heard, l)
		})
	}()
	return r
}

func (r *replica) stop() { r.cancel(); <-r.done }

func (r *replica) last() core.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.heard) == 0 {
		return core.Lease{}
	}
	return r.heard[len(r.heard)-1]
}

func (r *replica) may() bool { return !r.Deadline().IsZero() }

func TestOneOfTwoHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1"}
		a := run(s, Options{Identity: "a"})
		synctest.Wait()
		b := run(s, Options{Identity: "b"})
		time.Sleep(time.Minute)
		synctest.Wait()
		if !a.may() || b.may() {
			t.Errorf("a may act: %v, b: %v", a.may(), b.may())
		}
		if want := (core.Lease{Shard: "eu-1", Held: true, Identity: "cluster-1"}); a.last() != want {
			t.Errorf("a heard %+v", a.heard)
		}
		if want := (core.Lease{Shard: "eu-1", Holder: "a", Identity: "cluster-1"}); b.last() != want {
			t.Errorf("b heard %+v", b.heard)
		}
		// Quiet: renewals are the only writes, and nobody is told anything twice.
		if n := len(s.writes); n < 12 || n > 13 {
			t.Errorf("%d writes in a minute", n)
		}
		if len(a.heard) != 1 || len(b.heard) != 1 {
			t.Errorf("told more than once: %+v, %+v", a.heard, b.heard)
		}

		a.Remember("tip-2", "commit-3")
		time.Sleep(6 * time.Second)
		a.stop()
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if a.may() || !b.may() {
			t.Error("released, it is not taken within one look")
		}
		if l := b.last(); l.Tip != "tip-2" || l.Accepted != "commit-3" {
			t.Errorf("b was told %+v, not what a remembered", l)
		}
		b.stop()
	})
}

func TestTakeoverAfterExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1"}
		s.lease = held("dead", time.Now().Add(-24*time.Hour), 15)
		b := run(s, Options{Identity: "b"})
		time.Sleep(14 * time.Second)
		synctest.Wait()
		if b.may() {
			t.Error("stolen before it was watched for its whole duration")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !b.may() {
			t.Errorf("not stolen: %+v", b.heard)
		}
		b.stop()
	})
}

func TestUnreachableHolderStopsBeforeAnotherBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1"}
		cut := &link{server: s}
		a := run(cut, Options{Identity: "a"})
		synctest.Wait()
		b := run(s, Options{Identity: "b"})
		time.Sleep(time.Minute)
		cut.set(true)
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if a.may() && b.may() {
				t.Fatal("both may act")
			}
		}
		if a.may() || !b.may() {
			t.Errorf("a may act: %v, b: %v", a.may(), b.may())
		}
		if l := a.last(); l.Held || l.Err == nil {
			t.Errorf("a was told %+v", l)
		}
		cut.set(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if l := a.last(); l.Held || l.Holder != "b" || l.Err != nil {
			t.Errorf("back again, a was told %+v", l)
		}
		a.stop()
		b.stop()
	})
}

// link is one replica's way to the server.
type link struct {
	server
	mu  sync.Mutex
	cut bool
}

func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

// pass waits as a request without an answer does.
func (l *link) pass(ctx context.Context) error {
	l.mu.Lock()
	cut := l.cut
	l.mu.Unlock()
	if cut {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (l *link) identity(ctx context.Context) (string, error) {
	if err := l.pass(ctx); err != nil {
		return "", err
	}
	return l.server.identity(ctx)
}

func (l *link) get(ctx context.Context) (*coordinationv1.Lease, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.server.get(ctx)
}

func (l *link) put(ctx context.Context, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.server.put(ctx, lease)
}

func TestLostAcknowledgementKeepsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1"}
		a := run(s, Options{Identity: "a"})
		synctest.Wait()
		s.set(func() { s.lost = true })
		time.Sleep(6 * time.Second) // the renewal that is not heard of
		s.set(func() { s.lost = false })
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if !a.may() || len(a.heard) != 1 {
			t.Errorf("a may act: %v, was told %+v", a.may(), a.heard)
		}
		s.set(func() { s.lost = true })
		time.Sleep(5 * time.Second)
		s.set(func() { s.lost = false })
		a.stop()
		if holder(s.lease) != "" {
			t.Error("not released, since the last renewal was not heard of")
		}
	})
}

// stepping is a keeper of a replica "a" whose steps a test makes one by one.
func stepping(s server, roster *Roster) *Keeper {
	k := newKeeper(s, Options{Shard: "eu-1", Identity: "a", Roster: roster}.withDefaults())
	k.report = func(core.Lease) {}
	return k
}

// Where kubeconfigs are exchanged, a replica's keeper of one shard begins with a cluster
// while that of another has not ended there yet: what it gives back is its own record only.
func TestReleaseLeavesWhatTheReplicaHasTakenMeanwhile(t *testing.T) {
	for _, renewals := range []string{"", "o", "n", "on", "no", "onno"} {
		s, roster := &memoryServer{uid: "cluster-1"}, NewRoster()
		old, next := stepping(s, roster), stepping(s, roster)
		elsewhere := stepping(&memoryServer{uid: "cluster-2"}, roster)
		for _, k := range []*Keeper{old, elsewhere, next} {
			k.step(t.Context())
		}
		for _, who := range renewals {
			map[rune]*Keeper{'o': old, 'n': next}[who].step(t.Context())
		}
		old.release(t.Context())
		if next.Deadline().IsZero() || holder(s.lease) != "a" {
			t.Errorf("%q: it may act until %v, by a lease that %q holds", renewals, next.Deadline(), holder(s.lease))
		}
		next.release(t.Context())
		if holder(s.lease) != "" {
			t.Errorf("%q: not released in the end", renewals)
		}
	}
}

// overtaken has something happen while a release is on its way.
type overtaken struct {
	*memoryServer
	by func()
}

func (s *overtaken) put(ctx context.Context, l *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	if by := s.by; by != nil && holder(l) == "" {
		s.by = nil
		by()
	}
	return s.memoryServer.put(ctx, l)
}

func TestReleaseThatIsOvertakenLeavesTheLease(t *testing.T) {
	s, roster := &overtaken{memoryServer: &memoryServer{uid: "cluster-1"}}, NewRoster()
	old, next := stepping(s, roster), stepping(s, roster)
	old.step(t.Context())
	s.by = func() { next.step(t.Context()) }
	old.release(t.Context())
	if s.by != nil {
		t.Error("nothing was released")
	}
	if next.Deadline().IsZero() || holder(s.lease) != "a" {
		t.Errorf("it may act until %v, by a lease that %q holds", next.Deadline(), holder(s.lease))
	}
}

func TestAnotherClusterBehindTheSameAddressIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1"}
		a := run(s, Options{Identity: "a"})
		time.Sleep(7 * time.Second)
		s.set(func() { s.uid, s.lease = "cluster-2", nil })
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if l := a.last(); !l.Held || l.Identity != "cluster-2" || len(a.heard) != 2 {
			t.Errorf("a was told %+v", a.heard)
		}
		a.stop()
	})
}

func TestUnreachableFromTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1", down: errors.New("no route to host")}
		a := run(s, Options{Identity: "a"})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if l := a.last(); l.Held || l.Err == nil || len(a.heard) != 1 {
			t.Errorf("a was told %+v", a.heard)
		}
		s.set(func() { s.down = nil })
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if !a.may() || a.last().Err != nil {
			t.Errorf("back, a was told %+v", a.last())
		}
		a.stop()
	})
}

func TestReadOnlyNeverWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memoryServer{uid: "cluster-1"}
		a := run(s, Options{Identity: "a", ReadOnly: true})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.writes) > 0 || a.may() || a.last().Held || a.last().Identity != "cluster-1" {
			t.Errorf("%d writes, told %+v", len(s.writes), a.heard)
		}
		a.stop()
	})
}

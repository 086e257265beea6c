package shard_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
)

// tripper answers some requests itself, before the API server gets them.
type tripper struct {
	http.RoundTripper
	mu    sync.Mutex
	count map[string]int
	slow  bool
	busy  bool
}

func (r *tripper) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.count[req.Method]++
	slow, busy := r.slow, r.busy
	r.mu.Unlock()
	if req.Method == http.MethodPatch && busy {
		h := http.Header{"Retry-After": {"7"}, "Content-Type": {"text/plain"}}
		return &http.Response{StatusCode: http.StatusTooManyRequests, Header: h, Body: http.NoBody, Request: req}, nil
	}
	if req.Method == http.MethodPatch && slow {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return r.RoundTripper.RoundTrip(req)
}

func (r *tripper) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func TestRequestsAreSentOnce(t *testing.T) {
	cfg := config(t)
	r := &tripper{count: map[string]int{}}
	wrapped := rest.CopyConfig(cfg)
	wrapped.Wrap(func(next http.RoundTripper) http.RoundTripper { r.RoundTripper = next; return r })
	e := begin(t, wrapped)
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	work := core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "settings", "one")}}}
	e.mustDo(work)
	work.Apply[0].UID = e.seen(work.Apply[0].Object.ID).UID

	// An API server that asks to be left alone is left alone.
	r.set(func() { r.busy = true; clear(r.count) })
	f := e.do(work)
	if len(f) != 1 || f[0].Reason != "Throttled" || f[0].RetryAfter != 7*time.Second {
		t.Errorf("failures are %+v", f)
	}
	if r.count[http.MethodPatch] != 1 {
		t.Errorf("%d requests", r.count[http.MethodPatch])
	}

	// What is known costs one request and no other.
	r.set(func() { r.busy = false; clear(r.count) })
	e.mustDo(work)
	if r.count[http.MethodPatch] != 1 || r.count[http.MethodGet] != 0 {
		t.Errorf("requests are %v", r.count)
	}

	// The end of the lease ends the request.
	r.set(func() { r.slow = true })
	e.keeper.mu.Lock()
	e.keeper.deadline = time.Now().Add(200 * time.Millisecond)
	e.keeper.mu.Unlock()
	began := time.Now()
	f = e.do(work)
	if len(f) != 1 || f[0].Reason != "NoLease" || time.Since(began) > 10*time.Second {
		t.Errorf("after %v, failures are %+v", time.Since(began), f)
	}
	if _, err := e.client.CoreV1().ConfigMaps(ns).Get(t.Context(), "settings", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestUnreachableShardBlocksNobody(t *testing.T) {
	// Packets are dropped: nothing is ever answered, not even refused.
	hole := &rest.Config{Host: "https://192.0.2.1:6443", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	e := begin(t, config(t))
	dark := begin(t, hole)
	dark.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{configMaps}})
	owner, ns := e.tenant("acme")
	work := core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "settings", "one")}}}
	for range 100 {
		dark.shard.Handle(core.Do{Work: work})
	}
	e.watch([]string{configMaps})
	e.mustDo(work)
	began := time.Now()
	dark.stop()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v to stop", d)
	}
}

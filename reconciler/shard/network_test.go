package shard_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
)

// tripper answers some requests itself, before the API server gets them.
type tripper struct {
	mu    sync.Mutex
	count map[string]int
	slow  bool
	busy  bool
	// blind has no schema given; schemas counts how often one was asked for.
	blind   bool
	schemas int
	// first is done before the next PATCH is passed on.
	first func()
}

type tripped struct {
	*tripper
	next http.RoundTripper
}

func (r tripped) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.count[req.Method]++
	slow, busy, first := r.slow, r.busy, r.first
	schema := strings.HasPrefix(req.URL.Path, "/openapi/")
	blind := r.blind && schema
	if schema {
		r.schemas++
	}
	if req.Method == http.MethodPatch {
		r.first = nil
	}
	r.mu.Unlock()
	if blind {
		return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody, Request: req}, nil
	}
	if req.Method == http.MethodPatch && first != nil {
		first()
	}
	if req.Method == http.MethodPatch && busy {
		h := http.Header{"Retry-After": {"7"}, "Content-Type": {"text/plain"}}
		return &http.Response{StatusCode: http.StatusTooManyRequests, Header: h, Body: http.NoBody, Request: req}, nil
	}
	if req.Method == http.MethodPatch && slow {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return r.next.RoundTrip(req)
}

func (r *tripper) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// tripping begins an edge whose requests can be tripped.
func tripping(t *testing.T) (*edge, *tripper) {
	t.Helper()
	r := &tripper{count: map[string]int{}}
	cfg := rest.CopyConfig(config(t))
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return tripped{r, next}
	})
	return begin(t, cfg), r
}

func TestForeignObjectThatAppearsInBetween(t *testing.T) {
	e, r := tripping(t)
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	cases := []struct {
		name, reason, want string
		data               map[string]string
	}{
		{"in conflict", "the API server refuses, since nothing is forced", "Conflict", map[string]string{"key": "theirs"}},
		{"in harmony", "what we have taken is given back", "Foreign", map[string]string{"other": "theirs"}},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprint("settings-", i)
			r.set(func() {
				r.first = func() {
					foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: c.data}
					if _, err := maps.Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
						t.Error(err)
					}
				}
			})
			f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, name, "ours")}}})
			if len(f) != 1 || f[0].Reason != c.want {
				t.Errorf("failures are %+v, want %s: %s", f, c.want, c.reason)
			}
			stored, err := maps.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(stored.Labels) > 0 || len(stored.Annotations) > 0 || !reflect.DeepEqual(stored.Data, c.data) {
				t.Errorf("left as %v, %v, %v: %s", stored.Labels, stored.Annotations, stored.Data, c.reason)
			}
		})
	}
}

func TestRequestsAreSentOnce(t *testing.T) {
	e, r := tripping(t)
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

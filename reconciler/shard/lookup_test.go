package shard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/render"
)

// slowServer answers what group apps/v1 has, a second after it was asked.
type slowServer struct{ asked int }

func (s *slowServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked++
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	body := `{"resources":[{"name":"deployments","kind":"Deployment","namespaced":true},{"name":"statefulsets","kind":"StatefulSet","namespaced":true}]}`
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewBufferString(body)), Request: r,
	}, nil
}

// Who looks for kinds of one group at the same time asks once, and nobody depends on the
// patience of the one who was first.
func TestKindsOfAGroupAreLookedUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{}
		c, err := newClient(&rest.Config{Host: "https://shard.example.com", Transport: server}, time.Now, NewSchemas())
		if err != nil {
			t.Fatal(err)
		}
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		tests := []struct {
			ctx  context.Context
			kind string
			want error
		}{
			{hasty, "Deployment", context.DeadlineExceeded},
			{t.Context(), "StatefulSet", nil},
			{t.Context(), "Pod", errNoKind},
		}
		got := make([]chan error, len(tests))
		for i, tt := range tests {
			got[i] = make(chan error, 1)
			go func() {
				_, err := c.lookup(tt.ctx, render.ObjectID{Group: "apps", Version: "v1", Kind: tt.kind, Name: "x"})
				got[i] <- err
			}()
			synctest.Wait()
		}
		for i, tt := range tests {
			if err := <-got[i]; !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.kind, err, tt.want)
			}
		}
		if server.asked != 1 {
			t.Errorf("the server was asked %d times", server.asked)
		}
	})
}

// deafServer knows a kind, and answers nothing about its objects.
type deafServer struct{ slowServer }

func (s *deafServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/apis/apps/v1" {
		return s.slowServer.RoundTrip(r)
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// That nobody answers is not the Lease's end, unless it ended meanwhile.
func TestWhatCutsARequestOff(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lease time.Duration
		want  string
	}{
		{"the request's own time is over", 10 * time.Minute, ReasonUnreachable},
		{"the Lease's time is over", 10 * time.Second, ReasonNoLease},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := time.Now().Add(tt.lease)
				c, err := newClient(&rest.Config{Host: "https://shard.example.com", Transport: &deafServer{}}, func() time.Time { return end }, NewSchemas())
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = c.do(t.Context(), call{verb: http.MethodGet, id: render.ObjectID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "x", Name: "x"}})
				if got := reasonOf(err); got != tt.want {
					t.Errorf("reason %s, want %s: %v", got, tt.want, err)
				}
			})
		})
	}
}

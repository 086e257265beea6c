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

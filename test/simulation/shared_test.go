package simulation

import (
	"sync"
	"testing"

	"github.com/tenantry/tenantry/render"
)

var once = sync.OnceValues(func() (*Shared, error) {
	renderer, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:simulated"})
	return &Shared{renderer: renderer, newer: renderer}, err
})

// shared is what all worlds of the process have in common.
func shared(t *testing.T) *Shared {
	t.Helper()
	s, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

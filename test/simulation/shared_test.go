package simulation

import (
	"sync"
	"testing"

	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/bases"
)

const image = "ghcr.io/tenantry/tenantry:simulated"

// once makes the renderers of two daemons: the newer one carries another version of every
// base beside today's.
var once = sync.OnceValues(func() (*Shared, error) {
	older, err := render.New(render.Options{Image: image})
	if err != nil {
		return nil, err
	}
	next, err := bases.Newer(render.Embedded())
	if err != nil {
		return nil, err
	}
	newer, err := render.New(render.Options{Image: image, Providers: next})
	return &Shared{renderer: older, newer: newer, schemas: shard.NewSchemas()}, err
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

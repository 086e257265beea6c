package simulation

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"

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

// warm is done once in a process: what worlds share is read in the first of them that
// needs it, which would be another history than those after it.
var warm sync.Once

// everyday is a history that needs all kinds of objects.
const everyday = `
+0s declare tenant=ant+bee class=hosted shard=eu
+0s declare tenant=cat class=native shard=us
+0s own tenant=own how=kind
+3m upgrade replica=a
+2m class name=hosted base=2
+0s class name=native base=2
+0s undefine cluster=blue for=1m
+3m remove tenant=ant+cat
+0s fleet limit=10
`

func warmUp(t *testing.T) {
	t.Helper()
	h, err := Parse(strings.NewReader(everyday))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { Live(t, h, shared(t), nil) })
}

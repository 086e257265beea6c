package apiserver_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// What the providers render becomes the same on a real server and on a simulated one.
func TestRendered(t *testing.T) {
	actual, simulated := newWorld(t, realCluster(t), nil), simulated(t)
	spaces := map[any]bool{}
	for _, o := range apiserver.Rendered(t) {
		if ns, ok := o["metadata"].(object)["namespace"]; ok && !spaces[ns] {
			spaces[ns] = true
			for _, w := range []*world{actual, simulated} {
				w.ok(w.post("/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": ns}}))
			}
		}
		at := "apply:" + path(o) + "?fieldManager=me&dryRun=All"
		want, got := told(actual.do("PATCH", at, o)), told(simulated.do("PATCH", at, o))
		split := func(s string) []string { return strings.SplitAfter(s, ",") }
		if want != got {
			t.Errorf("%s (-real +simulated):\n%s", path(o), cmp.Diff(split(want), split(got)))
		}
	}
}

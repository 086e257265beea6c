package shard

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// TestStages: a namespace is there before what lives in it, and a role before its
// binding, which an API server would refuse without it.
func TestStages(t *testing.T) {
	all := []core.Apply{}
	for _, kind := range []string{"RoleBinding", "Role", "Deployment", "Namespace"} {
		all = append(all, core.Apply{Object: render.Object{ID: render.ObjectID{Kind: kind}}})
	}
	first, roles, rest := stages(all)
	got := [][]string{}
	for _, stage := range [][]core.Apply{first, roles, rest} {
		kinds := []string{}
		for _, a := range stage {
			kinds = append(kinds, a.Object.ID.Kind)
		}
		got = append(got, kinds)
	}
	if diff := cmp.Diff([][]string{{"Namespace"}, {"Role"}, {"RoleBinding", "Deployment"}}, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}

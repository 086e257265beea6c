package shard

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/tenantry/tenantry/render"
)

// somePaths are fields and what is around them, items of a list too.
func somePaths() (all []fieldpath.Path) {
	item := fieldpath.KeyByFields("name", "api")
	for _, parts := range [][]any{
		{"metadata", "labels", "team"},
		{"metadata", "labels", render.LabelUID},
		{"metadata", "annotations", render.AnnotationEpoch},
		{"spec"},
		{"spec", "replicas"},
		{"spec", "addons"},
		{"spec", "addons", "dns"},
		{"spec", "addons", "dns", "tag"},
		{"spec", "containers"},
		{"spec", "containers", item},
		{"spec", "containers", item, "image"},
		{"spec", "containers", item, "args"},
	} {
		all = append(all, fieldpath.MakePathOrDie(parts...))
	}
	return all
}

func entries() *rapid.Generator[metav1.ManagedFieldsEntry] {
	return rapid.Custom(func(t *rapid.T) metav1.ManagedFieldsEntry {
		paths := rapid.SliceOfNDistinct(rapid.SampledFrom(somePaths()), 1, -1, fieldpath.Path.String).Draw(t, "paths")
		return holding(metav1.ManagedFieldsEntry{
			Manager:     rapid.SampledFrom([]string{"helm", "kubectl-edit", render.FieldManager}).Draw(t, "manager"),
			Operation:   rapid.SampledFrom([]metav1.ManagedFieldsOperationType{"Apply", "Update"}).Draw(t, "operation"),
			Subresource: rapid.SampledFrom([]string{"", "status"}).Draw(t, "subresource"),
			APIVersion:  "v1", FieldsType: "FieldsV1",
		}, fieldpath.NewSet(paths...))
	})
}

// around tells whether a path leads to one of a set, or is one.
func around(p fieldpath.Path, set *fieldpath.Set) bool {
	return slices.ContainsFunc(somePaths(), func(q fieldpath.Path) bool {
		return set.Has(q) && len(p) <= len(q) && p.Equals(q[:len(p)])
	})
}

// Whoever holds what, after it is handed over nobody but us holds a field of ours or what
// is around it, nobody has lost anything else, somebody holds something, and there is
// nothing left to hand over.
func TestHandedOver(t *testing.T) {
	key := func(e metav1.ManagedFieldsEntry) string { return e.Manager + string(e.Operation) + e.Subresource }
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfNDistinct(entries(), 0, 5, key).Draw(t, "entries")
		ours := entries().Draw(t, "ours")
		ours.Manager, ours.Operation, ours.Subresource = render.FieldManager, metav1.ManagedFieldsOperationApply, ""
		after, changed := handedOver(before, &ours)
		if len(after) == 0 {
			t.Fatal("nobody holds anything: an API server would take it all for somebody's who wrote before")
		}
		if changed == cmp.Equal(before, after) {
			t.Errorf("that it changed something is said to be %t", changed)
		}
		left := map[string]*metav1.ManagedFieldsEntry{}
		for i, e := range after {
			left[key(e)] = &after[i]
		}
		for _, e := range before {
			kept := e.Subresource != "" || key(e) == key(ours)
			for _, p := range somePaths() {
				want := setOf(&e).Has(p) && (kept || !around(p, setOf(&ours)))
				if got := setOf(left[key(e)]).Has(p); got != want {
					t.Errorf("%s holds %s: %t, want %t: of %s when ours are %s", key(e), p, got, want, setOf(&e), setOf(&ours))
				}
			}
		}
		if again, more := handedOver(after, &ours); more {
			t.Errorf("handed over again it is %v", again)
		}
	})
}

func TestSomeOf(t *testing.T) {
	all := []Change{{Field: "a"}, {Field: "b"}, {Field: "c"}, {Field: "d"}, {Field: "e"}, {Field: "f"}, {Field: "g"}}
	for n, want := range map[int]string{1: "a", 5: "a, b, c, d, e", 7: "a, b, c, d, e and 2 more"} {
		if got := someOf(all[:n]); got != want {
			t.Errorf("of %d it names %q, want %q", n, got, want)
		}
	}
}

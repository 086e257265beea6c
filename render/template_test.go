package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFill fills marks of every form.
func TestFill(t *testing.T) {
	doc := newDocument("Tenant", "acme", "u1", map[string]any{
		"replicas": 2, "port": 7,
		"names":   []string{"a", "b"},
		"version": "v1 " + mark("spec.names"), // a value is never read again
	})
	numbers := doc.values().numbers()
	if diff := cmp.Diff([]string{"spec.port", "spec.replicas"}, numbers); diff != "" {
		t.Fatalf("numbers (-want +got):\n%s", diff)
	}
	template := &template{[]content{{
		"whole":   mark("metadata.name"),
		"parts":   "x:" + mark("metadata.uid") + "/" + mark("metadata.name"),
		"version": mark("spec.version"),
		"number":  markNumber + 1,
		"other":   markNumber + 2,
		"list":    []any{mark("spec.names")},
		"mixed":   []any{mark("metadata.name"), "y", int64(3), true, nil},
	}}}
	want := []content{{
		"whole":   "acme",
		"parts":   "x:u1/acme",
		"version": "v1 " + mark("spec.names"),
		"number":  int64(2),
		"other":   markNumber + 2,
		"list":    []any{"a", "b"},
		"mixed":   []any{"acme", "y", int64(3), true, nil},
	}}
	for range 2 { // the template is not used up
		got, err := template.fill(doc)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	template.objects[0]["whole"] = mark("spec.nothing")
	if _, err := template.fill(doc); err == nil || !strings.Contains(err.Error(), "spec.nothing") {
		t.Errorf("a mark without a value: got %v", err)
	}
}

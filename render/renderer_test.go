package render

import (
	"fmt"
	"testing"
)

// TestShapesAreBounded renders tenants of more classes than shapes are kept.
func TestShapesAreBounded(t *testing.T) {
	r := newRenderer(t)
	for i := range maxShapes {
		r.shapes[fmt.Sprintf("old %d", i)] = &shape{}
	}
	for i := range 3 {
		in := acme()
		in.Class.Tree = fmt.Sprintf("new %d", i)
		if _, err := r.Tenant(in); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.shapes) != maxShapes {
		t.Errorf("%d shapes are kept, want %d", len(r.shapes), maxShapes)
	}
}

// TestTreeNamesTheShape: a class whose content has a hash is known by it, and one of
// another hash is built anew.
func TestTreeNamesTheShape(t *testing.T) {
	r := newRenderer(t)
	render := func(tree, label string) string {
		in := acmeWith(map[string]string{"kustomization.yaml": overlayHead + "labels: [{pairs: {a: " + label + "}}]"})
		in.Class.Tree = tree
		unit, err := r.Tenant(in)
		if err != nil {
			t.Fatal(err)
		}
		return unit.Digest
	}
	one := render("t1", "x")
	if render("t1", "x") != one || len(r.shapes) != 1 {
		t.Errorf("%d shapes of one tree", len(r.shapes))
	}
	if render("t2", "z") == one {
		t.Error("another tree renders the same")
	}
	if render("", "x") != one {
		t.Error("without a hash the content counts")
	}
}

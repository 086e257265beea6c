package render

import (
	"path"
	"strings"
	"testing"
)

// BenchmarkTenant renders each input with its shape built: what a pass over the
// fleet costs for one tenant.
func BenchmarkTenant(b *testing.B) {
	r := newRenderer(b)
	for file, in := range inputs(b) {
		b.Run(strings.TrimSuffix(path.Base(file), ".input.yaml"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := in.render(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkShape is what a new class or base version costs once.
func BenchmarkShape(b *testing.B) {
	r := newRenderer(b)
	in := acmeWith(map[string]string{"kustomization.yaml": overlayHead})
	b.ReportAllocs()
	for b.Loop() {
		clear(r.shapes)
		if _, err := r.Tenant(in); err != nil {
			b.Fatal(err)
		}
	}
}

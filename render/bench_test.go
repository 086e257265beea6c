package render

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
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

// BenchmarkStampVsKrusty renders the same tenants in both ways: half native, half
// Kamaji's, and one in twenty with a Component of its own.
func BenchmarkStampVsKrusty(b *testing.B) {
	var tenants []TenantInput
	for i := range 40 {
		in := acme()
		in.Name, in.UID = fmt.Sprintf("t%d", i), fmt.Sprintf("u%d", i)
		in.Class = &fleet.Class{Metadata: fleet.Metadata{Name: "native"}, Spec: fleet.ClassSpec{Provider: "native", Allow: &fleet.Allow{
			Patches: []fleet.AllowedPatch{
				{Kind: "apps/v1/Deployment", Name: "control-plane", Fields: []string{"metadata.annotations"}},
				{Kind: "kamaji.clastix.io/v1alpha1/TenantControlPlane", Name: "*", Fields: []string{"metadata.annotations"}},
			},
		}}}
		kind := "Deployment"
		if i%2 == 1 {
			in.Class.Metadata.Name, in.Class.Spec.Provider, kind = "kamaji", "kamaji", "TenantControlPlane"
		}
		if i >= 38 {
			in.Files = asFiles(map[string]string{"kustomization.yaml": componentHead +
				"patches:\n- target: {kind: " + kind + "}\n  patch: |\n    - {op: add, path: /metadata/annotations, value: {example.com/a: b}}\n"})
			in.Dir = "tenants/web/" + in.Name
		}
		tenants = append(tenants, in)
	}
	r := newRenderer(b)
	cost := map[string]float64{}
	for name, render := range map[string]func(TenantInput) (*Unit, error){
		"stamp": r.Tenant, "krusty": func(in TenantInput) (*Unit, error) { return fullBuild(r, in) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, in := range tenants {
					if _, err := render(in); err != nil {
						b.Fatal(err)
					}
				}
			}
			each := b.Elapsed().Seconds() / float64(b.N*len(tenants))
			b.ReportMetric(each*1e6, "µs/tenant")
			cost[name] = each
		})
	}
	if cost["stamp"] > 0 && cost["krusty"] > 0 {
		fmt.Fprintf(os.Stdout, "figure: stamp_vs_krusty_ratio %.1f ratio\n", cost["krusty"]/cost["stamp"])
	}
}

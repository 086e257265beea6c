package e2e

import (
	"flag"
	"testing"

	"github.com/tenantry/tenantry/test/crds"
	"github.com/tenantry/tenantry/test/kamaji"
)

// definitions is where the providers' own are: "make contract" says so.
var definitions = flag.String("crds", "", "`DIR` with custom resource definitions of providers, which are tried with these and Cluster API's")

// Every provider's control planes live through the same moments. native does with nothing
// played. The controllers of others are played, and definitions judge what they are said
// to write: where there are none for a provider, it is not tried. Two of them are
// folders of the fleet's own: acme is of an operator that nobody else knows, k3s an example.
func TestConformance(t *testing.T) {
	t.Run("native", func(t *testing.T) {
		s := open(t, suite.full.Start(t), "a")
		s.forget(t)
		t.Cleanup(func() { s.forget(t) })
		conform(t, s, "native")
	})
	if *definitions == "" {
		t.Run("acme", func(t *testing.T) {
			t.Parallel()
			s := take(t)
			s.cluster.Kubectl(t, s.name, "apply", "-f", "testdata/acme/install.yaml")
			conform(t, s, "acme")
		})
		t.Run("k3s", func(t *testing.T) {
			t.Parallel()
			conform(t, take(t), "k3s")
		})
		t.Run("kamaji", func(t *testing.T) {
			t.Parallel()
			s := take(t)
			if err := kamaji.Install(t.Context(), s.config); err != nil {
				t.Fatal(err)
			}
			conform(t, s, "kamaji")
		})
		return
	}
	folders, err := crds.Download(t.Context(), crds.ClusterAPI)
	if err != nil {
		t.Fatal(err)
	}
	all, err := crds.Read(append(folders, *definitions)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, provider := range []string{"kamaji", "cluster-api", "k0smotron"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			s := take(t)
			for _, d := range all {
				if err := d.Install(t.Context(), s.client); err != nil {
					t.Fatal(err)
				}
			}
			conform(t, s, provider)
			if provider != "kamaji" { // TestImport does that one
				s.forget(t)
				takeOver(t, s, provider)
			}
		})
	}
}

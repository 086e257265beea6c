package render

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGoldens renders every input. A golden is what a shard is asked to hold, as a
// person would read it; its first lines name the digest and what is derived.
func TestGoldens(t *testing.T) {
	r := newRenderer(t)
	for file, in := range inputs(t) {
		t.Run(file, func(t *testing.T) {
			unit, err := in.render(r)
			if err != nil {
				t.Fatal(err)
			}
			got := show(t, unit)
			golden := strings.Replace(file, ".input.yaml", ".golden.yaml", 1)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (go test ./render -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func show(t *testing.T, u *Unit) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "# %s, digest %s\n", u.Owner, u.Digest)
	for _, d := range u.Derived {
		fmt.Fprintf(&out, "# derived: %s key %s from %s: %s, cluster %s, user %s\n", d.ID, d.Key, d.Certificate, d.Server, d.Cluster, d.User)
	}
	if k := u.Kubeconfig; k != nil {
		fmt.Fprintf(&out, "# kubeconfig: %s/%s key %s\n", k.Namespace, k.Name, k.Key)
	}
	for _, o := range u.Objects {
		data, err := yaml.JSONToYAML(o.JSON)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "---\n%s", data)
	}
	return out.String()
}

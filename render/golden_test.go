package render_test

import (
	"flag"
	"os"
	"path"
	"testing"

	"github.com/tenantry/tenantry/render/trial"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestProviders tries every provider that the binary carries by its own inputs, goldens
// and cases of health: what `tenantry provider test` does with anybody's.
func TestProviders(t *testing.T) {
	entries, err := os.ReadDir("providers")
	if err != nil || len(entries) == 0 {
		t.Fatalf("no providers found: %v", err)
	}
	for _, e := range entries {
		dir := path.Join("providers", e.Name())
		report, err := trial.Run(os.DirFS("."), dir, trial.Options{Image: trial.Image, Update: *update})
		if err != nil {
			t.Fatal(err)
		}
		report.Strict()
		for name, data := range report.Goldens {
			if !*update {
				continue
			}
			if err := os.WriteFile(path.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range report.Cases {
			t.Run(path.Join(e.Name(), c.Name), func(t *testing.T) {
				if c.Failed() {
					t.Errorf("%s%s", c.Problems, c.Diff)
				}
			})
		}
	}
}

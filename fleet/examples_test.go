package fleet_test

import (
	"os"
	"testing"

	"github.com/tenantry/tenantry/fleet"
)

// The examples are the first thing that people copy.
func TestExamplesAreValid(t *testing.T) {
	entries, err := os.ReadDir("../examples")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		seen++
		t.Run(e.Name(), func(t *testing.T) {
			f, findings, err := fleet.Load(os.DirFS("../examples/" + e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if len(findings) > 0 {
				t.Errorf("%s", findings)
			}
			if len(f.Tenants) == 0 {
				t.Error("no tenants")
			}
		})
	}
	if seen < 2 {
		t.Errorf("found %d examples, want quickstart and minimal", seen)
	}
}

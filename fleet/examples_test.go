package fleet_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// A class's folder alone gives the same class: this is how one is read back that
// the fleet has changed since.
func TestLoadClassGivesWhatLoadGives(t *testing.T) {
	f, _, err := fleet.Load(os.DirFS("../examples/quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	c, findings, err := fleet.LoadClass(os.DirFS("../examples/quickstart/classes/standard"), "standard")
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	if diff := cmp.Diff(f.Classes["standard"], c); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
	if len(c.Files) != 3 || c.Spec.Replicas != 1 {
		t.Errorf("class has %d files and %d replicas", len(c.Files), c.Spec.Replicas)
	}
	if _, findings, err = fleet.LoadClass(os.DirFS("../examples/quickstart/classes/standard"), "other"); err != nil || len(findings) != 1 {
		t.Errorf("the class under another name gives %v, %v, want one finding about its name", findings, err)
	}
}

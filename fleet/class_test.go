package fleet_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

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

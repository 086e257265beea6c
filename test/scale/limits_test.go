package scale

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"
)

// limit is what is wanted of one figure.
type limit struct {
	Figure      string
	Least, Most *float64
	// Must: whatever is beyond it fails the run, on any machine.
	Must     bool
	Measured float64
}

// beyond tells whether a value is not what is wanted.
func (l limit) beyond(value float64) bool {
	return l.Least != nil && value < *l.Least || l.Most != nil && value > *l.Most
}

func readLimits(t testing.TB) []limit {
	t.Helper()
	data, err := os.ReadFile("limits.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []limit
	if err := yaml.UnmarshalStrict(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Each limit bounds its figure on one side, and only what can be counted must hold anywhere.
func TestLimits(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range readLimits(t) {
		if l.Figure == "" || seen[l.Figure] || (l.Least == nil) == (l.Most == nil) {
			t.Errorf("limit %+v: want one figure and one bound, once", l)
		}
		if l.Must && (l.Most == nil || *l.Most != 0 || l.beyond(l.Measured)) {
			t.Errorf("%s: what must hold on every machine is a count of what must not be", l.Figure)
		}
		seen[l.Figure] = true
	}
	if len(seen) < 5 {
		t.Errorf("there are limits of %d figures only", len(seen))
	}
}

// bound says of all figures which are not what is wanted.
func (r *run) bound(b *testing.B) {
	for _, l := range readLimits(b) {
		switch value, there := r.figures[l.Figure]; {
		case !there:
			b.Errorf("the figure %s is missing", l.Figure)
		case !l.beyond(value):
		case l.Must:
			b.Errorf("%s is %g", l.Figure, value)
		default:
			b.Logf("beyond its limit: %s is %g, and was %g", l.Figure, value, l.Measured)
		}
	}
}

package bases

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/render"
)

func TestNewerIsAProvider(t *testing.T) {
	newer, err := Newer(render.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.New(render.Options{Image: "image", Providers: newer})
	if err != nil {
		t.Fatal(err)
	}
	for _, provider := range r.Providers() {
		if got := r.LatestBase(provider); got != "2" {
			t.Errorf("%s: the latest base is %s, want 2", provider, got)
		}
	}
}

// TestUnknownForm: a base that has changed its form is told, not passed on unchanged.
func TestUnknownForm(t *testing.T) {
	newer, err := Newer(render.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Newer(newer); err == nil || !strings.Contains(err.Error(), "made newer before") {
		t.Errorf("what was made newer was made newer again: %v", err)
	}
	if _, err := Newer(fstest.MapFS{"providers/toy/provider.yaml": {Data: []byte("kind: Provider")}}); err == nil || !strings.Contains(err.Error(), "toy: edit") {
		t.Errorf("a provider without a version was taken: %v", err)
	}
}

package render

import (
	"strings"
	"testing"
)

// demanding is the provider "keeping" with a demand on its StatefulSet.
func demanding(t *testing.T, demand string) (*Renderer, error) {
	t.Helper()
	files := keepingFiles(t)
	description := files["providers/keeping/provider.yaml"]
	description.Data = []byte(strings.Replace(string(description.Data), "  health:\n", "  require:\n"+demand+"  health:\n", 1))
	return New(Options{Image: testImage, Providers: files})
}

// TestDemands: what a provider demands of its objects is asked of what comes out, whoever
// made it so.
func TestDemands(t *testing.T) {
	const never = "  - {kind: apps/v1/StatefulSet, holds: object.spec.replicas < 3, message: '\"has \" + string(object.spec.replicas) + \" replicas\"'}\n"
	for name, tt := range map[string]struct {
		demand   string
		replicas int
		want     string
	}{
		"Held":          {never, 2, ""},
		"Broken":        {never, 3, "StatefulSet.apps/tenant-acme/control-plane: has 3 replicas"},
		"All":           {never + strings.Replace(never, "has", "is not well with", 1), 3, "has 3 replicas\nis not well with 3 replicas"},
		"OtherKind":     {strings.Replace(never, "apps/v1/StatefulSet", "v1/Namespace", 1), 3, "it cannot be judged: providers/keeping/provider.yaml"},
		"NotUnderstood": {strings.Replace(never, "object.spec.replicas <", "object.spec.size <", 1), 2, "it cannot be judged: providers/keeping/provider.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := demanding(t, tt.demand)
			if err != nil {
				t.Fatal(err)
			}
			in := kept()
			in.Spec.Replicas = tt.replicas
			_, err = r.Tenant(in)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
}

// TestDemandsAreRead: a demand that says nothing, or of nothing, is told with its place.
func TestDemandsAreRead(t *testing.T) {
	for demand, want := range map[string]string{
		"  - {kind: apps/v1/StatefulSet, message: '\"a\"'}\n":              "tenant.require[0].holds",
		"  - {kind: apps/v1/StatefulSet, holds: 'true'}\n":                 "tenant.require[0].message",
		"  - {kind: v1/Pod, holds: 'true', message: '\"a\"'}\n":            "tenant.require[0].kind",
		"  - {kind: v1/Namespace, holds: '1', message: '\"a\"'}\n":         "tenant.require[0].holds",
		"  - {kind: v1/Namespace, holds: tenant.spec, message: '\"a\"'}\n": "tenant.require[0].holds",
		"  - {kind: v1/Namespace, holds: 'true', message: '1', hold: a}\n": "tenant.require[0].hold",
	} {
		if _, err := demanding(t, demand); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want …%s…", strings.TrimSpace(demand), err, want)
		}
	}
}

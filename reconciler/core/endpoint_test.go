package core

import (
	"testing"

	"github.com/tenantry/tenantry/render"
)

// TestEndpoint: a controller that serves a tenant elsewhere than it was placed is believed,
// once it says so.
func TestEndpoint(t *testing.T) {
	for said, want := range map[string]string{
		"":                             "https://10.0.0.7:6443",
		"https://acme.example.com:443": "https://acme.example.com:443",
	} {
		o := &ownerState{wanted: &wanted{endpoint: "https://10.0.0.7:6443"}}
		o.verdict.health.Outputs = map[string]string{render.OutputEndpoint: said, render.OutputVersion: "v1.36.3"}
		st := &TenantStatus{}
		(&Core{}).reference(st, o, nil)
		if st.Endpoint != want || st.Version != "v1.36.3" {
			t.Errorf("%q: got %s, %s, want %s", said, st.Endpoint, st.Version, want)
		}
	}
}

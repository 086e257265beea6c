package main

import (
	"strings"
	"testing"

	"github.com/tenantry/tenantry/reconciler"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// What is taken over as it is is listed, and so is what it is left alone for.
func TestWriteDiffOfWhatIsAdopted(t *testing.T) {
	const plane = "TenantControlPlane.kamaji.clastix.io/team-a/"
	diff := &reconciler.Diff{Owners: []reconciler.Differs{{Kind: render.OwnerTenant, Name: "acme", Shard: "eu-1", Objects: []shard.Difference{
		{Object: plane + "acme", Action: shard.Adopts, Message: "it would be taken over as it is"},
		{Object: plane + "globex", Action: shard.Adopts, Message: "it is left alone while it differs", Changes: []shard.Change{
			{Field: "spec.kubernetes.version", From: "v1.34.1", To: "v1.35.0"}, {Field: "spec.addons.coreDNS", To: map[string]any{}},
		}},
	}}}}
	var out strings.Builder
	writeDiff(&out, diff)
	want := `SHARD  OWNER        OBJECT                                              STATE   CHANGE
eu-1   tenant acme  TenantControlPlane.kamaji.clastix.io/team-a/acme    adopts  it would be taken over as it is
eu-1   tenant acme  TenantControlPlane.kamaji.clastix.io/team-a/globex  adopts  spec.kubernetes.version: "v1.34.1" → "v1.35.0", it is left alone while it differs
eu-1   tenant acme  TenantControlPlane.kamaji.clastix.io/team-a/globex  adopts  spec.addons.coreDNS: nothing → {}
`
	if out.String() != want {
		t.Errorf("it says\n%s", out.String())
	}
}

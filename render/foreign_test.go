package render

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
)

// TestNothingForeignChanges: whatever an overlay does, of a class or of a tenant that
// its class lets do everything, what stands outside of the tenant's namespace is what
// the base alone makes, and the namespace keeps its protection.
func TestNothingForeignChanges(t *testing.T) {
	r := newRenderer(t)
	plain, err := r.Tenant(acme())
	if err != nil {
		t.Fatal(err)
	}
	want := outside(t, plain)
	if len(want) != 2 {
		t.Fatalf("outside of the namespace are %d objects, want the namespace itself and the datastore's Job", len(want))
	}
	rendered := 0
	rapid.Check(t, func(t *rapid.T) {
		in := acme()
		if rapid.Bool().Draw(t, "class") {
			patches, objects := drawMischief(t, "TENANT-NAMESPACE", "DATASTORE-NAMESPACE", "TENANT-JOB")
			in.Class.Files = asFiles(map[string]string{
				"kustomization.yaml": "resources: [../../providers/native, x.yaml]\npatches:\n" + patches, "x.yaml": objects,
			})
		} else {
			patches, objects := drawMischief(t, "tenant-acme", "datastore-eu-1-a", "add-t-7f3k2m9qx4")
			in.Files = asFiles(map[string]string{"kustomization.yaml": componentHead + "resources: [x.yaml]\npatches:\n" + patches, "x.yaml": objects})
			in.Class.Spec.Allow = everything(r)
		}
		unit, err := r.Tenant(in)
		if err != nil {
			return // refused
		}
		rendered++
		got := outside(t, unit)
		for name, data := range want {
			if got[name] != data {
				t.Errorf("%s changed\nfrom %s\nto   %s", name, data, got[name])
			}
		}
		if len(got) != len(want) {
			t.Errorf("outside of the namespace are %d objects, want %d", len(got), len(want))
		}
	})
	if rendered == 0 {
		t.Error("everything was refused: the property was tested on nothing")
	}
}

// outside is what must stay of each object outside of the tenant's namespace: of the
// namespace its protection, of others all but labels and annotations.
func outside(t fataler, u *Unit) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, o := range u.Objects {
		if o.ID.Namespace == "tenant-acme" {
			continue
		}
		nodes, err := documents(o.JSON)
		if err != nil {
			t.Fatal(err)
		}
		v, err := decodeNode(nodes[0])
		if err != nil {
			t.Fatal(err)
		}
		c := v.(content)
		if o.ID.Kind == "Namespace" {
			c = content{"enforce": descend(c, "metadata.labels")["pod-security.kubernetes.io/enforce"]}
		} else {
			delete(c, "metadata")
		}
		data, err := canonical(c)
		if err != nil {
			t.Fatal(err)
		}
		out[o.ID.String()] = string(data)
	}
	return out
}

// everything is a class that lets its tenants do all that can be said.
func everything(r *Renderer) *fleet.Allow {
	all := &fleet.Allow{}
	for _, k := range r.bases["native"]["1"].parts[partTenant].kinds {
		all.Resources = append(all.Resources, k.String())
		all.Patches = append(all.Patches, fleet.AllowedPatch{Kind: k.String(), Name: "*", Fields: []string{"metadata", "spec", "data", "kind", "apiVersion"}})
	}
	return all
}

// drawMischief draws patches of anything, and objects anywhere.
func drawMischief(t *rapid.T, home, store, job string) (patches, objects string) {
	namespace := rapid.SampledFrom([]string{home, store, "kube-system", "tenant-blue", ""})
	var p, o strings.Builder
	for range rapid.IntRange(0, 2).Draw(t, "patches") {
		target := rapid.SampledFrom([]string{"{kind: Namespace}", "{kind: Job}", "{kind: Deployment}", "{kind: ConfigMap}", "{}", "{namespace: " + store + "}", "{name: " + job + "}"})
		op := rapid.SampledFrom([]string{
			"{op: replace, path: /metadata/namespace, value: '%s'}",
			"{op: replace, path: /metadata/name, value: '%s'}",
			"{op: add, path: /metadata/labels, value: {pod-security.kubernetes.io/enforce: '%s'}}",
			"{op: add, path: /metadata/labels, value: {a: '%s'}}",
			"{op: add, path: /metadata/annotations, value: {a: '%s'}}",
			"{op: add, path: /spec, value: {a: '%s'}}",
			"{op: add, path: /spec/template/spec/serviceAccountName, value: '%s'}",
			"{op: replace, path: /kind, value: ConfigMap}", "{op: remove, path: /spec}", "{op: remove, path: /metadata/namespace}",
		})
		text := op.Draw(t, "op")
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, namespace.Draw(t, "value"))
		}
		fmt.Fprintf(&p, "- target: %s\n  patch: |\n    - %s\n", target.Draw(t, "target"), text)
	}
	if p.Len() == 0 {
		p.WriteString("  []\n")
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "objects") {
		kind := rapid.SampledFrom([]string{"v1/ConfigMap", "v1/Namespace", "batch/v1/Job", "v1/ServiceAccount", "rbac.authorization.k8s.io/v1/ClusterRole"}).Draw(t, "kind")
		at := strings.LastIndexByte(kind, '/')
		fmt.Fprintf(&o, "---\napiVersion: %s\nkind: %s\nmetadata: {name: x%d, namespace: '%s'}\n", kind[:at], kind[at+1:], i, namespace.Draw(t, "namespace"))
	}
	if o.Len() == 0 {
		fmt.Fprintf(&o, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: %s}\n", home)
	}
	return p.String(), o.String()
}

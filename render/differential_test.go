package render

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
)

// TestGeneratedTenants holds stamp, full build and export equal over classes with
// overlays and stamps, and tenants with parameters and Components, that nobody
// thought of. What one refuses, the others refuse.
func TestGeneratedTenants(t *testing.T) {
	r := newRenderer(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawTenant(t)
		unit, err := r.Tenant(in)
		if err != nil && strings.Contains(err.Error(), "read as another type where a stamp makes the field") {
			return // Kustomize itself gives it one type in one layer and another in the next
		}
		built, buildErr := fullBuild(r, in)
		if (err == nil) != (buildErr == nil) {
			t.Fatalf("stamp: %v\nbuild: %v", err, buildErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(byName(built), byName(unit)); diff != "" || unit.Digest != built.Digest {
			t.Fatalf("built (-) and stamped (+) differ:\n%s", diff)
		}
		files, err := r.Export(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(byName(unit), stockBuild(t, files)); diff != "" {
			t.Fatalf("unit (-) and export (+) differ:\n%s", diff)
		}
	})
}

// fullBuild renders a tenant by one whole Kustomize build.
func fullBuild(r *Renderer, in TenantInput) (*Unit, error) {
	b := r.bases[in.Class.Spec.Provider][in.BaseVersion]
	doc, err := r.document(in)
	if err != nil {
		return nil, err
	}
	l, err := newLayout(b, partTenant, in.Class)
	if err != nil {
		return nil, err
	}
	files, err := l.withUnit(doc, in.dir(), in.Files)
	if err != nil {
		return nil, err
	}
	built, err := build(files, "unit")
	if err != nil {
		return nil, err
	}
	contents, err := decodeAll(built.Resources())
	if err != nil {
		return nil, err
	}
	how := b.parts[partTenant]
	if err := checkContents(how, nil, contents); err != nil {
		return nil, err
	}
	readers, err := access(how, in, doc)
	if err != nil {
		return nil, err
	}
	return plainFinish(Owner{OwnerTenant, in.Name, in.UID}, how, doc, append(contents, readers...))
}

// texts are what YAML, JSON and Kustomize might read as something else.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"true", "no", "null", "~", "1", "-1", "1e5", "0777", "0x1f", "1.5", ".inf", "2026-01-01", "12:30", "<<", "*a", "&a", "!!int 1",
			`"`, `\`, "'", "a: b", "- a", "#", "{}", "[a]", "a\nb\n", "\ttab", "ünï", "日本", "\u2028", "<&>", "$(VAR)", " x ", "",
		}),
		rapid.StringMatching(`[a-zA-Z0-9.,:/ _"'-]{1,12}`),
	)
}

func quote(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}

// A target is where a parameter goes, and of which type it has to be.
type target struct{ kind, text string }

var targets = map[string][]target{
	"native": {
		{"string", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"string", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.made], options: {create: true}}"},
		{"string", "{select: {kind: Deployment}, fieldPaths: ['metadata.annotations.[example.com/made]'], options: {create: true}}"},
		{"string", "{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.[name=^kube-apiserver$].image'], options: {delimiter: /, index: 0}}"},
		{"integer", "{select: {kind: Deployment}, fieldPaths: [spec.progressDeadlineSeconds]}"},
		{"integer", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"boolean", "{select: {kind: Deployment}, fieldPaths: [spec.template.spec.enableServiceLinks]}"},
		{"boolean", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"array", "{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.[name=^kube-scheduler$].command']}"},
		{"array", "{select: {kind: Service}, fieldPaths: [spec.externalIPs], options: {create: true}}"},
	},
	"kamaji": {
		{"string", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"string", "{select: {kind: TenantControlPlane}, fieldPaths: [spec.kubernetes.kubelet.cgroupfs]}"},
		{"integer", "{select: {kind: TenantControlPlane}, fieldPaths: [spec.networkProfile.port]}"},
		{"array", "{select: {kind: TenantControlPlane}, fieldPaths: [spec.kubernetes.admissionControllers], options: {create: true}}"},
	},
	"cluster-api": {
		{"string", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"string", "{select: {kind: Cluster}, fieldPaths: [spec.infrastructureRef.name], options: {create: true}}"},
		{"integer", "{select: {kind: Cluster}, fieldPaths: [spec.clusterNetwork.apiServerPort]}"},
		{"array", "{select: {kind: KamajiControlPlane}, fieldPaths: [spec.admissionControllers], options: {create: true}}"},
	},
	"k0smotron": {
		{"string", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"string", "{select: {kind: Cluster}, fieldPaths: [spec.image]}"},
		{"string", "{select: {kind: Cluster}, fieldPaths: [spec.storage.etcd.persistence.storageClass], options: {create: true}}"},
		{"boolean", "{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.whole]}"},
		{"array", "{select: {kind: Cluster}, fieldPaths: [spec.controlPlaneFlags], options: {create: true}}"},
	},
}

func drawValue(t *rapid.T, kind string) any {
	switch kind {
	case "integer":
		return rapid.Int64().Draw(t, "integer")
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	case "array":
		return rapid.SliceOfN(texts(), 1, 3).Draw(t, "array")
	default:
		return texts().Draw(t, "string")
	}
}

func drawTenant(t *rapid.T) TenantInput {
	in := acme()
	provider := rapid.SampledFrom([]string{"native", "kamaji", "cluster-api", "k0smotron"}).Draw(t, "provider")
	in.Class.Spec.Provider = provider
	labels := "labels: [{pairs: {example.com/class: " + quote(texts().Draw(t, "label")) + "}}]\n"
	if provider == "k0smotron" { // it demands a class of its own for a name, and no labels
		in.DataStore, in.Placement.DataStore, labels = DataStoreInput{}, "", ""
	} else if rapid.Bool().Draw(t, "host") {
		in.Placement.Address, in.Placement.Host = "", "acme.example.com"
	}
	in.Spec.Access.Groups = rapid.SliceOfN(rapid.StringMatching(`[a-z:]{1,5}x`), 0, 2).Draw(t, "groups")

	// The class: an object of its own, patches, a stamp.
	overlay := "resources: [../../providers/" + provider + ", extra.yaml]\n" +
		labels + "patches:\n" +
		"- target: {kind: ConfigMap, name: extra}\n  patch: |\n    - {op: add, path: /data/patched, value: " + quote(texts().Draw(t, "patched")) + "}\n"
	files := map[string]string{
		"kustomization.yaml": overlay,
		"extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra, namespace: TENANT-NAMESPACE}\ndata: {whole: x, text: " +
			quote(texts().Draw(t, "data")) + "}",
	}
	schema := &fleet.Schema{Type: "object", Properties: map[string]fleet.Parameter{}}
	in.Spec.Parameters = map[string]any{}
	var stamp strings.Builder
	for i, target := range rapid.SliceOfNDistinct(rapid.SampledFrom(targets[provider]), 0, 4, func(t target) string { return t.text }).Draw(t, "targets") {
		name := fmt.Sprintf("p%d", i)
		schema.Properties[name] = fleet.Parameter{Type: target.kind}
		in.Spec.Parameters[name] = drawValue(t, target.kind)
		fmt.Fprintf(&stamp, "- source: {kind: Tenant, fieldPath: spec.parameters.%s}\n  targets: [%s]\n", name, target.text)
	}
	if stamp.Len() > 0 {
		files["stamp/kustomization.yaml"] = componentHead + "replacements:\n" + stamp.String()
	}
	in.Class.Files, in.Class.Spec.Parameters = asFiles(files), schema

	// The tenant: a Component within bounds that allow what it does.
	if rapid.Bool().Draw(t, "component") {
		workload := map[string]string{
			"native": "apps/v1/Deployment", "kamaji": "kamaji.clastix.io/v1alpha1/TenantControlPlane",
			"cluster-api": "controlplane.cluster.x-k8s.io/v1alpha2/KamajiControlPlane", "k0smotron": "k0smotron.io/v1beta2/Cluster",
		}[provider]
		kind := workload[strings.LastIndexByte(workload, '/')+1:]
		in.Class.Spec.Allow = &fleet.Allow{
			Resources: []string{"v1/ConfigMap"},
			Patches: []fleet.AllowedPatch{
				{Kind: workload, Name: "*", Fields: []string{"metadata.annotations", "spec"}},
				{Kind: "v1/ConfigMap", Name: "extra", Fields: []string{"data"}},
			},
		}
		in.Dir = "tenants/web/acme"
		in.Files = asFiles(map[string]string{
			"kustomization.yaml": componentHead + "resources: [more.yaml]\nconfigMapGenerator:\n- name: made\n  namespace: tenant-acme\n  literals: [" +
				quote("key="+rapid.StringMatching(`[a-z0-9 =:]{1,8}`).Draw(t, "literal")) + "]\npatches:\n- path: patch.yaml\n" +
				"- target: {kind: ConfigMap, name: extra}\n  patch: |\n    - {op: add, path: /data/own, value: " + quote(texts().Draw(t, "own")) + "}\n",
			"more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: tenant-acme}\ndata: {x: " + quote(texts().Draw(t, "more")) + "}",
			"patch.yaml": "apiVersion: " + workload[:strings.LastIndexByte(workload, '/')] + "\nkind: " + kind + "\nmetadata:\n  name: " +
				map[string]string{"native": "control-plane", "kamaji": "acme", "cluster-api": "acme", "k0smotron": "acme"}[provider] +
				"\n  namespace: tenant-acme\n  annotations: {example.com/own: " + quote(texts().Draw(t, "annotation")) + "}\n",
		})
	}
	return in
}

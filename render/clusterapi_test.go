package render

import (
	"strings"
	"testing"
)

// TestClusterAPIBounds: a class may bring whatever kinds of infrastructure there are, in
// the tenant's namespace; what bears a tenant stays while the tenant does.
func TestClusterAPIBounds(t *testing.T) {
	r := newRenderer(t)
	object := func(kind, more string) string {
		group, name, _ := strings.Cut(kind, " ")
		return "apiVersion: " + group + "\nkind: " + name + "\nmetadata: {name: TENANT-NAME" + more + "}\nspec: {}\n"
	}
	const inside = ", namespace: TENANT-NAMESPACE"
	for name, tt := range map[string]struct{ object, want string }{
		"Infrastructure":   {object("infrastructure.cluster.x-k8s.io/v7alpha1 MoonCluster", inside), ""},
		"Bootstrap":        {object("bootstrap.cluster.x-k8s.io/v1beta2 MoonConfigTemplate", inside), ""},
		"Elsewhere":        {object("infrastructure.cluster.x-k8s.io/v7alpha1 MoonCluster", ", namespace: default"), "outside of the tenant's namespace"},
		"NoNamespace":      {object("infrastructure.cluster.x-k8s.io/v7alpha1 MoonIdentity", ""), "outside of the tenant's namespace"},
		"LikeOne":          {object("more.infrastructure.cluster.x-k8s.io/v1 MoonCluster", inside), "may not be rendered"},
		"Secret":           {object("v1 Secret", inside), "may not be rendered"},
		"OtherVersion":     {object("cluster.x-k8s.io/v1beta1 MachineDeployment", inside), "may not be rendered"},
		"OtherPlane":       {object("controlplane.cluster.x-k8s.io/v1beta2 KubeadmControlPlane", inside), "may not be rendered"},
		"OursInATemplate":  {strings.Replace(object("infrastructure.cluster.x-k8s.io/v1 MoonMachineTemplate", inside), "spec: {}", "spec: {template: {metadata: {labels: {tenantry.io/uid: mine}}}}", 1), "is Tenantry's own"},
		"PlaneBesideThis":  {object("kamaji.clastix.io/v1alpha1 TenantControlPlane", inside), "may not be rendered"},
		"WholeGroupAsKind": {object("'infrastructure.cluster.x-k8s.io/*' '*'", inside), "may not be rendered"},
		"PathAsVersion":    {object("infrastructure.cluster.x-k8s.io/v1/../../../api/v1 MoonCluster", inside), "may not be rendered"},
		"PathAsKind":       {object("infrastructure.cluster.x-k8s.io/v1 ../MoonCluster", inside), "may not be rendered"},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(t)["providers/cluster-api/testdata/tenant-address.input.yaml"].tenant()
			in.Class.Files = map[string][]byte{
				"kustomization.yaml": []byte("resources: [../../providers/cluster-api, more.yaml]\n"), "more.yaml": []byte(tt.object),
			}
			_, err := r.Tenant(in)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
	how := r.bases["cluster-api"]["1"].parts[partTenant]
	for kind, want := range map[ObjectID]bool{
		{Group: "cluster.x-k8s.io", Kind: "Cluster"}:                         true,
		{Group: "controlplane.cluster.x-k8s.io", Kind: "KamajiControlPlane"}: true,
		{Group: "infrastructure.cluster.x-k8s.io", Kind: "MoonCluster"}:      true,
		{Group: "bootstrap.cluster.x-k8s.io", Kind: "MoonConfigTemplate"}:    true,
		{Group: "cluster.x-k8s.io", Kind: "MachineDeployment"}:               false,
		{Kind: "ConfigMap"}: false,
	} {
		if got := how.Stateful(kind); got != want {
			t.Errorf("%s: bears state: %t, want %t", kind, got, want)
		}
	}
}

// TestClusterAPIMetadata: what Kamaji makes of a control plane carries no mark of ours.
func TestClusterAPIMetadata(t *testing.T) {
	r := newRenderer(t)
	const mine = "{tenantry.io/uid: mine}"
	for _, field := range []string{
		"deployment: {additionalMetadata: {labels: " + mine + "}}", "deployment: {podAdditionalMetadata: {annotations: " + mine + "}}",
		"network: {serviceLabels: " + mine + "}", "network: {serviceAnnotations: " + mine + "}",
		"network: {ingress: {extraLabels: " + mine + "}}", "network: {gateway: {extraAnnotations: " + mine + "}}",
	} {
		in := inputs(t)["providers/cluster-api/testdata/tenant-address.input.yaml"].tenant()
		in.Class.Files = map[string][]byte{
			"kustomization.yaml": []byte("resources: [../../providers/cluster-api]\npatches: [{path: patch.yaml}]\n"),
			"patch.yaml": []byte("apiVersion: controlplane.cluster.x-k8s.io/v1alpha2\nkind: KamajiControlPlane\n" +
				"metadata: {name: TENANT-NAME, namespace: TENANT-NAMESPACE}\nspec: {" + field + "}\n"),
		}
		if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), "is Tenantry's own") {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// TestClusterAPICommands: whoever may set annotations may not stop controllers by them.
func TestClusterAPICommands(t *testing.T) {
	for _, kind := range []ObjectID{
		{Group: "controlplane.cluster.x-k8s.io", Kind: "KamajiControlPlane"}, {Group: "cluster.x-k8s.io", Kind: "Cluster"}, {Group: "infrastructure.cluster.x-k8s.io", Kind: "MoonCluster"},
	} {
		for annotation, want := range map[string]bool{
			"cluster.x-k8s.io/paused": true, "cluster.x-k8s.io/managed-by": true, "kamaji.clastix.io/paused": kind.Kind == "KamajiControlPlane",
			"example.com/paused": false, "x-k8s.io.example.com/a": false, "io/a": false,
		} {
			if got := commands([]string{"metadata", "annotations", annotation}, kind); got != want {
				t.Errorf("%s on a %s: %t, want %t", annotation, kind.Kind, got, want)
			}
		}
	}
}

// TestClusterAPIClass: the values of machines come from the tenant, not from the class.
func TestClusterAPIClass(t *testing.T) {
	in := inputs(t)["providers/cluster-api/testdata/tenant-class.input.yaml"].tenant()
	in.Name, in.Spec.Version = "globex", "v1.35.4"
	unit, err := newRenderer(t).Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	spec := find(t, unit, "MachineDeployment", "globex")["spec"].(map[string]any)
	machine := spec["template"].(map[string]any)["spec"].(map[string]any)
	if spec["clusterName"] != "globex" || machine["clusterName"] != "globex" || machine["version"] != "v1.35.4" {
		t.Errorf("the machines are %v", spec)
	}
	if ref := find(t, unit, "Cluster", "globex")["spec"].(map[string]any)["infrastructureRef"].(map[string]any); ref["name"] != "globex" {
		t.Errorf("the infrastructure is %v", ref)
	}
	find(t, unit, "DockerCluster", "globex")
}

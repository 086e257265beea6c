package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// What controllers show of a tenant that works; tests change it.
const (
	tracedCluster = `
metadata: {generation: 3, name: acme}
spec: {infrastructureRef: {name: acme}}
status:
  initialization: {infrastructureProvisioned: true, controlPlaneInitialized: true}
  conditions:
  - {type: Available, status: "False", message: "* WorkersAvailable: none"}
  - {type: InfrastructureReady, status: "True", reason: Ready, message: ""}
`
	tracedPlane = `
metadata: {generation: 2, name: acme}
spec: {replicas: 2, version: v1.36.3}
status:
  ready: true
  version: v1.36.3
  readyReplicas: 2
  initialization: {controlPlaneInitialized: true}
  conditions:
  - {type: TenantControlPlaneCreated, status: "True", observedGeneration: 2, lastTransitionTime: "2026-03-01T10:00:00Z"}
  - {type: TenantControlPlaneAddressReady, status: "True", observedGeneration: 2, lastTransitionTime: "2026-03-01T10:00:01Z"}
  - {type: InfrastructureClusterPatched, status: "True", observedGeneration: 2, lastTransitionTime: "2026-03-01T10:00:02Z"}
  - {type: KubeadmResourcesCreated, status: "True", observedGeneration: 2, lastTransitionTime: "2026-03-01T10:00:03Z"}
  - {type: KamajiControlPlaneIsReady, status: "True", observedGeneration: 2, lastTransitionTime: "2026-03-01T10:00:04Z"}
  - {type: Available, status: "True", observedGeneration: 2, lastTransitionTime: "2026-03-01T10:00:05Z"}
`
	tracedMachines = `
metadata: {generation: 1, name: acme}
spec: {replicas: 3}
status: {observedGeneration: 1, replicas: 3, conditions: [{type: Available, status: "True"}]}
`
)

// clusterAPI is a tenant's objects as a shard shows them; a text that is empty is of an
// object that the tenant has not.
func clusterAPI(t *testing.T, cluster, plane, machines string) []Judged {
	t.Helper()
	var all []Judged
	for _, o := range []struct {
		id   ObjectID
		text string
	}{
		{ObjectID{"cluster.x-k8s.io", "v1beta2", "Cluster", "tenant-acme", "acme"}, cluster},
		{ObjectID{"controlplane.cluster.x-k8s.io", "v1alpha2", "KamajiControlPlane", "tenant-acme", "acme"}, plane},
		{ObjectID{"cluster.x-k8s.io", "v1beta2", "MachineDeployment", "tenant-acme", "acme"}, machines},
	} {
		if o.text == "" {
			continue
		}
		j := Judged{ID: o.id, Present: true}
		if err := yaml.Unmarshal([]byte(o.text), &j.Content); err != nil {
			t.Fatal(err)
		}
		all = append(all, j)
	}
	return all
}

func TestClusterAPIHealth(t *testing.T) {
	change := func(pairs ...string) func(string) string {
		return func(s string) string { return strings.NewReplacer(pairs...).Replace(s) }
	}
	same := change()
	const (
		isReady = `KamajiControlPlaneIsReady, status: "True", observedGeneration: 2`
		notYet  = `KamajiControlPlaneIsReady, status: "False", observedGeneration: 2, message: "TenantControlPlane in NotReady status, back again"`
		newest  = `Available, status: "True", observedGeneration: 2`
		created = `TenantControlPlaneCreated, status: "True", observedGeneration: 2`
	)
	leaving := change("generation: 2", `generation: 2, deletionTimestamp: "2026-03-01T10:00:00Z"`, "generation: 3", `generation: 3, deletionTimestamp: "2026-03-01T10:00:00Z"`)
	tests := []struct {
		name, why      string
		cluster, plane func(string) string
		want           Health
		message        string
	}{
		{"Ready", "whatever the Cluster says of its machines", same, same, Health{State: Current}, ""},
		{"NoInfrastructure", "a Cluster needs none", change(`InfrastructureReady, status: "True"`, `InfrastructureReady, status: Unknown`), same, Health{State: Current}, ""},
		{"Born", "nobody has looked at it", func(s string) string { return s[:strings.Index(s, "status:")] }, same, Health{State: InProgress, Reason: "Infrastructure"}, "not there yet"},
		{
			"Provisioning", "the infrastructure's own word is told", change("infrastructureProvisioned: true, ", "", `status: "True", reason: Ready, message: ""`, `status: "False", reason: No, message: out of racks`), same,
			Health{State: InProgress, Reason: "Infrastructure"}, "not there yet: out of racks",
		},
		{"StoppedAtBirth", "", change("infrastructureProvisioned: true, ", "", "spec: {", "spec: {paused: true, "), same, Health{State: InProgress, Reason: "Paused"}, "spec.paused stops"},
		{"Stopped", "it works", change("spec: {", "spec: {paused: true, "), same, Health{State: Current, Reason: "Paused"}, "it works; spec.paused stops"},
		{
			"BrokenInfrastructure", "it was there, and the control plane works", change(`status: "True", reason: Ready, message: ""`, `status: "False", reason: No, message: the rack burns`), same,
			Health{State: Current, Reason: "Infrastructure"}, "the rack burns",
		},
		{"Leaving", "somebody deleted the Cluster", leaving, same, Health{State: InProgress, Reason: "Deleting"}, "is being deleted"},
		{"PlaneLeaving", "", same, leaving, Health{State: InProgress, Reason: "Deleting"}, "is being deleted"},

		{"PlaneBorn", "", same, func(s string) string { return s[:strings.Index(s, "status:")] }, Health{State: InProgress, Reason: "NotObserved"}, "waits for Cluster API"},
		{"Stale", "the newest change was not looked at", same, change("generation: 2, name", "generation: 3, name"), Health{State: InProgress, Reason: "Settling"}, "not complete"},
		{"NotReady", "the TenantControlPlane's own word", same, change("ready: true", "ready: false", isReady, notYet, newest, strings.Replace(newest, "True", "False", 1)), Health{State: InProgress, Reason: "NotReady"}, "in NotReady status"},
		{"RollingOut", "Unknown is no trouble", same, change("ready: true", "ready: false", isReady, strings.Replace(notYet, "NotReady", "Unknown", 1)), Health{State: InProgress, Reason: "RollingOut"}, "in Unknown status"},
		{"WakingUp", "", same, change("ready: true", "ready: false", isReady, strings.Replace(notYet, "NotReady", "Sleeping", 1)), Health{State: InProgress, Reason: "WakingUp"}, "in Sleeping status"},
		{"OtherWords", "a later provider may say it otherwise", same, change("ready: true", "ready: false", isReady, strings.Replace(notYet, "TenantControlPlane in NotReady status, back again", "no", 1)), Health{State: InProgress, Reason: "Settling"}, "no"},
		{"Upgrading", "ready, of the older version", same, change("  version: v1.36.3", "  version: v1.35.1"), Health{State: InProgress, Reason: "Upgrading"}, "upgraded to v1.36.3"},
		{"Scaling", "ready is stale right after a change", same, change("replicas: 2,", "replicas: 3,"), Health{State: InProgress, Reason: "Settling"}, "not complete"},
		{"Initializing", "", same, change("controlPlaneInitialized: true", "controlPlaneInitialized: false"), Health{State: InProgress, Reason: "Provisioning"}, "being made"},
		{"NoKubeconfig", "nobody could come in", same, change(`KubeadmResourcesCreated, status: "True"`, `KubeadmResourcesCreated, status: "False", message: no kubeconfig`), Health{State: InProgress, Reason: "Settling"}, "no kubeconfig"},
		{"Denied", "what Kamaji's webhook says", same, change("ready: true", "ready: false", created, strings.Replace(created, `"True"`, `"False", message: "webhook denied the request: too old"`, 1), newest, "X"), Health{State: InProgress, Reason: "NotCreated"}, "too old"},
		{"NoAddress", "", same, change(newest, "X", `AddressReady, status: "True"`, `AddressReady, status: "False", message: no endpoint`), Health{State: InProgress, Reason: "WaitingForAddress"}, "no endpoint"},
		{"NotPatched", "the provider does not know the infrastructure", same, change(newest, "X", `Patched, status: "True"`, `Patched, status: "False", message: unsupported infrastructure provider`), Health{State: InProgress, Reason: "Infrastructure"}, "unsupported"},
		{"Paused", "a person's doing", same, change("ready: true", "ready: false", "generation: 2, name", `generation: 2, annotations: {cluster.x-k8s.io/paused: ""}, name`), Health{State: InProgress, Reason: "Paused"}, "is paused"},

		{"FallingAsleep", "still running", same, change("replicas: 2,", "replicas: 0,"), Health{State: InProgress, Reason: "FallingAsleep"}, "to sleep"},
		{"Asleep", "", same, change("replicas: 2,", "replicas: 0,", "readyReplicas: 2", "readyReplicas: 0", isReady, notYet), Health{State: Current, Asleep: true}, ""},
		{"NotTold", "nobody has told Kamaji", same, change("generation: 2, name", "generation: 3, name", "replicas: 2,", "replicas: 0,", "readyReplicas: 2", "readyReplicas: 0"), Health{State: InProgress, Reason: "FallingAsleep"}, "to sleep"},
	}
	p := newRenderer(t).bases["cluster-api"]["1"].parts[partTenant]
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := p.Judge(clusterAPI(t, tt.cluster(tracedCluster), tt.plane(tracedPlane), tracedMachines))
			message := got.Message
			got.Message, got.Outputs = "", nil
			if diff := cmp.Diff(tt.want, got); diff != "" || !strings.Contains(message, tt.message) || (message == "") != (tt.message == "") {
				t.Errorf("%s: got %q, want …%s… (-want +got):\n%s", tt.why, message, tt.message, diff)
			}
		})
	}
}

// TestClusterAPIMachines: a lack of machines is told, and is no lack of a control plane.
func TestClusterAPIMachines(t *testing.T) {
	p := newRenderer(t).bases["cluster-api"]["1"].parts[partTenant]
	less := strings.Replace(tracedMachines, `status: "True"`, `status: "False"`, 1)
	for name, tt := range map[string]struct {
		plane, machines string
		want            Health
	}{
		"All":      {tracedPlane, tracedMachines, Health{State: Current}},
		"None":     {tracedPlane, "", Health{State: Current}},
		"Less":     {tracedPlane, less, Health{State: Current, Reason: "Workers", Message: "it works; MachineDeployment acme has fewer machines than it needs"}},
		"NotSeen":  {tracedPlane, strings.Replace(tracedMachines, "{generation: 1", "{generation: 2", 1), Health{State: Current, Reason: "Workers", Message: "it works; MachineDeployment acme has fewer machines than it needs"}},
		"BothLess": {strings.Replace(tracedPlane, "ready: true", "ready: false", 1), less, Health{State: InProgress, Reason: "Settling", Message: "its status is not complete yet"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.Judge(clusterAPI(t, tracedCluster, tt.plane, tt.machines))
			got.Outputs = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	absent := clusterAPI(t, tracedCluster, tracedPlane, tracedMachines)
	absent[2].Present, absent[2].Content = false, nil
	if got := p.Judge(absent); got.State != InProgress || got.Reason != "Missing" {
		t.Errorf("what was not applied yet: got %+v", got)
	}
}

func TestClusterAPIOutputs(t *testing.T) {
	p := newRenderer(t).bases["cluster-api"]["1"].parts[partTenant]
	judge := func(pairs ...string) Health {
		return p.Judge(clusterAPI(t, tracedCluster, strings.NewReplacer(pairs...).Replace(tracedPlane), ""))
	}
	h := judge()
	if got := h.Outputs["version"]; got != "v1.36.3" {
		t.Errorf("version is %q", got)
	}
	first, foreign := p.Revision(h)
	if !foreign || first == "" {
		t.Errorf("the kubeconfig is at %q, %t", first, foreign)
	}
	if again, _ := p.Revision(judge("10:00:04", "11:00:00")); again == first || again == "" {
		t.Errorf("after a roll-out it is at %q", again)
	}
	if got, _ := p.Revision(judge(`KubeadmResourcesCreated, status: "True"`, `KubeadmResourcesCreated, status: "False"`)); got != "" {
		t.Errorf("a kubeconfig that is not there is at %q", got)
	}
	if got, _ := p.Revision(judge(`IsReady, status: "True"`, `IsReady, status: "False"`)); got == "" {
		t.Error("of a tenant that sleeps nothing is known")
	}
}

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

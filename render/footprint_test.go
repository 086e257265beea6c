package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

// TestFootprint adds up what tenants of a class request.
func TestFootprint(t *testing.T) {
	patch := func(value string) map[string]string {
		return map[string]string{"kustomization.yaml": overlayHead +
			"patches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: control-plane, namespace: TENANT-NAMESPACE}\n    spec: " + value}
	}
	tests := []struct {
		name, reason string
		provider     string
		replicas     int
		files        map[string]string
		want         Footprint // Objects and Bytes left out
		err          string
	}{
		{"Native", "Three containers in a pod; the Job ends.", "native", 1, nil, Footprint{MilliCPU: 135, Memory: 576 << 20, Pods: 1}, ""},
		{"Replicas", "Each has its own.", "native", 3, nil, Footprint{MilliCPU: 405, Memory: 3 * 576 << 20, Pods: 3}, ""},
		{"Kamaji", "The operator makes the pods: the provider says where requests stand.", "kamaji", 2, nil, Footprint{MilliCPU: 350, Memory: 2 * 704 << 20, Pods: 2}, ""},
		{"ClusterAPI", "So does another one; machines are nothing to the shard.", "cluster-api", 2, nil, Footprint{MilliCPU: 350, Memory: 2 * 704 << 20, Pods: 2}, ""},
		{"K0smotron", "A control plane and a member of its etcd are counted as one.", "k0smotron", 3, nil, Footprint{MilliCPU: 900, Memory: 3 * 1280 << 20, Pods: 3}, ""},
		{
			"Overlay", "What the class says counts.", "native", 1,
			patch("{template: {spec: {containers: [{name: kube-apiserver, resources: {requests: {cpu: '1', memory: 1Gi}}}]}}}"),
			Footprint{MilliCPU: 1035, Memory: 1216 << 20, Pods: 1}, "",
		},
		{
			"Limit", "A limit without a request is a request.", "native", 1,
			patch("{template: {spec: {containers: [{name: extra, image: x, resources: {limits: {cpu: 65m}}}]}}}"),
			Footprint{MilliCPU: 200, Memory: 576 << 20, Pods: 1}, "",
		},
		{
			"Sidecar", "A sidecar runs along, what runs first does not.", "native", 1,
			patch("{template: {spec: {initContainers: [{name: a, image: x, restartPolicy: Always, resources: {requests: {cpu: 65m}}}, {name: b, image: x, resources: {requests: {cpu: 65m, memory: 1Gi}}}]}}}"),
			Footprint{MilliCPU: 200, Memory: 1 << 30, Pods: 1}, "",
		},
		{
			"NoQuantity", "The class is wrong.", "native", 1,
			patch("{template: {spec: {containers: [{name: kube-apiserver, resources: {requests: {cpu: much}}}]}}}"),
			Footprint{}, "container kube-apiserver: resources.requests.cpu",
		},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			class := acmeWith(tt.files).Class
			class.Spec.Provider, class.Spec.Replicas, class.Spec.Network = tt.provider, tt.replicas, acme().Spec.Network
			class.Metadata.Name = strings.ToLower(tt.name)
			for range 2 { // the second comes from memory
				got, err := r.Footprint(class, "1")
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) {
						t.Errorf("%s\ngot %v, want …%s…", tt.reason, err, tt.err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got.Objects == 0 || got.Bytes < 500*got.Objects {
					t.Errorf("%d objects of %d bytes", got.Objects, got.Bytes)
				}
				got.Objects, got.Bytes = 0, 0
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
			}
		})
	}
	if _, err := r.Footprint(&fleet.Class{Spec: fleet.ClassSpec{Provider: "none"}}, "1"); err == nil {
		t.Error("an unknown provider has a footprint")
	}
}

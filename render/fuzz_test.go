package render

import (
	"strings"
	"testing"
)

// FuzzClass gives Kustomize overlays of odd shapes. Whatever comes in, there is no
// panic, and what comes out keeps to its namespaces.
func FuzzClass(f *testing.F) {
	const deployment = "    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: control-plane, namespace: TENANT-NAMESPACE}\n"
	for _, seed := range []string{
		"",
		"images: [null]",
		"images: [{name: '(', newTag: x}]",
		"labels: [{pairs: {a: b}, fields: [{path: 'spec/[]/x', create: true}]}]",
		"replicas: [{name: control-plane, count: -9223372036854775808}]",
		"metadata: 3",
		"kind: Component",
		"patches: [null]",
		"patches: [{patch: '', target: {}}]",
		"patches:\n- patch: |\n    - {op: test}\n  target: {kind: Deployment}",
		"patches:\n- patch: |\n    - {op: replace, path: '', value: []}\n  target: {kind: Deployment}",
		"patches:\n- patch: |\n    - {op: replace, path: /metadata, value: null}\n  target: {kind: Deployment}",
		"patches:\n- patch: |\n    - {op: replace, path: /metadata/annotations, value: 3}\n  target: {kind: Deployment}",
		"patches:\n- patch: |\n    kind: [a]\n    metadata: 4\n",
		"patches:\n- patch: |\n" + deployment + "    spec: 3\n",
		"patches:\n- patch: |\n" + deployment + "    spec: {template: {spec: {containers: {a: b}}}}\n",
		"patches:\n- patch: |\n" + deployment + "    spec: {template: {spec: {containers: [{$patch: delete}, {$patch: replace}]}}}\n",
		"patches:\n- patch: |\n" + deployment + "    spec: {template: {spec: {$setElementOrder/containers: [{name: a}], $retainKeys: [a]}}}\n",
	} {
		f.Add(seed)
	}
	r := newRenderer(f)
	f.Fuzz(func(t *testing.T, overlay string) {
		unit, err := r.Tenant(acmeWith(map[string]string{"kustomization.yaml": overlayHead + overlay}))
		if err != nil {
			if strings.Contains(err.Error(), "panicked") {
				t.Log(err) // caught, and worth a rule of its own
			}
			return
		}
		for _, o := range unit.Objects {
			home := o.ID.Namespace == "tenant-acme" || o.ID.Name == "tenant-acme"
			job := o.ID.Kind == "Job" && o.ID.Namespace == "datastore-eu-1-a"
			if !home && !job {
				t.Errorf("%s is foreign", o.ID)
			}
		}
	})
}

package simulation

import (
	"maps"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// A fleet may bring a provider of its own: here one whose control plane is a Deployment,
// which keeps the state itself.

const (
	broughtClass    = "brought"
	broughtProvider = "plain"
)

// classThat is the class whose tenants are of a provider.
func classThat(provider string) string {
	switch provider {
	case "native":
		return "native"
	case broughtProvider:
		return broughtClass
	}
	return "hosted"
}

// provider [tenant=] how=brought|changed|broken|unrendered|gone: the fleet's own, with a
// class and a tenant of it.
func (w *world) provider(a Act) {
	files := broughtFiles("1")
	switch a.Args["how"] {
	case "changed":
		files = broughtFiles(a.get("pool", "2"))
	case "broken":
		files["providers/plain/provider.yaml"] = []byte("kind: [\n")
	case "unrendered":
		files["providers/plain/kustomization.yaml"] = []byte("resources: [https://example.com/base]\n")
	case "gone":
		for file := range files {
			if files[file] = nil; w.files()[file] == nil {
				delete(files, file)
			}
		}
		delete(files, "classes/brought/class.yaml")
	}
	if name := a.Args["tenant"]; name != "" && len(w.filesOf(name)) == 0 {
		files[tenantFile("web", name)] = tenantDeclared(name, broughtClass, "")
	}
	if len(files) > 0 {
		w.commit(a.String(), files)
	}
}

// mendBrought writes the provider anew where its class is in force, or declared, and one of
// both is not well.
func (w *world) mendBrought(mended map[string][]byte, f *fleet.Fleet, l *ledger.Ledger) {
	ref := fleet.Ref{Kind: fleet.KindClass, Name: broughtClass}
	_, broken := f.Broken[ref]
	class := f.Classes[broughtClass]
	if l.Classes[broughtClass] == nil && class == nil && !broken || class != nil && w.shared.newer.Check(class, w.shared.newer.BaseFor(class)) == nil {
		return
	}
	maps.Copy(mended, broughtFiles("1"))
}

// broughtFiles are the provider's and its class's; pool is what pods are to have on them.
func broughtFiles(pool string) map[string][]byte {
	return map[string][]byte{
		"classes/brought/class.yaml":               []byte(head + "ControlPlaneClass\nmetadata: {name: brought}\nspec: {provider: plain, version: v1.36.3}\n"),
		"providers/plain/provider.yaml":            []byte(broughtDescription),
		"providers/plain/kustomization.yaml":       []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [namespace.yaml, control-plane.yaml]\n"),
		"providers/plain/namespace.yaml":           []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: TENANT-NAMESPACE, labels: {pod-security.kubernetes.io/enforce: baseline}}\n"),
		"providers/plain/control-plane.yaml":       []byte(strings.ReplaceAll(broughtControlPlane, "POOL", pool)),
		"providers/plain/stamp/kustomization.yaml": []byte(broughtStamp),
	}
}

const broughtDescription = head + `Provider
metadata: {name: plain}
baseVersion: "1"
capabilities: {sleep: true}
tenant:
  kinds: [v1/Namespace, v1/ConfigMap, apps/v1/Deployment]
  health:
  - kind: apps/v1/Deployment
    name: plain
    reason: ControlPlane
    current: >-
      object.status.?observedGeneration.orValue(0) >= object.metadata.?generation.orValue(0) &&
      object.status.?availableReplicas.orValue(0) == object.spec.?replicas.orValue(1) &&
      object.status.?replicas.orValue(0) == object.spec.?replicas.orValue(1)
    asleep: object.spec.?replicas.orValue(1) == 0
    message: '"it is not available yet"'
`

const broughtControlPlane = `apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: TENANT-NAMESPACE}
spec:
  replicas: 1
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain}}
    spec:
      automountServiceAccountToken: false
      nodeSelector: {pool: "POOL"}
      containers:
      - {name: plain, image: "registry.example.com/plain:v0.0.0"}
`

const broughtStamp = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
replacements:
- source: {kind: Tenant, fieldPath: spec.version}
  targets: [{select: {kind: Deployment}, fieldPaths: ["spec.template.spec.containers.[name=^plain$].image"], options: {delimiter: "plain:", index: 1}}]
- source: {kind: Tenant, fieldPath: spec.replicas}
  targets: [{select: {kind: Deployment}, fieldPaths: [spec.replicas]}]
- source: {kind: Tenant, fieldPath: spec.namespace}
  targets:
  - {select: {namespace: TENANT-NAMESPACE}, fieldPaths: [metadata.namespace]}
  - {select: {kind: Namespace, name: TENANT-NAMESPACE}, fieldPaths: [metadata.name]}
`

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tenantry/tenantry/render"
)

// tries bounds how often a second apply of kinds is tried whose controllers run in the
// cluster: they may write into the same object meanwhile.
const tries = 20

// again proves that what was applied is at rest: whatever controllers wrote back, our
// fields are still ours, and applying the same once more writes nothing.
func (t *target) again(ctx context.Context, o, made *unstructured.Unstructured) error {
	to := t.resource(o)
	if err := t.writeBack(ctx, made); err != nil {
		return fmt.Errorf("play its controllers: %w", err)
	}
	try := tries
	if t.plays(o) {
		try = 1
	}
	for range try {
		before, err := to.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read it again: %w", err)
		}
		if was, is := ours(made), ours(before); !bytes.Equal(was, is) {
			return fmt.Errorf("its controllers took fields of ours: we had %s, and have %s", was, is)
		}
		after, err := t.apply(ctx, to, o)
		if err != nil {
			return fmt.Errorf("apply it again: %w", err)
		}
		if after.GetResourceVersion() == before.GetResourceVersion() {
			return nil
		}
	}
	return errors.New("applying it again wrote something")
}

// ours are the fields that are ours by server-side apply.
func ours(o *unstructured.Unstructured) []byte {
	for _, entry := range o.GetManagedFields() {
		if entry.Manager == render.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" {
			return entry.FieldsV1.GetRawBytes()
		}
	}
	return nil
}

// played is the manager by whose name controllers are played.
const played = "controller"

// fields are what a controller writes into an object's spec: path and value. It leaves
// alone what is there, unless the path begins with an exclamation mark.
type fields map[string]any

// writtenBack are the fields that controllers write where we do not, by kind. Those that
// read an object into Go's types and write it as a whole add empty mappings.
var writtenBack = map[schema.GroupKind]fields{
	{Group: "cluster.x-k8s.io", Kind: "Cluster"}: {"paused": true},
	{Group: "controlplane.cluster.x-k8s.io", Kind: "KamajiControlPlane"}: {
		"controlPlaneEndpoint":             map[string]any{"host": "192.0.2.9", "port": int64(6443)},
		"addons":                           map[string]any{},
		"apiServer.resources":              map[string]any{},
		"deployment.additionalMetadata":    map[string]any{},
		"deployment.podAdditionalMetadata": map[string]any{},
		"deployment.strategy":              map[string]any{},
		"kine.resources":                   map[string]any{},
		"network.serviceLabels":            map[string]any{},
	},
	{Group: "infrastructure.cluster.x-k8s.io", Kind: "DockerCluster"}: {
		"controlPlaneEndpoint": map[string]any{"host": "192.0.2.9", "port": int64(6443)},
	},
	{Group: "kamaji.clastix.io", Kind: "TenantControlPlane"}: {
		"addons":           map[string]any{},
		"writePermissions": map[string]any{},
		"controlPlane.deployment.additionalMetadata":    map[string]any{},
		"controlPlane.deployment.podAdditionalMetadata": map[string]any{},
		"controlPlane.service.additionalMetadata":       map[string]any{},
	},
	{Group: "kamaji.clastix.io", Kind: "DataStore"}: {},
	// It merges what it makes of k0sConfig back into it, whoever said it before, and writes a
	// Cluster as a whole once it knows the load balancer's address.
	{Group: "k0smotron.io", Kind: "Cluster"}: {
		"externalAddress": "192.0.2.9",
		"certificateRefs": []any{
			map[string]any{"type": "ca", "name": "acme-ca"}, map[string]any{"type": "proxy", "name": "acme-proxy"},
			map[string]any{"type": "sa", "name": "acme-sa"}, map[string]any{"type": "etcd", "name": "acme-etcd"},
			map[string]any{"type": "apiserver-etcd-client", "name": "acme-apiserver-etcd-client"},
		},
		"!manifests":                             []any{map[string]any{"name": "kmc-acme-endpoint", "configMap": map[string]any{"name": "kmc-acme-endpoint"}}},
		"!k0sConfig.metadata":                    map[string]any{"name": "k0s", "namespace": "kube-system"},
		"!k0sConfig.spec.api.port":               int64(6443),
		"!k0sConfig.spec.api.sans":               []any{"192.0.2.9", "kmc-acme-lb", "kmc-acme-lb.tenant-acme.svc"},
		"!k0sConfig.spec.api.externalAddress":    "192.0.2.9",
		"!k0sConfig.spec.konnectivity.agentPort": int64(8132),
		"!k0sConfig.spec.storage":                map[string]any{"type": "etcd"},
		"!storage.kine.dataSourceURL":            "__K0SMOTRON_KINE_DATASOURCE_URL_PLACEHOLDER__",
		"monitoring":                             map[string]any{"enabled": false, "prometheusImage": "", "proxyImage": ""},
		"storage.nats":                           map[string]any{"persistence": map[string]any{"storageClass": "", "size": "0"}},
	},
}

// condition is one as Kubernetes writes it.
func condition(name, status, reason string) map[string]any {
	return map[string]any{
		"type": name, "status": status, "reason": reason, "message": "", "observedGeneration": int64(1), "lastTransitionTime": "2026-03-01T10:00:00Z",
	}
}

// statuses are what controllers tell, of kinds whose definitions say what that may be.
var statuses = map[schema.GroupKind]map[string]any{
	{Group: "k0smotron.io", Kind: "Cluster"}: {
		"replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": int64(1), "selector": "app=k0smotron",
		"conditions": []any{
			condition("Available", "True", "Available"), condition("CertificatesAvailable", "True", "Created"),
			condition("ControlPlaneExposed", "True", "ClusterWithExternalAddress"), condition("ControlPlaneFunctional", "True", "KubeSystemNamespaceFound"),
			condition("ControlPlaneScaling", "False", "ControlPlaneWithDesiredReplicas"), condition("ControlPlaneUpToDate", "True", "AllReplicasUpToDate"),
			condition("KubeconfigSecretAvailable", "True", "Created"), condition("Deleting", "False", "NotDeleting"),
		},
		"deprecated": map[string]any{"v1beta1": map[string]any{"ready": true, "reconciliationStatus": "Reconciliation successful"}},
	},
}

// plays tells whether the controllers of an object's kind are played: then nobody else
// writes into it.
func (t *target) plays(o *unstructured.Unstructured) bool {
	kind := o.GroupVersionKind().GroupKind()
	return t.written[kind] != nil || ofClusterAPI(kind)
}

func ofClusterAPI(kind schema.GroupKind) bool {
	return strings.HasSuffix("."+kind.Group, ".cluster.x-k8s.io")
}

// writeBack plays the controllers of an object: fields of its spec, a finalizer, in
// Cluster API the Cluster as an owner and its name as a label, and a status.
func (t *target) writeBack(ctx context.Context, made *unstructured.Unstructured) error {
	if !t.plays(made) {
		return nil
	}
	o, kind := made.DeepCopy(), made.GroupVersionKind().GroupKind()
	for path, value := range t.written[kind] {
		path, rude := strings.CutPrefix(path, "!")
		at := append([]string{"spec"}, strings.Split(path, ".")...)
		if _, there, _ := unstructured.NestedFieldNoCopy(o.Object, at...); there && !rude {
			continue
		}
		if err := unstructured.SetNestedField(o.Object, value, at...); err != nil {
			return err
		}
	}
	o.SetFinalizers([]string{"played.example.com/finalizer"})
	if ofClusterAPI(kind) && kind.Kind != "Cluster" {
		if err := t.own(ctx, o); err != nil {
			return err
		}
	}
	o.SetManagedFields(nil)
	written, err := t.resource(o).Update(ctx, o, metav1.UpdateOptions{FieldManager: played})
	if status := statuses[kind]; err == nil && status != nil {
		written.Object["status"] = runtime.DeepCopyJSON(status)
		written.SetManagedFields(nil)
		_, err = t.resource(o).UpdateStatus(ctx, written, metav1.UpdateOptions{FieldManager: played, FieldValidation: metav1.FieldValidationStrict})
	}
	return err
}

// own makes the Cluster of its name, if there is one, an object's owner.
func (t *target) own(ctx context.Context, o *unstructured.Unstructured) error {
	owner := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": map[string]any{"namespace": o.GetNamespace()},
	}}
	list, err := t.resource(owner).List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) == 0 {
		return err
	}
	cluster := list.Items[0]
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "cluster.x-k8s.io/v1beta2", Kind: "Cluster", Name: cluster.GetName(), UID: cluster.GetUID()}})
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["cluster.x-k8s.io/cluster-name"] = cluster.GetName()
	o.SetLabels(labels)
	return nil
}

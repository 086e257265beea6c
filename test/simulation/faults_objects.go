package simulation

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// touch [cluster=] [kind=] nth= how=label|digest|uid|self|managed|spec|foreign: people change
// an object of ours.
func (w *world) touched(a Act) {
	o := w.chosen(a)
	if o == nil {
		return
	}
	w.faults++
	w.spoil(o, a.get("how", "spec"))
	_, err := w.cluster(a).server.Write("kubectl-edit", "", o.Object)
	w.did(o, err)
}

// spoil changes an object as somebody might.
func (w *world) spoil(o *unstructured.Unstructured, how string) {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	switch how {
	case "label":
		labels[render.LabelManagedBy] = "somebody"
	case "uid":
		delete(labels, render.LabelUID)
	case "digest":
		annotations[render.AnnotationDigest] = "0123"
	case "self":
		annotations[render.AnnotationObject] = "Secret/elsewhere/other"
	case "managed":
		// None at all would leave them as they are.
		_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{}}, "metadata", "managedFields")
	case "foreign": // what is not ours stays theirs
		annotations["example.com/note"] = "mind the gap"
	default:
		switch {
		case o.GetKind() == "TenantControlPlane":
			_ = unstructured.SetNestedField(o.Object, int64(1), "spec", "controlPlane", "deployment", "replicas")
		case o.GetKind() == "Deployment", o.GetKind() == "StatefulSet":
			_ = unstructured.SetNestedField(o.Object, int64(9), "spec", "replicas")
		case o.GetKind() == "ConfigMap" || o.GetKind() == "Secret":
			_ = unstructured.SetNestedField(o.Object, "eA==", "data", "more")
		default:
			labels[render.LabelManagedBy] = "somebody"
		}
	}
	o.SetLabels(labels)
	o.SetAnnotations(annotations)
}

// copy [cluster=] [kind=] nth= [to=NAMESPACE]: somebody copies an object with all its labels,
// under another name, or to another namespace.
func (w *world) copied(a Act) {
	o := w.chosen(a)
	if o == nil {
		return
	}
	w.faults++
	if to := a.Args["to"]; to != "" && o.GetNamespace() != "" {
		o.SetNamespace(to)
	} else {
		o.SetName(o.GetName() + "-copy")
	}
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
	o.SetOwnerReferences(nil)
	unstructured.RemoveNestedField(o.Object, "status")
	_, err := w.cluster(a).server.Write("kubectl-create", "", o.Object)
	w.did(o, err)
}

// finalizer [cluster=] [kind=] nth= for=: somebody wants to be asked before an object goes.
func (w *world) finalizer(a Act) {
	o := w.chosen(a)
	if o == nil || o.GetKind() == "Namespace" {
		return
	}
	c, key := w.cluster(a), keyOfObject(o)
	o.SetFinalizers(append(o.GetFinalizers(), asks))
	_, err := c.server.Write("guard", "", o.Object)
	w.did(o, err)
	w.lasts(a, func() { w.release(c, key) })
}

const asks = "example.com/ask"

// release takes away what keeps an object.
func (w *world) release(c *cluster, key apiserver.Key) {
	have := c.server.Get(key)
	if have == nil {
		return
	}
	u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(have)}
	u.SetFinalizers(slices.DeleteFunc(u.GetFinalizers(), func(f string) bool { return f == asks }))
	_, err := c.server.Write("guard", "", u.Object)
	w.did(u, err)
}

// keep [cluster=] nth= for=: in a tenant's namespace stands somebody's object that wants to
// be asked before it goes, so that the namespace does not go either.
func (w *world) kept(a Act) {
	o := w.chosen(Act{Args: map[string]string{"cluster": a.Args["cluster"], "kind": "Namespace", "nth": a.Args["nth"]}})
	if o == nil {
		return
	}
	c := w.cluster(a)
	theirs := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"}, "metadata": map[string]any{
		"name": "theirs", "namespace": o.GetName(), "finalizers": []any{asks},
	}}}
	if _, err := c.server.Write("kubectl-create", "", theirs.Object); err != nil {
		w.did(theirs, err)
		return
	}
	key := keyOfObject(theirs)
	w.lasts(a, func() {
		w.release(c, key)
		if c.server.Get(key) != nil {
			w.did(theirs, c.server.Delete(key))
		}
	})
}

// anchor [cluster=] nth= how=gone|lower|higher|torn for=: people lay hands on what shards
// remember of epochs. What stops us they take away again.
func (w *world) anchorHurt(a Act) {
	c := w.cluster(a)
	var anchors []*unstructured.Unstructured
	for _, o := range c.server.List(apiserver.Key{Version: "v1", Kind: "ConfigMap"}) {
		if u := (&unstructured.Unstructured{Object: runtime.DeepCopyJSON(o)}); isAnchor(keyOfObject(u)) {
			anchors = append(anchors, u)
		}
	}
	if len(anchors) == 0 {
		return
	}
	u := anchors[a.number("nth", 0)%len(anchors)]
	key := keyOfObject(u)
	epoch := map[string]string{"lower": "0", "higher": "1000000", "torn": "many"}[a.Args["how"]]
	if epoch == "" {
		w.faults++
		w.did(u, c.server.Delete(key))
		return
	}
	_ = unstructured.SetNestedField(u.Object, epoch, "data", "epoch")
	_, err := c.server.Write("kubectl-edit", "", u.Object)
	w.did(u, err)
	w.lasts(a, func() {
		if have, _ := mapping(c.server.Get(key), "data")["epoch"].(string); have == epoch {
			w.did(u, c.server.Delete(key))
		}
	})
}

var leaseKey = apiserver.Key{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Namespace: lease.Namespace, Name: lease.Name}

// lease [cluster=] how=gone|taken: people delete the Lease, or write themselves into it.
func (w *world) leaseHurt(a Act) {
	c := w.cluster(a)
	have := c.server.Get(leaseKey)
	if have == nil {
		return
	}
	w.faults++
	u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(have)}
	if a.Args["how"] != "taken" {
		w.did(u, c.server.Delete(leaseKey))
		return
	}
	_ = unstructured.SetNestedField(u.Object, "somebody", "spec", "holderIdentity")
	_, err := c.server.Write("kubectl-edit", "", u.Object)
	w.did(u, err)
}

// kubeconfig [cluster=] nth= how=gone|torn for=: of a hosted control plane. Its operator
// makes only one anew that is not there, so a torn one is deleted later.
func (w *world) kubeconfigHurt(a Act) {
	c := w.cluster(a)
	var all []*unstructured.Unstructured
	for _, o := range c.server.List(apiserver.Key{Version: "v1", Kind: "Secret"}) {
		if u := (&unstructured.Unstructured{Object: runtime.DeepCopyJSON(o)}); strings.HasSuffix(u.GetName(), "-admin-kubeconfig") {
			all = append(all, u)
		}
	}
	if len(all) == 0 {
		return
	}
	w.faults++
	u := all[a.number("nth", 0)%len(all)]
	if a.Args["how"] != "torn" {
		w.did(u, c.server.Delete(keyOfObject(u)))
		return
	}
	_ = unstructured.SetNestedMap(u.Object, map[string]any{"admin.conf": "eA=="}, "data")
	_, err := c.server.Write("kubectl-edit", "", u.Object)
	w.did(u, err)
	w.lasts(a, func() {
		if conf := mapping(c.server.Get(keyOfObject(u)), "data")["admin.conf"]; conf == "eA==" {
			w.did(u, c.server.Delete(keyOfObject(u)))
		}
	})
}

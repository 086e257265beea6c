package simulation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
	"github.com/tenantry/tenantry/test/simulation/controllers"
)

// cluster is the one that an act is about.
func (w *world) cluster(a Act) *cluster {
	if c := w.clusters[a.get("cluster", clusterNames[0])]; c != nil {
		return c
	}
	return w.clusters[clusterNames[0]]
}

// chosen is a copy of one of our objects on the act's cluster: the nth of a kind, or of
// all. Nil when there is none.
func (w *world) chosen(a Act) *unstructured.Unstructured {
	var all []apiserver.Object
	for _, o := range w.cluster(a).server.List() {
		u := unstructured.Unstructured{Object: o}
		if kind := a.Args["kind"]; u.GetLabels()[render.LabelUID] != "" && (kind == "" || u.GetKind() == kind) && u.GetDeletionTimestamp() == nil {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &unstructured.Unstructured{Object: runtime.DeepCopyJSON(all[a.number("nth", 0)%len(all)])}
}

func keyOfObject(u *unstructured.Unstructured) apiserver.Key {
	gvk := u.GroupVersionKind()
	return apiserver.Key{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
}

// delete [cluster=] [kind=] nth=: people delete an object of ours.
func (w *world) deleted(a Act) {
	if o := w.chosen(a); o != nil {
		w.faults++
		w.did(o, w.cluster(a).server.Delete(keyOfObject(o)))
	}
}

// did tells what people did to an object.
func (w *world) did(o *unstructured.Unstructured, err error) {
	w.say("  %s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), orWell(err))
}

func orWell(err error) any {
	if err == nil {
		return "done"
	}
	return err
}

// fight [cluster=] [kind=] nth= for=: a tool wants an object of ours otherwise, and says so
// again and again.
func (w *world) fought(a Act) {
	o := w.chosen(a)
	if o == nil {
		return
	}
	c, key, on := w.cluster(a), keyOfObject(o), true
	theirs := map[string]any{
		"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(),
		"metadata": map[string]any{"name": o.GetName(), "namespace": o.GetNamespace(), "labels": map[string]any{render.LabelManagedBy: "rival"}},
	}
	if key.Namespace == "" {
		delete(theirs["metadata"].(map[string]any), "namespace") //nolint:forcetypeassert // it is made above
	}
	var again func()
	again = func() {
		if !on || w.over {
			return
		}
		if have := c.server.Get(key); have != nil {
			if u := (&unstructured.Unstructured{Object: have}); u.GetLabels()[render.LabelManagedBy] != "rival" && u.GetDeletionTimestamp() == nil {
				_, _ = c.server.Apply("rival", theirs) // it may be on its way out
			}
		}
		w.after(7*time.Second, again)
	}
	again()
	w.lasts(a, func() { on = false })
}

// squat [cluster=] tenant= what=namespace|object for=: where an object of a tenant belongs
// stands somebody's, before the tenant is there.
func (w *world) squatted(a Act) {
	c, name := w.cluster(a), a.get("tenant", "ant")
	namespace := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "tenant-" + name}}
	all := []map[string]any{namespace}
	if a.Args["what"] == "object" {
		all = append(all, map[string]any{
			"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "TenantControlPlane",
			"metadata": map[string]any{"name": name, "namespace": "tenant-" + name}, "spec": map[string]any{"dataStore": "theirs"},
		})
	}
	for i, o := range all {
		u := &unstructured.Unstructured{Object: o}
		key := keyOfObject(u)
		if c.server.Get(key) != nil {
			if i == 0 {
				continue
			}
			return
		}
		made, err := c.server.Write("kubectl-create", "", o)
		w.did(u, err)
		if err != nil {
			return
		}
		uid := (&unstructured.Unstructured{Object: made}).GetUID()
		w.lasts(a, func() { // if it still is the one
			if have := c.server.Get(key); have != nil && (&unstructured.Unstructured{Object: have}).GetUID() == uid {
				w.did(u, c.server.Delete(key))
			}
		})
	}
}

// admission [cluster=] [kind=] how=refuse|down|mutate for=
func (w *world) admitting(a Act) {
	c, kind := w.cluster(a), a.Args["kind"]
	c.server.Admit = func(at *apiserver.Attempt) error {
		if at.Manager != render.FieldManager || at.Object == nil || kind != "" && at.Key.Kind != kind || at.Key.Kind == "Lease" {
			return nil
		}
		w.faults++
		switch a.Args["how"] {
		case "down":
			return apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example.com": connection refused`))
		case "mutate":
			u := unstructured.Unstructured{Object: at.Object}
			labels := u.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			labels["example.com/mutated"] = "yes"
			u.SetLabels(labels)
			return nil
		}
		return apierrors.NewForbidden(schema.GroupResource{Group: at.Key.Group, Resource: at.Key.Kind}, at.Key.Name, fmt.Errorf("denied by policy: %s", quoted(at.Object)))
	}
	w.lasts(a, func() { c.server.Admit = nil })
}

// quoted is what a webhook repeats of an object that it does not like: of a Secret all.
func quoted(o apiserver.Object) string {
	text := ""
	data := mapping(o, "data")
	for _, key := range slices.Sorted(maps.Keys(data)) {
		value, _ := data[key].(string)
		content, _ := base64.StdEncoding.DecodeString(value) // what cannot be decoded is none
		text += key + ": " + string(content) + "; "
	}
	return text
}

// undefine [cluster=] for=: Kamaji's control planes are not served any more, and are gone.
func (w *world) undefined(a Act) {
	c := w.cluster(a)
	for _, kind := range apiserver.Kamaji() {
		if kind.Kind == "TenantControlPlane" {
			c.server.Undefine(kind)
			w.lasts(a, func() { c.server.Define(kind) })
		}
	}
}

// compact [cluster=]: history is forgotten, watches that are behind get 410.
func (w *world) compacted(a Act) {
	w.faults++
	w.cluster(a).server.Compact()
}

// stale [cluster=] for=: lists may be as old as history is.
func (w *world) staleLists(a Act) {
	c := w.cluster(a)
	c.server.Stale = func() bool { return true }
	w.lasts(a, func() { c.server.Stale = nil })
}

// controllers [cluster=] for=: they are down.
func (w *world) controllersDown(a Act) {
	c := w.cluster(a)
	c.controllers.Stop(true)
	w.lasts(a, func() { c.controllers.Stop(false) })
}

// trouble [cluster=] kind= for=: what is of a kind does not get ready.
func (w *world) troubled(a Act) {
	c, key := w.cluster(a), apiserver.Key{Kind: a.get("kind", "Deployment")}
	c.controllers.Fail(key, controllers.Stuck)
	w.lasts(a, func() { c.controllers.Fail(key, controllers.Well) })
}

// rotate [cluster=] kind=Certificate|TenantControlPlane nth=
func (w *world) rotated(a Act) {
	if o := w.chosen(a); o != nil {
		w.faults++
		w.cluster(a).controllers.Rotate(keyOfObject(o))
	}
}

var clusterFaults = []chance{
	{3, func(g *generator, _ *History) Act {
		return do("touch", "cluster", g.one(clusterNames...), "kind", g.kind(), "nth", g.nth(), "how", g.one("label", "digest", "uid", "self", "managed", "spec", "spec", "foreign", "foreign"))
	}},
	{3, func(g *generator, _ *History) Act {
		return do("delete", "cluster", g.one(clusterNames...), "kind", g.kind(), "nth", g.nth())
	}},
	{2, func(g *generator, h *History) Act {
		return do("fight", "cluster", g.one(clusterNames...), "kind", g.kind(), "nth", g.nth(), "for", g.length(h))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("copy", "cluster", g.one(clusterNames...), "kind", g.kind(), "nth", g.nth(), "to", g.one("", "data"))
	}},
	{3, func(g *generator, h *History) Act {
		return do("squat", "cluster", g.one(clusterNames...), "tenant", g.one(tenantNames...), "what", g.one("namespace", "object"), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("anchor", "cluster", g.one(clusterNames...), "nth", g.nth(), "how", g.one("gone", "gone", "lower", "higher", "torn"), "for", g.length(h))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("lease", "cluster", g.one(clusterNames...), "how", g.one("gone", "taken"))
	}},
	{2, func(g *generator, h *History) Act {
		return do("kubeconfig", "cluster", g.one(clusterNames...), "nth", g.nth(), "how", g.one("gone", "torn"), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("keep", "cluster", g.one(clusterNames...), "nth", g.nth(), "for", g.length(h))
	}},
	{3, func(g *generator, h *History) Act {
		return do("admission", "cluster", g.one(clusterNames...), "kind", g.kind(), "how", g.one("refuse", "down", "mutate"), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("undefine", "cluster", g.one(clusterNames...), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("credentials", "cluster", g.one(clusterNames...), "how", g.one("gone", "key", "changed"), "for", g.length(h))
	}},
	{2, func(g *generator, _ *History) Act { return do("compact", "cluster", g.one(clusterNames...)) }},
	{2, func(g *generator, h *History) Act {
		return do("stale", "cluster", g.one(clusterNames...), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("finalizer", "cluster", g.one(clusterNames...), "kind", g.kind(), "nth", g.nth(), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("controllers", "cluster", g.one(clusterNames...), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("trouble", "cluster", g.one(clusterNames...), "kind", g.one("Deployment", "TenantControlPlane", "Job", "DataStore"), "for", g.length(h))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("rotate", "cluster", g.one(clusterNames...), "kind", g.one("Certificate", "TenantControlPlane"), "nth", g.nth())
	}},
}

// kind is one of which a tenant has objects, or any.
func (g *generator) kind() string {
	return g.one("", "", "", "Namespace", "TenantControlPlane", "TenantControlPlane", "Deployment", "Secret", "ConfigMap", "Service")
}

func (g *generator) nth() string { return strconv.Itoa(g.IntN(20)) }

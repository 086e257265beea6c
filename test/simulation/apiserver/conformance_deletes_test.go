package apiserver_test

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

func deletes() []scenario {
	return []scenario{
		{"Delete", "an object goes at once when nothing holds it", func(w *world) {
			ns := w.space()
			at := kindPath("v1", ns, "configmaps")
			first := w.ok(w.post(at, configMap("a", nil)))
			gone := w.ok(w.remove(at+"/a", object{"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}))
			w.same("answer", object{"kind": "Status", "apiVersion": "v1", "metadata": object{}, "status": "Success",
				"details": object{"name": "a", "kind": "configmaps", "uid": first.uid()}}, gone.object)
			w.refused(w.remove(at+"/a", nil), 404, "NotFound")
			at = kindPath("v1", ns, "services")
			w.ok(w.post(at, made("v1", "Service", "a", object{"spec": object{"ports": []any{object{"port": 80}}}})))
			w.same("a Service", any("Service"), w.ok(w.remove(at+"/a", nil)).has("kind"))
			at = kindPath("v1", ns, "serviceaccounts")
			w.ok(w.post(at, made("v1", "ServiceAccount", "a", nil)))
			w.same("a ServiceAccount", any("ServiceAccount"), w.ok(w.remove(at+"/a", nil)).has("kind"))
			at = kindPath("cert-manager.io/v1", ns, "certificates")
			w.ok(w.post(at, certificate("a")))
			w.same("a Certificate", any("Success"), w.ok(w.remove(at+"/a", nil)).has("status"))
			at = kindPath("apps/v1", ns, "deployments")
			w.ok(w.post(at, deployment("a", "a")))
			w.same("a Deployment", any("Success"), w.ok(w.remove(at+"/a", object{"propagationPolicy": "Background"})).has("status"))
		}},
		{"DeletePreconditions", "only the very object is deleted, as it was when that was decided", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			first := w.ok(w.post(at, configMap("a", nil)))
			second := w.ok(w.merge(at+"/a", object{"data": object{"k": "v"}}))
			demand := func(uid, version string) answer {
				return w.accept("DELETE", at+"/a", brief, object{"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
					"preconditions": object{"uid": uid, "resourceVersion": version}})
			}
			a := w.refused(demand("b2f16a1a-0000-4000-8000-000000000000", second.version()), 409, "Conflict")
			w.same("details", object{"name": "a", "kind": "ConfigMap"}, a.details())
			a = w.refused(demand(first.uid(), first.version()), 409, "Conflict")
			w.same("details", object{"name": "a", "kind": "ConfigMap"}, a.details())
			w.ok(demand(first.uid(), second.version()))
		}},
		{"Finalizers", "what holds an object keeps it until it lets go", func(w *world) {
			ns := w.space()
			at := kindPath("cert-manager.io/v1", ns, "certificates")
			o := certificate("a")
			o["metadata"].(object)["finalizers"] = []any{"example.com/hold"}
			first := w.ok(w.post(at, o))
			marked := w.ok(w.remove(at+"/a", nil))
			if marked.has("metadata", "deletionTimestamp") == nil || marked.version() == first.version() {
				w.Errorf("it is not marked: %s", marked.text)
			}
			w.same("generation", 2, marked.generation())
			w.same("a second delete", marked.version(), w.ok(w.remove(at+"/a", nil)).version())
			w.refused(w.merge(at+"/a", object{"metadata": object{"finalizers": []any{"example.com/hold", "example.com/more"}}}), 422, "Invalid",
				"FieldValueForbidden metadata.finalizers")
			w.ok(w.merge(at+"/a", object{"spec": object{"commonName": "b"}}))
			w.ok(w.merge(at+"/a", object{"metadata": object{"finalizers": nil}}))
			w.refused(w.get(at+"/a"), 404, "NotFound")
		}},
		{"FinalizersOfAnApplier", "a finalizer that was applied goes when it is applied no more", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			w.ok(w.apply("me", at, made("v1", "ConfigMap", "a", object{"metadata": object{"finalizers": []any{"example.com/hold"}}})))
			w.ok(w.remove(at, nil))
			w.ok(w.apply("me", at, configMap("a", nil)))
			w.refused(w.get(at), 404, "NotFound")
		}},
		{"Namespace", "a namespace ends slowly: what is in it goes, nothing new comes", func(w *world) {
			ns := w.space()
			at := "/api/v1/namespaces/" + ns
			first := w.ok(w.get(at))
			w.same("phase", any("Active"), first.has("status", "phase"))
			w.same("label", any(ns), first.has("metadata", "labels", "kubernetes.io/metadata.name"))
			w.same("finalizers", any([]any{"kubernetes"}), first.has("spec", "finalizers"))
			held := made("v1", "ConfigMap", "held", object{"metadata": object{"finalizers": []any{"example.com/hold"}}})
			w.ok(w.post(at+"/configmaps", held))
			w.ok(w.post(at+"/configmaps", configMap("free", nil)))
			marked := w.ok(w.remove(at, nil))
			w.same("phase", any("Terminating"), marked.has("status", "phase"))
			if marked.has("metadata", "deletionTimestamp") == nil {
				w.Errorf("it is not marked: %s", marked.text)
			}
			a := w.refused(w.post(at+"/configmaps", configMap("new", nil)), 403, "Forbidden", "NamespaceTerminating metadata.namespace")
			w.same("details", any("configmaps"), a.details()["kind"])
			w.refused(w.apply("me", at+"/configmaps/new", configMap("new", nil)), 403, "Forbidden", "NamespaceTerminating metadata.namespace")
			w.ok(w.merge(at+"/configmaps/held", object{"data": object{"k": "v"}}))
			w.gone(ns, "free")
			w.ok(w.get(at))
			w.ok(w.merge(at+"/configmaps/held", object{"metadata": object{"finalizers": nil}}))
			w.gone(ns, "")
			w.refused(w.get(at), 404, "NotFound")
		}},
		{"NamespaceOfTheSystem", "some namespaces stay", func(w *world) {
			w.refused(w.remove("/api/v1/namespaces/kube-system", nil), 403, "Forbidden")
			w.refused(w.remove("/api/v1/namespaces/default", nil), 403, "Forbidden")
		}},
	}
}

// gone waits until a ConfigMap is gone that goes with its namespace, or (no name) the
// namespace itself.
func (w *world) gone(ns, name string) {
	w.Helper()
	if w.play != nil {
		w.play.Do(func(s *apiserver.Server) { s.Finalize(ns) })
	}
	what := func(o metav1.ListOptions) (watch.Interface, error) {
		return w.typed.CoreV1().Namespaces().Watch(w.Context(), o)
	}
	path, chosen := "/api/v1/namespaces/"+ns, ns
	if name != "" {
		what = func(o metav1.ListOptions) (watch.Interface, error) {
			return w.typed.CoreV1().ConfigMaps(ns).Watch(w.Context(), o)
		}
		path, chosen = path+"/configmaps/"+name, name
	}
	seconds := int64(patience.Seconds())
	changes, err := what(metav1.ListOptions{FieldSelector: "metadata.name=" + chosen, TimeoutSeconds: &seconds})
	if err != nil {
		w.Fatal(err)
	}
	defer changes.Stop()
	if w.get(path).code == 404 {
		return
	}
	for event := range changes.ResultChan() {
		if event.Type == watch.Deleted {
			return
		}
	}
	w.Errorf("%s %s did not go", ns, name)
}

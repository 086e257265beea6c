package apiserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
)

// names are those of a list's items.
func (a answer) names() []string {
	all := []string{}
	items, _ := a.object["items"].([]any)
	for _, item := range items {
		all = append(all, item.(object)["metadata"].(object)["name"].(string))
	}
	return all
}

// three makes three objects, and gives the path of their kind.
func (w *world) three() string {
	w.Helper()
	at := kindPath("v1", w.space(), "secrets")
	for name, team := range map[string]string{"a": "red", "b": "blue", "c": ""} {
		o := made("v1", "Secret", name, object{"data": object{"k": "dg=="}})
		if team != "" {
			o = labelled(o, object{"team": team})
		}
		w.ok(w.post(at, o))
	}
	return at
}

func lists() []scenario {
	return []scenario{
		{"List", "all of a namespace, by name", func(w *world) {
			at := w.three()
			all := w.ok(w.get(at))
			w.same("names", []string{"a", "b", "c"}, all.names())
			w.same("kind", any("SecretList"), all.has("kind"))
			if all.version() == "" {
				w.Error("a list has no version")
			}
			w.same("of the cache", []string{"a", "b", "c"}, w.ok(w.get(at+"?resourceVersion="+all.version()+"&resourceVersionMatch=NotOlderThan")).names())
			w.same("exactly then", []string{"a", "b", "c"}, w.ok(w.get(at+"?resourceVersion="+all.version()+"&resourceVersionMatch=Exact")).names())
			w.ok(w.remove(at+"/b", nil))
			w.ok(w.merge(at+"/c", object{"data": object{"k": "dw=="}}))
			then := w.ok(w.get(at + "?resourceVersion=" + all.version() + "&resourceVersionMatch=Exact"))
			w.same("exactly then, later", all.object["items"], then.object["items"])
			w.same("version", all.version(), then.version())
		}},
		{"ListSelected", "only those that are asked for", func(w *world) {
			at := w.three()
			for selector, want := range map[string][]string{
				"labelSelector=team": {"a", "b"}, "labelSelector=!team": {"c"}, "labelSelector=team=red": {"a"}, "labelSelector=team!=red": {"b", "c"},
				"labelSelector=team in (red, blue)": {"a", "b"}, "fieldSelector=metadata.name=b": {"b"}, "labelSelector=team,team!=red": {"b"},
			} {
				name, value, _ := cut(selector)
				w.same(selector, want, w.ok(w.get(at+"?"+name+"="+url.QueryEscape(value))).names())
			}
			w.refused(w.get(at+"?labelSelector="+url.QueryEscape("a b c")), 400, "BadRequest")
		}},
		{"ListInPages", "a list in pages is of one moment", func(w *world) {
			at := w.three()
			first := w.ok(w.get(at + "?limit=2"))
			w.same("names", []string{"a", "b"}, first.names())
			w.same("left", any(1.0), first.has("metadata", "remainingItemCount"))
			w.ok(w.remove(at+"/c", nil))
			w.ok(w.post(at, made("v1", "Secret", "d", nil)))
			next, _ := first.meta()["continue"].(string)
			second := w.ok(w.get(at + "?limit=2&continue=" + url.QueryEscape(next)))
			w.same("names", []string{"c"}, second.names())
			w.same("version", first.version(), second.version())
			w.same("the end", nil, second.meta()["continue"])
			selected := w.ok(w.get(at + "?limit=1&labelSelector=team"))
			w.same("names", []string{"a"}, selected.names())
			w.same("left", nil, selected.has("metadata", "remainingItemCount"))
			w.refused(w.get(at+"?limit=1&continue=nonsense"), 400, "BadRequest")
		}},
		{"ListBrief", "metadata alone, when that is asked for", func(w *world) {
			at := w.three()
			all := w.ok(w.accept(http.MethodGet, at, briefList, nil))
			w.same("kind", []any{"PartialObjectMetadataList", "meta.k8s.io/v1"}, []any{all.has("kind"), all.has("apiVersion")})
			item := all.object["items"].([]any)[0].(object)
			if item["data"] != nil || item["metadata"].(object)["managedFields"] == nil {
				w.Errorf("an item is %v", item)
			}
			one := w.ok(w.accept(http.MethodGet, at+"/a", brief, nil))
			w.same("kind", []any{"PartialObjectMetadata", "meta.k8s.io/v1"}, []any{one.has("kind"), one.has("apiVersion")})
			w.same("data", nil, one.has("data"))
			w.same("metadata", w.get(at+"/a").meta(), one.meta())
			applied := w.ok(w.accept(http.MethodPatch, "apply:"+at+"/e?fieldManager=me", brief, made("v1", "Secret", "e", nil)))
			w.same("code", 201, applied.code)
			w.same("kind", any("PartialObjectMetadata"), applied.has("kind"))
			w.same("of what is not there", any("Status"), w.accept(http.MethodGet, at+"/z", brief, nil).has("kind"))
		}},
		{"ListTooNew", "nobody waits for what may never come", func(w *world) {
			at := w.three()
			a := w.get(at + "?resourceVersion=999999999&resourceVersionMatch=NotOlderThan")
			w.refused(a, 504, "Timeout", "ResourceVersionTooLarge")
		}},
		{"Kinds", "what is served is told, and what is not is no missing object", func(w *world) {
			ns := w.space()
			for path, want := range map[string][]string{
				"/api/v1": {"ConfigMap", "Secret", "Service", "Namespace"}, "/apis/apps/v1": {"Deployment", "StatefulSet"},
				"/apis/cert-manager.io/v1": {"Certificate", "Issuer"}, "/apis/kamaji.clastix.io/v1alpha1": {"TenantControlPlane", "DataStore"},
			} {
				a := w.ok(w.get(path))
				for _, kind := range want {
					if !slices.ContainsFunc(a.object["resources"].([]any), func(r any) bool { return r.(object)["kind"] == kind }) {
						w.Errorf("%s has no %s", path, kind)
					}
				}
			}
			for _, path := range []string{
				"/apis/nobody.example.com/v1", "/apis/nobody.example.com/v1/namespaces/" + ns + "/things/a", "/apis/cert-manager.io/v2/namespaces/" + ns + "/certificates", "/nothing",
				"/apis/cert-manager.io/v1/namespaces/" + ns + "/things",
			} {
				a := w.get(path)
				w.same(path, "404 404 page not found\n", fmt.Sprint(a.code, " ", a.text))
			}
			for _, path := range []string{kindPath("v1", ns, "things") + "/a", kindPath("apps/v1", ns, "things")} {
				w.same(path, object{}, w.refused(w.get(path), 404, "NotFound").details())
			}
			client, err := metadata.NewForConfig(w.cfg)
			if err != nil {
				w.Fatal(err)
			}
			_, err = client.Resource(schema.GroupVersionResource{Group: "nobody.example.com", Version: "v1", Resource: "things"}).List(w.Context(), metav1.ListOptions{})
			w.same("a client is told", true, apierrors.IsNotFound(err))
		}},
		{"Clients", "dynamic, metadata and generated clients read the same", func(w *world) {
			at := w.three()
			ns := w.ok(w.get(at + "/a")).meta()["namespace"].(string)
			secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
			dynamics, err := dynamic.NewForConfig(dynamic.ConfigFor(w.cfg))
			if err != nil {
				w.Fatal(err)
			}
			all, err := dynamics.Resource(secrets).Namespace(ns).List(w.Context(), metav1.ListOptions{LabelSelector: "team"})
			if err != nil {
				w.Fatal(err)
			}
			w.same("kind", "Secret", all.Items[0].GetKind())
			w.same("items", 2, len(all.Items))
			typed, err := w.typed.CoreV1().Secrets(ns).List(w.Context(), metav1.ListOptions{LabelSelector: "team"})
			if err != nil {
				w.Fatal(err)
			}
			w.same("data", "v", string(typed.Items[0].Data["k"]))
			w.same("version", all.Items[0].GetResourceVersion(), typed.Items[0].ResourceVersion)
			client, err := metadata.NewForConfig(w.cfg)
			if err != nil {
				w.Fatal(err)
			}
			briefly, err := client.Resource(secrets).Namespace(ns).List(w.Context(), metav1.ListOptions{LabelSelector: "team"})
			if err != nil {
				w.Fatal(err)
			}
			w.same("metadata", typed.Items[0].ObjectMeta, briefly.Items[0].ObjectMeta)
		}},
	}
}

func cut(selector string) (name, value string, found bool) {
	for i, c := range selector {
		if c == '=' {
			return selector[:i], selector[i+1:], true
		}
	}
	return selector, "", false
}

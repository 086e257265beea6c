package main

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// serveKinds is: kinds NAME FILE KIND=RESOURCE... starts an API that serves the objects in
// a YAML stream, of the given kinds (a resource with a slash at its front has no
// namespace, one with an exclamation mark may not be listed), for reading and nothing else. Pages have two objects. It writes
// shards/NAME.kubeconfig. test/contract asks a real one.
func serveKinds(ts *testscript.TestScript, _ bool, args []string) {
	var objects []unstructured.Unstructured
	resources := map[string]string{}
	for _, arg := range args[2:] {
		kind, resource, _ := strings.Cut(arg, "=")
		resources[kind] = resource
	}
	for _, text := range strings.Split(ts.ReadFile(args[1]), "\n---\n") {
		var o unstructured.Unstructured
		ts.Check(yaml.Unmarshal([]byte(text), &o.Object))
		objects = append(objects, o)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := answerKinds(r, objects, resources)
		if answer == forbidden {
			answer = apierrors.NewForbidden(schema.GroupResource{Resource: r.URL.Path}, "", errors.New("who asks may not list it")).Status()
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
		}
		if answer == nil {
			http.Error(w, r.Method+" "+r.URL.Path+" is not there", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			ts.Logf("answer: %v", err)
		}
	}))
	ts.Defer(server.Close)
	writeKubeconfig(ts, args[0], server)
}

// forbidden is the answer to who may not ask.
var forbidden = any("forbidden")

// answerKinds gives what is served at a path; nil for nothing.
func answerKinds(r *http.Request, objects []unstructured.Unstructured, resources map[string]string) any {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/apis/"), "/")
	if r.Method != http.MethodGet || len(parts) < 2 {
		return nil
	}
	group, parts := path.Join(parts[:2]...), parts[2:]
	namespace := ""
	if len(parts) > 1 && parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}
	if len(parts) == 0 {
		known := metav1.APIResourceList{GroupVersion: group}
		for kind, resource := range resources {
			if name, ok := strings.CutPrefix(kind, group+"/"); ok {
				known.APIResources = append(known.APIResources, metav1.APIResource{
					Name: strings.Trim(resource, "/!"), Kind: name, Namespaced: !strings.HasPrefix(resource, "/"),
				})
			}
		}
		if len(known.APIResources) == 0 {
			return nil
		}
		return known
	}
	if slices.Contains(slices.Collect(maps.Values(resources)), "!"+parts[0]) {
		return forbidden
	}
	found := slices.DeleteFunc(slices.Clone(objects), func(o unstructured.Unstructured) bool {
		resource := resources[o.GetAPIVersion()+"/"+o.GetKind()]
		return o.GetAPIVersion() != group || strings.TrimPrefix(resource, "/") != parts[0] || namespace != "" && o.GetNamespace() != namespace
	})
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	to, more := min(from+2, len(found)), ""
	if to < len(found) {
		more = strconv.Itoa(to)
	}
	items := []any{}
	for _, o := range found[from:to] {
		items = append(items, o.Object)
	}
	return map[string]any{"apiVersion": group, "kind": "List", "metadata": map[string]any{"continue": more}, "items": items}
}

// writeKubeconfig writes how a server is reached.
func writeKubeconfig(ts *testscript.TestScript, name string, server *httptest.Server) {
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL, CertificateAuthorityData: authority(server)}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: "script"}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	ts.Check(os.MkdirAll(ts.MkAbs("shards"), 0o700))
	ts.Check(clientcmd.WriteToFile(*config, ts.MkAbs(filepath.Join("shards", name+".kubeconfig"))))
}

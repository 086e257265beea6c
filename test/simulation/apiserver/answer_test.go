package apiserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"
)

type object = map[string]any

// answer is what a server says.
type answer struct {
	code   int
	object object
	text   string
}

func (a answer) reason() string  { r, _ := a.object["reason"].(string); return r }
func (a answer) meta() object    { m, _ := a.object["metadata"].(object); return m }
func (a answer) version() string { v, _ := a.meta()["resourceVersion"].(string); return v }
func (a answer) uid() string     { v, _ := a.meta()["uid"].(string); return v }

func (a answer) generation() int {
	g, _ := a.meta()["generation"].(float64)
	return int(g)
}

func (a answer) details() object { d, _ := a.object["details"].(object); return d }

// causes are what a refusal names: type and field of each. Real servers name some twice.
func (a answer) causes() (all []string) {
	causes, _ := a.details()["causes"].([]any)
	for _, c := range causes {
		c := c.(object)
		text, _ := c["reason"].(string)
		if field, ok := c["field"].(string); ok {
			text += " " + field
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// managers are the entries of managedFields: who, how, of what, and the fields.
func (a answer) managers() map[string]string {
	all := map[string]string{}
	entries, _ := a.meta()["managedFields"].([]any)
	for _, e := range entries {
		e := e.(object)
		name := fmt.Sprint(e["manager"], " ", e["operation"])
		if e["subresource"] != nil {
			name += fmt.Sprint(" ", e["subresource"])
		}
		fields, err := json.Marshal(e["fieldsV1"])
		if err != nil {
			panic(err)
		}
		all[name] = string(fields)
	}
	return all
}

// has gives a field of the answer, by its path.
func (a answer) has(path ...string) any {
	var value any = a.object
	for _, name := range path {
		inner, _ := value.(object)
		value = inner[name]
	}
	return value
}

// asks of a request.
const (
	asApply     = "application/apply-patch+yaml"
	asMerge     = "application/merge-patch+json"
	asStrategic = "application/strategic-merge-patch+json"
	asJSONPatch = "application/json-patch+json"
	brief       = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
	briefList   = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
)

// do sends a request. A PATCH is of the type that stands before its path: "merge:/api…".
func (w *world) do(method, path string, body any) answer {
	w.Helper()
	return w.accept(method, path, "application/json", body)
}

func (w *world) accept(method, path, accept string, body any) answer {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	r := w.request(ctx, method, path, body)
	r.Header.Set("Accept", accept)
	response, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	a := answer{code: response.StatusCode, text: string(content)}
	_ = json.Unmarshal(content, &a.object) // some answers are plain text
	return a
}

func (w *world) request(ctx context.Context, method, path string, body any) *http.Request {
	w.Helper()
	how := "application/json"
	for name, mediaType := range map[string]string{"apply:": asApply, "merge:": asMerge, "strategic:": asStrategic, "json:": asJSONPatch} {
		if rest, ok := strings.CutPrefix(path, name); ok {
			how, path = mediaType, rest
		}
	}
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			w.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, w.cfg.Host+path, bytes.NewReader(content))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", how)
	r.Header.Set("User-Agent", "test/1")
	return r
}

func (w *world) get(path string) answer         { w.Helper(); return w.do(http.MethodGet, path, nil) }
func (w *world) post(path string, o any) answer { w.Helper(); return w.do(http.MethodPost, path, o) }
func (w *world) put(path string, o any) answer  { w.Helper(); return w.do(http.MethodPut, path, o) }
func (w *world) merge(path string, o any) answer {
	w.Helper()
	return w.do(http.MethodPatch, "merge:"+path, o)
}
func (w *world) remove(path string, o any) answer {
	w.Helper()
	return w.do(http.MethodDelete, path, o)
}
func (w *world) apply(by, path string, o any) answer {
	w.Helper()
	return w.do(http.MethodPatch, "apply:"+path+"?fieldManager="+by, o)
}

func (w *world) force(by, path string, o any) answer {
	w.Helper()
	return w.do(http.MethodPatch, "apply:"+path+"?force=true&fieldManager="+by, o)
}

// ok wants an answer to be a success.
func (w *world) ok(a answer) answer {
	w.Helper()
	if a.code >= 300 {
		w.Fatalf("%d %s", a.code, a.text)
	}
	return a
}

// refused wants an answer to be this refusal.
func (w *world) refused(a answer, code int, reason string, causes ...string) answer {
	w.Helper()
	if a.code != code || a.reason() != reason {
		w.Errorf("want %d %s, got %d %s", code, reason, a.code, a.text)
	}
	if diff := cmp.Diff(causes, a.causes()); diff != "" {
		w.Errorf("causes (-want +got):\n%s\n%s", diff, a.text)
	}
	return a
}

// same wants two values to be equal.
func (w *world) same(what string, want, got any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var spaces atomic.Int64

// space makes a namespace of the scenario's own.
func (w *world) space() string {
	w.Helper()
	name := fmt.Sprintf("conformance-%d", spaces.Add(1))
	w.ok(w.post("/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}}))
	return name
}

// kindPath is the path of a kind in a namespace.
func kindPath(version, ns, plural string) string {
	root := "/apis/"
	if version == "v1" {
		root = "/api/"
	}
	return root + version + "/namespaces/" + ns + "/" + plural
}

// made is an object to be sent.
func made(version, kind, name string, parts object) object {
	o := object{"apiVersion": version, "kind": kind, "metadata": object{"name": name}}
	for k, v := range parts {
		if meta, ok := v.(object); ok && k == "metadata" {
			for k, v := range meta {
				o["metadata"].(object)[k] = v
			}
			continue
		}
		o[k] = v
	}
	return o
}

func configMap(name string, data object) object {
	return made("v1", "ConfigMap", name, object{"data": data})
}

func labelled(o object, labels object) object {
	meta := object{}
	for k, v := range o["metadata"].(object) {
		meta[k] = v
	}
	meta["labels"] = labels
	next := object{}
	for k, v := range o {
		next[k] = v
	}
	next["metadata"] = meta
	return next
}

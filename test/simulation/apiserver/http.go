package apiserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// Refusal is an answer other than success.
type Refusal struct {
	Code int
	Body []byte
}

// errNoPath: nothing is served there.
var errNoPath = errors.New("404 page not found")

// noResource: a group and version of the server's own has no such resource.
func noResource() error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
		Message: "the server could not find the requested resource", Details: &metav1.StatusDetails{},
	}}
}

func refusal(err error) *Refusal {
	if errors.Is(err, errNoPath) {
		return &Refusal{http.StatusNotFound, []byte(errNoPath.Error() + "\n")}
	}
	body := statusOf(err)
	return &Refusal{int(body.Code), encode(body)}
}

// statusOf says an error as API servers do: one that they did not expect as it is.
func statusOf(err error) metav1.Status {
	body := metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: err.Error()}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		body = status.Status()
	}
	body.Kind, body.APIVersion = "Status", "v1"
	return body
}

// route is where a request goes.
type route struct {
	kind                         *kind
	namespace, name, subresource string
}

// route reads a path of objects.
func (s *Server) route(path string) (route, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var r route
	var key resourceKey
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		key.version, parts = parts[1], parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		key.group, key.version, parts = parts[1], parts[2], parts[3:]
	default:
		return r, errNoPath
	}
	if len(parts) >= 3 && parts[0] == "namespaces" && !(key.group == "" && (parts[2] == "status" || parts[2] == "finalize")) {
		r.namespace, parts = parts[1], parts[2:]
	}
	key.resource = parts[0]
	r.kind = s.byResource[key]
	if r.kind == nil {
		if same := s.versions[schema.GroupVersion{Group: key.group, Version: key.version}.String()]; len(same) > 0 && !same[0].custom {
			return r, noResource()
		}
		return r, errNoPath
	}
	if len(parts) > 3 || r.kind.Namespaced && r.namespace == "" && len(parts) > 1 || !r.kind.Namespaced && r.namespace != "" {
		return r, errNoPath
	}
	if len(parts) > 1 {
		r.name = parts[1]
	}
	if len(parts) > 2 {
		if r.subresource = parts[2]; r.subresource != "status" || !r.kind.Status {
			if r.kind.custom {
				return r, errNoPath
			}
			return r, noResource()
		}
	}
	return r, nil
}

// ServeHTTP answers any request but a watch.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, body, err := s.answer(r)
	if err != nil {
		no := refusal(err)
		code, body = no.Code, no.Body
		if status := apierrors.APIStatus(nil); errors.As(err, &status) {
			if d := status.Status().Details; d != nil && d.RetryAfterSeconds > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
			}
		}
	}
	kind := "application/json"
	if errors.Is(err, errNoPath) {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func (s *Server) answer(r *http.Request) (code int, body []byte, err error) {
	if body, ok := s.document(r); ok {
		return http.StatusOK, body, nil
	}
	to, err := s.route(r.URL.Path)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case r.Method == http.MethodGet && to.name == "":
		sel, err := selected(r, to.kind, to.namespace)
		if err != nil {
			return 0, nil, err
		}
		body, err := s.list(sel, r.URL.Query())
		return http.StatusOK, body, err
	case r.Method == http.MethodGet:
		st := to.kind.get(to.namespace, to.name)
		if st == nil {
			return 0, nil, apierrors.NewNotFound(to.kind.group, to.name)
		}
		return http.StatusOK, sent(r, st), nil
	}
	return s.write(r, to)
}

func sent(r *http.Request, st *stored) []byte {
	if wantsMetadata(r) {
		return st.metadata()
	}
	return st.json()
}

// document answers what is about kinds, not objects.
func (s *Server) document(r *http.Request) ([]byte, bool) {
	if r.Method != http.MethodGet {
		return nil, false
	}
	switch path := strings.TrimSuffix(r.URL.Path, "/"); {
	case path == "/version":
		return []byte(`{"major":"1","minor":"36","gitVersion":"v1.36.3","platform":"linux/amd64"}`), true
	case path == "/api":
		return []byte(`{"kind":"APIVersions","versions":["v1"]}`), true
	case path == "/apis":
		return s.groups(), true
	case path == "/openapi/v3":
		return s.openAPIIndex(), true
	case strings.HasPrefix(path, "/openapi/v3/"):
		for apiVersion := range s.versions {
			if gv, _ := schema.ParseGroupVersion(apiVersion); "/openapi/v3/"+documentPath(gv) == path {
				body := document(gv)
				return body, body != nil
			}
		}
	case path == "/api/v1":
		return s.resources("v1"), true
	default:
		apiVersion, ok := strings.CutPrefix(path, "/apis/")
		if ok && strings.Contains(apiVersion, "/") && s.versions[apiVersion] != nil {
			return s.resources(apiVersion), true
		}
	}
	return nil, false
}

// write answers a request that changes something.
func (s *Server) write(r *http.Request, to route) (code int, body []byte, err error) {
	query := r.URL.Query()
	w := write{
		kind: to.kind, subresource: to.subresource, namespace: to.namespace, name: to.name,
		manager: query.Get("fieldManager"), dry: query.Get("dryRun") == metav1.DryRunAll,
	}
	if w.manager == "" {
		w.manager, _, _ = strings.Cut(r.UserAgent(), "/")
	}
	content := []byte(nil)
	if r.Body != nil {
		if content, err = io.ReadAll(r.Body); err != nil {
			return 0, nil, apierrors.NewBadRequest(err.Error())
		}
	}
	var st *stored
	created := false
	switch {
	case r.Method == http.MethodPost && w.name == "":
		w.verb, created = "create", true
		var o Object
		if o, err = decode(r, content); err == nil {
			w.name = s.nameOf(&o)
			st, err = s.create(w, o)
		}
	case r.Method == http.MethodPut && w.name != "":
		w.verb = "update"
		var o Object
		if o, err = decode(r, content); err == nil {
			st, created, err = s.update(w, o)
		}
	case r.Method == http.MethodPatch && w.name != "":
		st, created, err = s.patch(r, w, content)
	case r.Method == http.MethodDelete && w.name != "":
		w.verb = "delete"
		return s.answerDelete(r, w, content)
	default:
		return 0, nil, apierrors.NewMethodNotSupported(to.kind.group, strings.ToLower(r.Method))
	}
	if err != nil {
		return 0, nil, err
	}
	if created {
		return http.StatusCreated, sent(r, st), nil
	}
	return http.StatusOK, sent(r, st), nil
}

// nameOf is the name of an object to be created, made when only the beginning is given.
func (s *Server) nameOf(o *Object) string {
	meta := metaOf(*o)
	if name := textOf(meta, "name"); name != "" {
		return name
	}
	prefix := textOf(meta, "generateName")
	if prefix == "" {
		return ""
	}
	name := fmt.Sprintf("%s%05x", prefix, s.random.Uint32()&0xfffff)
	*o = set(*o, name, "metadata", "name")
	return name
}

// decode reads an object that was sent: as JSON, or as generated clients may send it.
func decode(r *http.Request, content []byte) (Object, error) {
	if strings.Contains(r.Header.Get("Content-Type"), "protobuf") {
		typed, gvk, err := scheme.Codecs.UniversalDeserializer().Decode(content, nil, nil)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return set(set(o, gvk.Kind, "kind"), gvk.GroupVersion().String(), "apiVersion"), nil
	}
	o := Object{}
	if err := kjson.Unmarshal(content, &o); err != nil {
		return nil, apierrors.NewBadRequest("the object provided is unrecognized: " + err.Error())
	}
	return o, nil
}

// patch answers a patch.
func (s *Server) patch(r *http.Request, w write, content []byte) (st *stored, created bool, err error) {
	name, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if types.PatchType(name) == types.ApplyYAMLPatchType {
		w.verb = "apply"
		o := Object{}
		if !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
			if content, err = yaml.YAMLToJSON(content); err != nil {
				return nil, false, apierrors.NewBadRequest("error decoding YAML: " + err.Error())
			}
		}
		if err := kjson.Unmarshal(content, &o); err != nil {
			return nil, false, apierrors.NewBadRequest("error decoding YAML: " + err.Error())
		}
		if r.URL.Query().Get("fieldManager") == "" {
			return nil, false, needsManager()
		}
		force, _ := strconv.ParseBool(r.URL.Query().Get("force"))
		return s.apply(w, o, force)
	}
	w.verb = "patch"
	was := w.kind.get(w.namespace, w.name)
	if was == nil {
		return nil, false, w.notFound()
	}
	next, err := patched(w.kind, types.PatchType(name), was.entire(), content)
	if err != nil {
		return nil, false, err
	}
	if next, err = w.read(next); err != nil {
		return nil, false, err
	}
	st, err = s.replace(w, was, next)
	return st, false, err
}

// answerDelete answers a delete.
func (s *Server) answerDelete(r *http.Request, w write, content []byte) (code int, body []byte, err error) {
	var options metav1.DeleteOptions
	switch {
	case len(content) == 0:
	case strings.Contains(r.Header.Get("Content-Type"), "protobuf"):
		_, _, err = scheme.Codecs.UniversalDeserializer().Decode(content, nil, &options)
	default:
		err = json.Unmarshal(content, &options)
	}
	if err != nil {
		return 0, nil, apierrors.NewBadRequest(err.Error())
	}
	if len(content) > 0 { // then nothing else counts
		w.dry = len(options.DryRun) > 0
	}
	st, gone, err := s.remove(w, options)
	if err != nil {
		return 0, nil, err
	}
	if !gone || w.kind.rules.returned {
		return http.StatusOK, sent(r, st), nil
	}
	details := Object{"name": w.name, "kind": w.kind.Resource, "uid": textOf(metaOf(st.content), "uid")}
	if w.kind.Group != "" {
		details["group"] = w.kind.Group
	}
	return http.StatusOK, encode(Object{"kind": "Status", "apiVersion": "v1", "metadata": Object{}, "status": "Success", "details": details}), nil
}

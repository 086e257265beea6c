package shard

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/render"
)

// scripted is a shard that gives one object, and says what would become of it.
type scripted struct {
	live, become *unstructured.Unstructured
	sent         *unstructured.Unstructured
}

func (s *scripted) do(_ context.Context, r call) (*unstructured.Unstructured, int, error) {
	if r.verb == http.MethodPatch {
		s.sent = &unstructured.Unstructured{}
		return s.become.DeepCopy(), http.StatusOK, s.sent.UnmarshalJSON(r.body)
	}
	if s.live == nil {
		err := apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, r.id.Name)
		return nil, http.StatusNotFound, err
	}
	return s.live.DeepCopy(), http.StatusOK, nil
}

// ours is an object as a shard gives it, owned by the uid "u".
func ours(t *testing.T, kind, content string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(content), &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetAPIVersion("v1")
	u.SetKind(kind)
	u.SetNamespace("n")
	u.SetName("x")
	if u.GetResourceVersion() == "" {
		u.SetResourceVersion("1")
	}
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[render.LabelUID] = "u"
	u.SetLabels(labels)
	annotate(u, render.AnnotationObject, kind+"/n/x")
	if len(u.GetManagedFields()) == 0 {
		fields := `{"f:metadata":{"f:labels":{"f:` + render.LabelUID + `":{}}}}`
		u.SetManagedFields([]metav1.ManagedFieldsEntry{{
			Manager: render.FieldManager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
		}})
	}
	return u
}

func compared(t *testing.T, kind, live, become string) Difference {
	t.Helper()
	s := &scripted{live: ours(t, kind, live), become: ours(t, kind, become)}
	id := render.ObjectID{Version: "v1", Kind: kind, Namespace: "n", Name: "x"}
	return (&Viewer{}).diff(t.Context(), &question{shard: s, owner: render.Owner{UID: "u"}, id: id}, ours(t, kind, become).Object)
}

func TestChanges(t *testing.T) {
	tests := []struct {
		name, reason string
		live, become string
		want         []Change
	}{
		{
			name: "noise", reason: "what the server keeps is nobody's declaration",
			live:   "metadata: {uid: a, resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z'}\nstatus: {ready: 1}",
			become: "metadata: {uid: a, resourceVersion: '2', generation: 2}\nstatus: {ready: 2}",
		},
		{
			name: "value", reason: "the field and both values", live: "spec: {replicas: 3}", become: "spec: {replicas: 1}",
			want: []Change{{"spec.replicas", 3.0, 1.0}},
		},
		{
			name: "absent", reason: "what is not there is nothing", live: "data: {a: x}", become: "data: {b: z}",
			want: []Change{{"data.a", "x", nil}, {"data.b", nil, "z"}},
		},
		{
			name: "dots", reason: "keys with dots and what pointers escape stay whole", live: "metadata: {annotations: {a.b/c~d: x}}", become: "metadata: {annotations: {a.b/c~d: z}}",
			want: []Change{{"metadata.annotations[a.b/c~d]", "x", "z"}},
		},
		{
			name: "metadata", reason: "of metadata what is removed counts, and more than labels and annotations",
			live: "metadata: {labels: {a: x}, finalizers: [keep], ownerReferences: [{name: a, uid: b}]}", become: "metadata: {labels: {b: z}}",
			want: []Change{
				{"metadata.finalizers", []any{"keep"}, nil}, {"metadata.labels.a", "x", nil}, {"metadata.labels.b", nil, "z"},
				{"metadata.ownerReferences", []any{map[string]any{"name": "a", "uid": "b"}}, nil},
			},
		},
		{
			name: "items", reason: "items are told apart by their names, wherever they stand",
			live:   "spec: {containers: [{name: a, image: one}, {name: b, image: two}]}",
			become: "spec: {containers: [{name: b, image: three}, {name: a, image: one}]}",
			want:   []Change{{"spec.containers[name=b].image", "two", "three"}},
		},
		{
			name: "new items", reason: "one that comes or goes changes no other",
			live:   "spec: {containers: [{name: a, env: [{name: x, value: one}]}, {name: b}]}",
			become: "spec: {containers: [{name: c}, {name: a, env: [{name: w}, {name: x, value: two}]}, {name: d}]}",
			want: []Change{
				{"spec.containers[name=a].env[name=x].value", "one", "two"}, {"spec.containers[name=a].env[name=w]", nil, map[string]any{"name": "w"}},
				{"spec.containers[name=b]", map[string]any{"name": "b"}, nil},
				{"spec.containers[name=c]", nil, map[string]any{"name": "c"}}, {"spec.containers[name=d]", nil, map[string]any{"name": "d"}},
			},
		},
		{
			name: "lists", reason: "items of other lists are told apart by their places",
			live: "spec: {a: [{args: [a, b, c, d]}], b: [x]}", become: "spec: {a: [{args: [a, e]}], b: [x, v, w]}",
			want: []Change{
				{"spec.a[0].args[2]", "c", nil}, {"spec.a[0].args[3]", "d", nil}, {"spec.a[0].args[1]", "b", "e"},
				{"spec.b[1]", nil, "v"}, {"spec.b[2]", nil, "w"},
			},
		},
		{
			name: "twins", reason: "names that are there twice tell nothing apart",
			live: "spec: {ports: [{name: a, port: 1}, {name: a, port: 2}]}", become: "spec: {ports: [{name: a, port: 3}]}",
			want: []Change{{"spec.ports[1]", map[string]any{"name": "a", "port": 2.0}, nil}, {"spec.ports[0].port", 1.0, 3.0}},
		},
		{
			name: "shape", reason: "a value may become of another shape", live: "spec: {a: {b: c}}", become: "spec: {a: [b]}",
			want: []Change{{"spec.a", map[string]any{"b": "c"}, []any{"b"}}},
		},
		{
			name: "empty", reason: "an empty list has names as good as any", live: "spec: {a: [], b: []}", become: "spec: {a: [{name: x}], b: [v]}",
			want: []Change{{"spec.a[name=x]", nil, map[string]any{"name": "x"}}, {"spec.b[0]", nil, "v"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, compared(t, "Thing", tt.live, tt.become).Changes); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// What jsondiff itself leaves of a Secret is not enough: it masks data and stringData,
// and nothing else that quotes them.
func TestNothingOfASecretIsShown(t *testing.T) {
	const quoted = "metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"stringData\":{\"a\":\"SECRET\"}}'}}\n"
	tests := []struct {
		name, live, become string
		fields             []string
	}{
		{"value", "data: {a: SECRET1}", "data: {a: SECRET2}", []string{"data.a"}},
		{"new", "data: {a: SECRET}", "data: {a: SECRET, b: SECRET}", []string{"data.b"}},
		{"all", "data: {a: SECRET, b: SECRET}", "{}", []string{"data"}},
		{"first", "{}", "data: {a: SECRET}", []string{"data"}},
		{"emptied", "data: null", "data: {a: SECRET}", []string{"data"}},
		{"text", "stringData: {a: SECRET1}", "stringData: {a: SECRET2, b: SECRET}", []string{"stringData.a", "stringData.b"}},
		{"annotation", quoted, "{}", []string{"metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]"}},
		{"annotated", "{}", quoted, []string{"metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]"}},
		{"unheard of", "more: [SECRET1]", "more: [SECRET2]", []string{"more[0]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := compared(t, "Secret", tt.live, tt.become)
			var fields []string
			for _, c := range d.Changes {
				fields = append(fields, c.Field)
				for _, v := range []any{c.From, c.To} {
					if v != nil && v != Hidden {
						t.Errorf("%s shows %v", c.Field, v)
					}
				}
			}
			if diff := cmp.Diff(tt.fields, fields); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The dry run is about the very object that was read, and about no other's.
func TestQuestion(t *testing.T) {
	id := render.ObjectID{Version: "v1", Kind: "Thing", Namespace: "n", Name: "x"}
	ask := func(s *scripted, owner string) Difference {
		return (&Viewer{}).diff(t.Context(), &question{shard: s, owner: render.Owner{UID: owner}, id: id}, ours(t, "Thing", "metadata: {annotations: {tenantry.io/digest: new}}").Object)
	}
	live := ours(t, "Thing", "metadata: {uid: a, annotations: {tenantry.io/digest: old, tenantry.io/epoch: '7', tenantry.io/fields: f}}")
	s := &scripted{live: live, become: live}
	if d := ask(s, "u"); d.Action != "" {
		t.Errorf("as it is it differs: %+v", d)
	}
	want := map[string]string{render.AnnotationDigest: "old", render.AnnotationEpoch: "7", render.AnnotationFields: "f", render.AnnotationObject: "Thing/n/x"}
	if diff := cmp.Diff(want, s.sent.GetAnnotations()); diff != "" || s.sent.GetUID() != "a" {
		t.Errorf("uid %q is asked about (-want +got):\n%s", s.sent.GetUID(), diff)
	}
	s = &scripted{live: live, become: live}
	if d := ask(s, "another"); d.Action != Foreign || s.sent != nil {
		t.Errorf("another's object is %+v, %v was sent", d, s.sent)
	}
	s = &scripted{become: ours(t, "Thing", "spec: {a: b}")} // made since it was looked for
	if d := ask(s, "u"); d.Action != Missing || s.sent == nil || s.sent.GetUID() != "" {
		t.Errorf("what was missing is %+v, %v was sent", d, s.sent)
	}
	s.become.SetResourceVersion("")
	if d := ask(s, "u"); d.Action != Missing {
		t.Errorf("a missing object is %+v", d)
	}
}

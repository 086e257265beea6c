package shard_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

const (
	certificates = "cert-manager.io/v1/Certificate"
	shapeless    = "drift.tenantry.io/v1/Shapeless"
	deployments  = "apps/v1/Deployment"
)

// drifting is an object of a kind, and what people do to it.
type drifting struct {
	name, reason string
	resource     string
	id           render.ObjectID
	body         string // YAML
	// same sets what is set already; extra adds a field that is not ours; value
	// changes one of ours, field by its name; removed removes one. All merge patches,
	// or JSON patches when they are lists.
	same, extra, value, field, removed string
}

var driftings = []drifting{
	{
		name: "ConfigMap", reason: "it has no generation that would tell", resource: "configmaps",
		id:   render.ObjectID{Version: "v1", Kind: "ConfigMap"},
		body: "data: {a: one, b: two}",
		same: `{"data":{"a":"one"}}`, extra: `{"data":{"c":"theirs"}}`,
		value: `{"data":{"a":"theirs"}}`, field: "data.a", removed: `{"data":{"b":null}}`,
	},
	{
		name: "Secret", reason: "its content is not looked at", resource: "secrets",
		id:   render.ObjectID{Version: "v1", Kind: "Secret"},
		body: "type: Opaque\ndata: {password: b25l, user: dHdv}",
		same: `{"data":{"password":"b25l"}}`, extra: `{"data":{"c":"dHdv"}}`,
		value: `{"data":{"password":"c2VjcmV0"}}`, field: "data.password", removed: `{"data":{"user":null}}`,
	},
	{
		name: "Deployment", reason: "its lists have keys, one of them by default", resource: "deployments",
		id: render.ObjectID{Group: "apps", Version: "v1", Kind: "Deployment"},
		body: `
spec:
  replicas: 0
  selector: {matchLabels: {app: x}}
  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}
  template:
    metadata: {labels: {app: x}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: api
          image: example.org/api:v1
          args: [--a=1, --b=2]
          env:
            - {name: LEVEL, value: info}
            - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
          ports: [{name: https, containerPort: 6443}, {containerPort: 53, protocol: UDP}]
          resources: {requests: {cpu: 100m, memory: 1Gi}}
          securityContext: {}
          volumeMounts: [{name: tls, mountPath: /tls, readOnly: true}]
        - {name: scheduler, image: example.org/scheduler:v1}
      volumes: [{name: tls, projected: {sources: [{secret: {name: tls}}]}}]
`,
		same:  `{"spec":{"template":{"spec":{"automountServiceAccountToken":false}}}}`,
		extra: `{"spec":{"minReadySeconds":7}}`,
		value: `[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["--theirs"]}]`, field: `spec.template.spec.containers[name="api"].args`,
		removed: `[{"op":"remove","path":"/spec/template/spec/containers/0/env/0"}]`,
	},
	{
		name: "Service", reason: "the server fills much of it in", resource: "services",
		id:   render.ObjectID{Version: "v1", Kind: "Service"},
		body: "spec: {type: ClusterIP, selector: {app: x}, ports: [{name: https, port: 6443, targetPort: https}]}",
		same: `{"spec":{"type":"ClusterIP"}}`, extra: `{"spec":{"sessionAffinity":"ClientIP"}}`,
		value: `{"spec":{"selector":{"app":"theirs"}}}`, field: "spec.selector",
		removed: `{"spec":{"selector":null}}`,
	},
	{
		name: "Certificate", reason: "a custom resource has its own schema", resource: "certificates",
		id: render.ObjectID{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"},
		body: `
spec:
  commonName: x
  secretName: x-tls
  duration: 8760h
  usages: [server auth, client auth]
  dnsNames: [a.example.org, b.example.org]
  privateKey: {algorithm: ECDSA, rotationPolicy: Never}
  issuerRef: {name: ca, kind: Issuer}
  secretTemplate: {labels: {tenantry.io/tenant: x}}
`,
		same: `{"spec":{"commonName":"x"}}`, extra: `{"spec":{"isCA":true}}`,
		value: `{"spec":{"dnsNames":["theirs.example.org"]}}`, field: "spec.dnsNames", removed: `{"spec":{"duration":null}}`,
	},
	{
		name: "Shapeless", reason: "what has no schema is taken as it looks", resource: "shapelesses",
		id:   render.ObjectID{Group: "drift.tenantry.io", Version: "v1", Kind: "Shapeless"},
		body: "spec: {list: [{a: 1}, 2, x], map: {deep: {er: true}}, float: 1.5, int: 7}",
		same: `{"spec":{"float":1.5}}`, extra: `{"spec":{"map":{"theirs":1}}}`,
		value: `{"spec":{"map":{"deep":{"er":false}}}}`, field: "spec.map.deep.er", removed: `{"spec":{"list":null}}`,
	},
}

func (d drifting) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: d.id.Group, Version: d.id.Version, Resource: d.resource}
}

// kinds serves what the objects are of, once for all tests.
func kinds(t *testing.T, client dynamic.Interface) {
	t.Helper()
	file, err := os.ReadFile("../../test/devcluster/certmanager/crds/cert-manager.io_certificates.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range []string{string(file), `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shapelesses.drift.tenantry.io}
spec:
  group: drift.tenantry.io
  scope: Namespaced
  names: {plural: shapelesses, singular: shapeless, kind: Shapeless}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`} {
		content, err := yaml.YAMLToJSON([]byte(crd))
		if err != nil {
			t.Fatal(err)
		}
		crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(content); err != nil {
			t.Fatal(err)
		}
		if _, err := crds.Patch(t.Context(), u.GetName(), types.ApplyPatchType, content, metav1.PatchOptions{FieldManager: "test"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDriftIsSeenAndHealedByOneWrite(t *testing.T) {
	e, r := tripping(t)
	client, err := dynamic.NewForConfig(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	kinds(t, client)
	e.watch([]string{configMaps, secrets, deployments, "v1/Service", certificates, shapeless}, deployments)
	e.until("all kinds", func() bool { return len(last[core.Synced](e).Unknown) == 0 })
	owner, ns := e.tenant("acme")
	for _, d := range driftings {
		t.Run(d.name, func(t *testing.T) {
			var body map[string]any
			if err := yaml.Unmarshal([]byte(d.body), &body); err != nil {
				t.Fatal(err)
			}
			id := d.id
			id.Namespace, id.Name = ns, "x"
			object := rendered(t, owner, id, body)
			resource := client.Resource(d.gvr()).Namespace(ns)
			// people change it in the name of a manager of their own.
			change := func(patch string, manager string) *unstructured.Unstructured {
				t.Helper()
				kind := types.MergePatchType
				if strings.HasPrefix(patch, "[") {
					kind = types.JSONPatchType
				}
				u, err := resource.Patch(t.Context(), "x", kind, []byte(patch), metav1.PatchOptions{FieldManager: manager})
				if err != nil {
					t.Fatal(err)
				}
				return u
			}
			seen := func(what string, u *unstructured.Unstructured, drifted bool) {
				t.Helper()
				e.until(what, func() bool { // controllers write statuses meanwhile
					o := e.objects[id.String()]
					newer, err := resourceversion.CompareResourceVersion(o.ResourceVersion, u.GetResourceVersion())
					return err == nil && newer >= 0
				})
				if o := e.seen(id); o.Drifted != drifted || !o.Owned() {
					t.Errorf("%s: reported as %+v, want drifted %t (%s)", what, o, drifted, d.reason)
				}
			}
			patches(r)
			e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
			made := e.seen(id)
			if made.Drifted || !made.Owned() {
				t.Fatalf("just written: %+v (%s)", made, d.reason)
			}
			if n := patches(r); n != 1 {
				t.Errorf("it took %d writes to make it: its fields were not computed (%s)", n, d.reason)
			}
			if u := change(d.same, "same"); strings.Contains(fmt.Sprint(u.GetManagedFields()), "same") {
				t.Error("the same value was a write")
			}
			seen("a field that is not ours", change(d.extra, "extra"), false)

			heal := func(what, field, rival string) {
				t.Helper()
				patches(r)
				before := e.seen(id)
				healed := e.heal(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object, UID: made.UID, Heals: true}}})
				if len(healed) != 1 || healed[0].ID != id || healed[0].Rival != rival || healed[0].Digest != "0123" || field != "" && healed[0].Field != field {
					t.Errorf("%s: healed is %+v, want %s taken by %q", what, healed, field, rival)
				}
				if n := patches(r); n != 1 {
					t.Errorf("%s: it took %d writes", what, n)
				}
				after, err := resource.Get(t.Context(), "x", metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if o := e.seen(id); o.Drifted || o.ResourceVersion == before.ResourceVersion {
					t.Errorf("%s: after healing it is reported as %+v", what, o)
				}
				if text := fmt.Sprint(after.Object["data"], after.Object["spec"]); strings.Contains(text, "theirs.") || strings.Contains(text, "--theirs") || strings.Contains(text, "c2VjcmV0") {
					t.Errorf("%s: it is %s", what, text)
				}
			}
			seen("a value", change(d.value, "kubectl-edit"), true)
			heal("a value", d.field, "kubectl-edit (Update)")
			seen("a field removed", change(d.removed, "kubectl-edit"), true)
			heal("a field removed", "", "")

			patch := d.value
			if strings.HasPrefix(patch, "[") {
				patch = `{"spec":{"template":{"spec":{"containers":[{"name":"api","args":["--theirs"]}]}}}}`
			}
			theirs := map[string]any{}
			if err := yaml.Unmarshal([]byte(patch), &theirs); err != nil {
				t.Fatal(err)
			}
			theirs["apiVersion"], theirs["kind"] = strings.TrimPrefix(id.Group+"/"+id.Version, "/"), id.Kind
			theirs["metadata"] = map[string]any{"name": "x", "namespace": ns}
			u, err := resource.Apply(t.Context(), "x", &unstructured.Unstructured{Object: theirs}, metav1.ApplyOptions{FieldManager: "argo", Force: true})
			if err != nil {
				t.Fatal(err)
			}
			seen("applied by force", u, true)
			heal("applied by force", d.field, "argo (Apply)")
		})
	}
}

// patches counts the writes since it was asked last.
func patches(r *tripper) (n int) {
	r.set(func() { n = r.count[http.MethodPatch]; r.count[http.MethodPatch] = 0 })
	return n
}

// heal has work done, and gives what was healed.
func (e *edge) heal(w core.Work) []core.Healed {
	e.t.Helper()
	e.mustDo(w)
	e.mu.Lock()
	defer e.mu.Unlock()
	return last[core.Done](e).Healed
}

func TestDriftWhileNobodyLookedIsSeen(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	object, quiet := configMap(t, owner, ns, "settings", "one"), configMap(t, owner, ns, "quiet", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}, {Object: quiet}}})
	e.stop()
	maps := e.client.CoreV1().ConfigMaps(ns)
	if _, err := maps.Patch(t.Context(), "settings", types.MergePatchType, []byte(`{"data":{"key":"theirs"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	again := begin(t, e.cfg)
	again.watch([]string{configMaps})
	if o := again.seen(object.ID); o == nil || !o.Drifted || !o.Owned() {
		t.Errorf("what was changed meanwhile is reported as %+v", o)
	}
	if o := again.seen(quiet.ID); o == nil || o.Drifted {
		t.Errorf("what was not is reported as %+v", o)
	}
}

func TestAnObjectWithoutAMarkIsDrifted(t *testing.T) {
	e, r := tripping(t)
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	object := configMap(t, owner, ns, "settings", "one")
	// An older version of ours has written it.
	if _, err := e.client.CoreV1().ConfigMaps(ns).Patch(t.Context(), "settings", types.ApplyPatchType, object.JSON, metav1.PatchOptions{FieldManager: render.FieldManager}); err != nil {
		t.Fatal(err)
	}
	e.until("it is there", func() bool { return e.objects[object.ID.String()] != nil })
	o := e.seen(object.ID)
	if !o.Drifted || !o.Owned() {
		t.Fatalf("reported as %+v", o)
	}
	patches(r)
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object, UID: o.UID, Heals: true}}})
	if o := e.seen(object.ID); o.Drifted || patches(r) != 1 {
		t.Errorf("one write did not heal it: %+v", o)
	}
}

// A field manager who takes every field that can be taken leaves ours of the marks:
// an object whose marks are ours is still ours, and is healed. When even our entry
// is gone, somebody has edited managedFields: it is nobody's then.
func TestEverythingTaken(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	made := e.seen(object.ID)
	theirs := configMap(t, owner, ns, "settings", "theirs")
	if _, err := maps.Patch(t.Context(), "settings", types.ApplyPatchType, theirs.JSON, metav1.PatchOptions{FieldManager: "argo", Force: new(true)}); err != nil {
		t.Fatal(err)
	}
	e.until("it has drifted", func() bool { return e.objects[object.ID.String()].Drifted })
	if o := e.seen(object.ID); !o.Owned() {
		t.Errorf("a copy of it applied by somebody else makes it %+v", o)
	}
	healed := e.heal(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object, UID: made.UID, Heals: true}}})
	if len(healed) != 1 || healed[0].Field != "data.key" || healed[0].Rival != "argo (Apply)" {
		t.Errorf("healed is %+v", healed)
	}
	if _, err := maps.Patch(t.Context(), "settings", types.MergePatchType, []byte(`{"metadata":{"managedFields":[{}]}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("our entry is gone", func() bool { return !e.objects[object.ID.String()].Ours })
	if o := e.seen(object.ID); o.Owned() || o.Drifted {
		t.Errorf("without our entry it is %+v", o)
	}
}

// A label that somebody has changed gives an object to nobody: the tenant whose uid
// it is would take it for one that it wants no more, and remove it.
func TestLabelOfSomebodyElseProvesNothing(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	relabel := fmt.Sprintf(`{"metadata":{"labels":{%q:"uid-globex"}}}`, render.LabelUID)
	if _, err := e.client.CoreV1().ConfigMaps(ns).Patch(t.Context(), "settings", types.MergePatchType, []byte(relabel), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("the other label", func() bool { return e.objects[object.ID.String()].OwnerUID == "uid-globex" })
	if o := e.seen(object.ID); o.Owned() {
		t.Errorf("it is %+v", o)
	}
	if f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}}); len(f) != 1 || f[0].Reason != "Foreign" {
		t.Errorf("who had it gets %+v", f)
	}
}

// A server that gives no schema costs a second write, and no more.
func TestWithoutSchemaTheAnswerTells(t *testing.T) {
	e, r := tripping(t)
	r.set(func() { r.blind = true })
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	made := e.seen(object.ID)
	if made.Drifted || patches(r) != 2 {
		t.Errorf("reported as %+v", made)
	}
	if _, err := e.client.CoreV1().ConfigMaps(ns).Patch(t.Context(), "settings", types.MergePatchType, []byte(`{"data":{"key":"theirs"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
	e.until("it has drifted", func() bool { return e.objects[object.ID.String()].Drifted })
	healed := e.heal(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object, UID: made.UID, Heals: true}}})
	if len(healed) != 1 || healed[0].Rival != "kubectl-edit (Update)" || healed[0].Field != "data.key" {
		t.Errorf("healed is %+v", healed)
	}
	if o := e.seen(object.ID); o.Drifted {
		t.Errorf("reported as %+v", o)
	}
}

// What was read by its hash is not read again.
func TestSchemasAreKept(t *testing.T) {
	e, r := tripping(t)
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "a", "one")}, {Object: configMap(t, owner, ns, "b", "one")}}})
	var asked int
	r.set(func() { asked = r.schemas })
	if asked != 2 {
		t.Errorf("the server was asked %d times: want the index and one document", asked)
	}
	e.keeper.set(core.Lease{Identity: "this-cluster"})
	e.until("the end of the term", func() bool { return !last[core.Lease](e).Held })
	e.keeper.set(core.Lease{Held: true, Identity: "this-cluster"})
	e.until("the next term", func() bool { return last[core.Lease](e).Held })
	e.watch([]string{configMaps})
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "c", "one")}}})
	r.set(func() { asked = r.schemas })
	if asked != 3 {
		t.Errorf("with the next term the server was asked %d times in all: want the index once more", asked)
	}
}

package adoption_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/render/adoption"
)

type object = map[string]any

// shared is the renderer of all tests: reading the providers takes longer than they do.
var shared = sync.OnceValues(func() (*render.Renderer, error) { return render.New(render.Options{Image: "unused"}) })

func newRenderer(t testing.TB) *render.Renderer {
	t.Helper()
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// declared is a fleet with one shard, and further files.
func declared(files map[string][]byte) fstest.MapFS {
	all := fstest.MapFS{
		"fleet.yaml":       {Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nmetadata: {name: test}\n")},
		"shards/eu-1.yaml": {Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {domain: tenants.example.com}\n")},
	}
	for name, data := range files {
		all[name] = &fstest.MapFile{Data: data}
	}
	return all
}

// imported runs an import into a fleet that has these files.
func imported(t testing.TB, have map[string][]byte, objects ...object) *adoption.Result {
	t.Helper()
	return importedBeside(t, nil, have, objects...)
}

// importedBeside is imported where a ledger is known.
func importedBeside(t testing.TB, decided *ledger.Ledger, have map[string][]byte, objects ...object) *adoption.Result {
	t.Helper()
	r := newRenderer(t)
	load := func(files map[string][]byte) (*fleet.Fleet, fleet.Findings, error) {
		all := maps.Clone(have)
		if all == nil {
			all = map[string][]byte{}
		}
		maps.Copy(all, files)
		return (&fleet.Loader{Judge: r.JudgeProvider}).Load(declared(all))
	}
	f, findings, err := load(nil)
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	result, err := adoption.Run(r, adoption.Input{
		Shard: "eu-1", Team: "web", Objects: objects, Fleet: f, Decided: decided, Load: load, Schema: func(kind string) string { return "https://example.com/" + kind },
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// alive makes an object of a unit one that somebody applied by hand: without marks, and
// with a uid.
func alive(t testing.TB, data []byte) object {
	t.Helper()
	o := read(data)
	meta := o["metadata"].(object)
	for _, field := range []string{"labels", "annotations"} {
		pairs, _ := meta[field].(object)
		maps.DeleteFunc(pairs, func(key string, _ any) bool {
			return strings.HasPrefix(key, "tenantry.io/") || key == render.LabelManagedBy
		})
		if len(pairs) == 0 {
			delete(meta, field)
		}
	}
	meta["uid"] = "uid-" + meta["name"].(string) + "-" + strings.ToLower(o["kind"].(string))
	meta["resourceVersion"], meta["generation"] = "17", 2
	return o
}

// store is a DataStore as Kamaji knows it.
func store(name string) object {
	secret := func(key string) object {
		return object{"secretReference": object{"namespace": "data", "name": name, "keyPath": key}}
	}
	return object{
		"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "DataStore",
		"metadata": object{"name": name, "uid": "uid-" + name, "finalizers": []any{"finalizer.kamaji.clastix.io/datastore"}},
		"spec": object{
			"driver": "PostgreSQL", "endpoints": []any{"db.data.svc:5432"},
			"basicAuth": object{"username": secret("username"), "password": secret("password")},
		},
		"status": object{"ready": true},
	}
}

// examples are the tenants and datastores that the providers are tried with.
func examples(t *testing.T) map[string]*render.Example {
	t.Helper()
	out := map[string]*render.Example{}
	for _, provider := range []string{"kamaji", "cluster-api", "k0smotron"} {
		files, err := filepath.Glob("../providers/" + provider + "/testdata/*.input.yaml")
		if err != nil || len(files) == 0 {
			t.Fatal(provider, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in, findings := render.ReadExample(file, data)
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			if !in.Teardown && (in.Tenant == nil || in.Tenant.Lifecycle == "Living") {
				out[provider+"/"+path.Base(file)] = in
			}
		}
	}
	return out
}

// Whatever a provider renders can be imported, and is rendered again as it was.
func TestWhatIsRenderedIsImported(t *testing.T) {
	r := newRenderer(t)
	for name, in := range examples(t) {
		t.Run(name, func(t *testing.T) {
			unit, err := in.Unit(r)
			if err != nil {
				t.Fatal(err)
			}
			var objects []object
			for _, o := range unit.Objects {
				if o.ID.Kind != "Namespace" && o.ID.Group != "rbac.authorization.k8s.io" {
					objects = append(objects, ready(in, alive(t, o.JSON)))
				}
			}
			if in.Tenant != nil && in.Tenant.Placement.DataStore != "" {
				objects = append(objects, store(in.Tenant.Placement.DataStore))
			}
			result := imported(t, nil, objects...)
			for _, l := range result.Left {
				t.Errorf("left: %s %s: %s", l.Object, l.Field, l.Reason)
			}
			if len(result.Imported) == 0 {
				t.Fatal("nothing is imported")
			}
			if testing.Verbose() {
				for _, f := range sorted(result.Files) {
					t.Logf("%s\n%s", f, result.Files[f])
				}
			}
			same(t, r, result.Files, objects)
		})
	}
}

// ready is an object with what its controllers write, and import reads.
func ready(in *render.Example, o object) object {
	if in.Tenant == nil {
		return o
	}
	at := in.Tenant.Placement.Address + in.Tenant.Placement.Host
	spec, _ := o["spec"].(object)
	switch o["kind"].(string) + in.Provider() {
	case "TenantControlPlanekamaji":
		o["status"] = object{"controlPlaneEndpoint": at + ":6443", "storage": object{"setup": object{"schema": "s", "user": "u"}}}
	case "Clusterk0smotron":
		if spec["ingress"] == nil {
			spec["externalAddress"] = at
		}
		spec["certificateRefs"] = []any{object{"name": "x-ca", "type": "ca"}}
		spec["patches"] = harmless()
	}
	return o
}

// harmless are the patches that keep marks on a k0smotron Cluster out of selectors.
func harmless() []any {
	labels := "{app.kubernetes.io/managed-by: null, tenantry.io/tenant: null, tenantry.io/uid: null}"
	var out []any
	for _, component := range []string{"control-plane", "etcd"} {
		out = append(out,
			object{"target": object{"kind": "StatefulSet", "component": component}, "patch": object{
				"type":    "merge",
				"content": "spec:\n  selector: {matchLabels: " + labels + "}\n  template:\n    metadata:\n      labels: " + labels + "\n      annotations: {tenantry.io/digest: null, tenantry.io/epoch: null, tenantry.io/fields: null, tenantry.io/object: null}\n",
			}},
			object{"target": object{"kind": "Service", "component": component}, "patch": object{"type": "merge", "content": "spec: {selector: " + labels + "}"}})
	}
	return out
}

// same loads what was written and renders it, apart from what the import itself did, and
// compares what is wanted of each object.
func same(t *testing.T, r *render.Renderer, files map[string][]byte, objects []object) {
	t.Helper()
	f, findings, err := (&fleet.Loader{Judge: r.JudgeProvider}).Load(declared(files))
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	for _, class := range f.Classes {
		if err := r.Check(class, r.BaseFor(class)); err != nil {
			t.Errorf("class %s: %v", class.Metadata.Name, err)
		}
	}
	live := map[string]object{}
	for _, o := range objects {
		meta := o["metadata"].(object)
		live[fmt.Sprint(o["kind"], meta["namespace"], meta["name"])] = o
	}
	compared := 0
	compare := func(unit *render.Unit, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range unit.Objects {
			var namespace any
			if o.ID.Namespace != "" {
				namespace = o.ID.Namespace
			}
			was := live[fmt.Sprint(o.ID.Kind, namespace, o.ID.Name)]
			if was == nil {
				t.Errorf("%s is rendered, and was not live", o.ID)
				continue
			}
			if o.Adopts != was["metadata"].(object)["uid"] {
				t.Errorf("%s adopts %q", o.ID, o.Adopts)
			}
			compared++
			if diff := cmp.Diff(essence(was), essence(alive(t, o.JSON))); diff != "" {
				t.Errorf("%s is not what is live (-live +rendered):\n%s", o.ID, diff)
			}
		}
	}
	for _, d := range f.DataStores {
		compare(r.DataStore(storeInput(r, d)))
	}
	for _, tenant := range f.Tenants {
		compare(r.Tenant(tenantInput(r, f, tenant)))
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// essence is what of an object was said by a person.
func essence(o object) object {
	spec, _ := o["spec"].(object)
	spec = maps.Clone(spec)
	delete(spec, "externalAddress")
	delete(spec, "certificateRefs")
	meta := o["metadata"].(object)
	data, err := json.Marshal(object{"spec": spec, "labels": meta["labels"], "annotations": meta["annotations"]})
	if err != nil {
		panic(err)
	}
	return read(data)
}

// read keeps numbers as they are written.
func read(data []byte) object {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var o object
	if err := decoder.Decode(&o); err != nil {
		panic(err)
	}
	return o
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing/fstest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/render/adoption"
)

// shard is what the cluster is called in the fleet that is imported into.
const shard = "eu-1"

// byHand is the manager by whose name people apply.
const byHand = "kubectl-create"

// imports makes what golden files have by hand, without marks, has its controllers played,
// imports it, and wants that taking it over would change nothing but marks.
func (t *target) imports(ctx context.Context, renderer *render.Renderer, histories []history) (count int, errs []error) {
	for _, h := range histories {
		objects := h.steps[0]
		provider, file, _ := strings.Cut(h.name, "/")
		if !slices.Contains(importable, provider) || !strings.HasSuffix(file, ".golden.yaml") || slices.Contains(notImported, file) {
			continue
		}
		n, err := t.imported(ctx, renderer, objects)
		if err != nil {
			errs = append(errs, fmt.Errorf("import %s: %w", h.name, err))
		}
		count += n
	}
	return count, errs
}

// importable are the providers whose objects can be imported.
var importable = []string{"kamaji", "cluster-api", "k0smotron"}

// notImported are golden files of what nobody imports.
var notImported = []string{"teardown.golden.yaml", "tenant-tombstoned.golden.yaml"}

func (t *target) imported(ctx context.Context, renderer *render.Renderer, rendered []*unstructured.Unstructured) (count int, err error) {
	var made []*unstructured.Unstructured
	defer func() {
		for _, o := range slices.Backward(made) {
			if gone := t.remove(ctx, o); !apierrors.IsNotFound(gone) {
				err = errors.Join(err, gone)
			}
		}
	}()
	var live []map[string]any
	for _, o := range withStore(rendered) {
		o = unmarked(o)
		if err := t.namespace(ctx, o); err != nil {
			return 0, err
		}
		if o.GetKind() == "Namespace" {
			continue
		}
		there, err := t.resource(o).Create(ctx, o, metav1.CreateOptions{FieldManager: byHand, FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			return 0, fmt.Errorf("create %s %s by hand: %w", o.GetKind(), o.GetName(), err)
		}
		made = append(made, o)
		if err := t.writeBack(ctx, there); err != nil {
			return 0, fmt.Errorf("play the controllers of %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		there, err = t.resource(o).Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return 0, err
		}
		live = append(live, told(there))
	}
	units, err := declare(renderer, live)
	if err != nil {
		return 0, err
	}
	for _, u := range units {
		for _, o := range u.Objects {
			if err := t.takeover(ctx, o); err != nil {
				return count, fmt.Errorf("%s: %w", o.ID, err)
			}
			count++
		}
	}
	if count == 0 {
		return 0, errors.New("nothing was imported")
	}
	return count, nil
}

// unmarked is an object as people write it.
func unmarked(o *unstructured.Unstructured) *unstructured.Unstructured {
	o = o.DeepCopy()
	for _, field := range []string{"labels", "annotations"} {
		pairs, _, _ := unstructured.NestedStringMap(o.Object, "metadata", field)
		maps.DeleteFunc(pairs, func(key, _ string) bool {
			return strings.HasPrefix(key, "tenantry.io/") || key == render.LabelManagedBy
		})
		unstructured.RemoveNestedField(o.Object, "metadata", field)
		if len(pairs) > 0 {
			_ = unstructured.SetNestedStringMap(o.Object, pairs, "metadata", field) // metadata is a mapping
		}
	}
	if o.GroupVersionKind().Group == "k0smotron.io" {
		_ = unstructured.SetNestedSlice(o.Object, harmless(), "spec", "patches") // so is spec
	}
	return o
}

// harmless are the patches that keep marks on a k0smotron Cluster out of selectors.
func harmless() []any {
	const labels = "{app.kubernetes.io/managed-by: null, tenantry.io/tenant: null, tenantry.io/uid: null}"
	var out []any
	for _, component := range []string{"control-plane", "etcd"} {
		for kind, content := range map[string]string{
			"Service":     "spec: {selector: " + labels + "}\n",
			"StatefulSet": "spec: {selector: {matchLabels: " + labels + "}, template: {metadata: {labels: " + labels + ", annotations: {tenantry.io/digest: null}}}}\n",
		} {
			out = append(out, map[string]any{
				"target": map[string]any{"kind": kind, "component": component}, "patch": map[string]any{"type": "merge", "content": content},
			})
		}
	}
	return out
}

// withStore adds the DataStore that objects name, as Kamaji has it.
func withStore(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	secret := func(key string) map[string]any {
		return map[string]any{"secretReference": map[string]any{"namespace": "data", "name": "db", "keyPath": key}}
	}
	for _, o := range objects {
		for _, field := range []string{"dataStore", "dataStoreName"} {
			if name, _, _ := unstructured.NestedString(o.Object, "spec", field); name != "" {
				return append([]*unstructured.Unstructured{{Object: map[string]any{
					"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "DataStore", "metadata": map[string]any{"name": name},
					"spec": map[string]any{
						"driver": "PostgreSQL", "endpoints": []any{"db.data.svc:5432"},
						"basicAuth": map[string]any{"username": secret("username"), "password": secret("password")},
					},
				}}}, objects...)
			}
		}
	}
	return objects
}

// told is an object with what its controller would tell of where it is.
func told(o *unstructured.Unstructured) map[string]any {
	out := runtime.DeepCopyJSON(o.Object)
	if o.GetKind() == "TenantControlPlane" {
		out["status"] = map[string]any{"controlPlaneEndpoint": "192.0.2.9:6443"}
	}
	return out
}

// declare imports objects into an empty fleet, and renders what it says then.
func declare(renderer *render.Renderer, live []map[string]any) ([]*render.Unit, error) {
	load := func(files map[string][]byte) (*fleet.Fleet, fleet.Findings, error) {
		fsys := fstest.MapFS{
			"fleet.yaml":                {Data: []byte("{apiVersion: tenantry.io/v1alpha1, kind: Fleet}\n")},
			"shards/" + shard + ".yaml": {Data: []byte("{apiVersion: tenantry.io/v1alpha1, kind: Shard, metadata: {name: " + shard + "}, spec: {domain: example.com}}\n")},
		}
		for name, data := range files {
			fsys[name] = &fstest.MapFile{Data: data}
		}
		return fleet.Load(fsys)
	}
	empty, findings, err := load(nil)
	if err != nil || len(findings) > 0 {
		return nil, errors.Join(err, findings.Err())
	}
	result, err := adoption.Run(renderer, adoption.Input{
		Shard: shard, Team: "web", Objects: live, Fleet: empty, Load: load, Schema: func(string) string { return "" },
	})
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, l := range result.Left {
		errs = append(errs, fmt.Errorf("%s is left: %s: %s", l.Object, l.Field, l.Reason))
	}
	f, findings, err := load(result.Files)
	if errs = append(errs, err, findings.Err()); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	var units []*render.Unit
	stores := map[string]render.DataStoreInput{}
	for name, d := range f.DataStores {
		stores[name] = render.DataStoreInput{
			Name: name, UID: ledger.UID(name), Spec: d.Spec, BaseVersion: renderer.LatestBase(d.Spec.Provider),
			Adopted: ledger.AdoptedDataStoreAs(d.Spec.Adopt),
		}
		unit, err := renderer.DataStore(stores[name])
		if err != nil {
			return nil, err
		}
		units = append(units, unit)
	}
	for name, tenant := range f.Tenants {
		in, a := render.InputOf(tenant, f.Classes[tenant.Spec.Class]), tenant.Spec.Adopt
		in.UID, in.BaseVersion, in.Lifecycle = ledger.UID(name), renderer.BaseFor(in.Class), ledger.Living
		in.Placement = ledger.Placement{Shard: shard, DataStore: tenant.Spec.DataStore, Address: a.Address, Host: a.Host}
		in.Adopted = ledger.AdoptedAs(a)
		in.DataStore = stores[tenant.Spec.DataStore]
		unit, err := renderer.Tenant(in)
		if err != nil {
			return nil, err
		}
		units = append(units, unit)
	}
	return units, nil
}

// takeover asks what an apply of a rendered object would make of the live one: the same,
// but for marks.
func (t *target) takeover(ctx context.Context, o render.Object) error {
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(o.JSON, &object.Object); err != nil {
		return err
	}
	before, err := t.resource(object).Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	if string(before.GetUID()) != o.Adopts {
		return fmt.Errorf("it takes over uid %q, and is %s", o.Adopts, before.GetUID())
	}
	after, err := t.resource(object).Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: render.FieldManager, Force: true, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return fmt.Errorf("take it over: %w", err)
	}
	was, is := essence(before), essence(after)
	if !reflect.DeepEqual(was, is) {
		one, _ := json.Marshal(was)
		other, _ := json.Marshal(is)
		return fmt.Errorf("taking it over changes it, from\n%s\nto\n%s", one, other)
	}
	return nil
}

// essence is an object without marks, and what a server counts.
func essence(o *unstructured.Unstructured) map[string]any {
	patches, there, _ := unstructured.NestedSlice(o.Object, "spec", "patches")
	o = unmarked(o)
	if there {
		_ = unstructured.SetNestedSlice(o.Object, patches, "spec", "patches") // spec is a mapping
	}
	for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	return o.Object
}

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/crds"
)

// image stands for Tenantry's own.
const image = "example.com/tenantry:test"

// history is what becomes of one owner, or of several that need each other: what is
// applied, step by step.
type history struct {
	name  string
	steps [][]*unstructured.Unstructured
}

// rendered are the histories of everything that providers render.
func rendered(repository string) ([]history, error) {
	renderer, err := render.New(render.Options{Image: image})
	if err != nil {
		return nil, err
	}
	all, err := goldens(repository)
	if err != nil {
		return nil, err
	}
	examples := os.DirFS(filepath.Join(repository, "examples"))
	fleets, err := fs.Glob(examples, "*/fleet.yaml")
	if err != nil || len(fleets) == 0 {
		return nil, fmt.Errorf("find examples below %s: there are none", repository)
	}
	for _, file := range fleets {
		example, err := fs.Sub(examples, path.Dir(file))
		if err != nil {
			return nil, err
		}
		h, err := ofFleet("examples/"+path.Dir(file), example, renderer)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	more, err := changed(repository)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	more, err = generated(renderer)
	return append(all, more...), err
}

// goldens are what the providers' own tests hold render to.
func goldens(repository string) ([]history, error) {
	files, err := filepath.Glob(filepath.Join(repository, "render", "providers", "*", "testdata", "*.golden.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("find golden files below %s: there are none", repository)
	}
	var all []history
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read golden: %w", err)
		}
		objects, err := crds.Documents(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		all = append(all, history{name: filepath.Base(filepath.Dir(filepath.Dir(file))) + "/" + filepath.Base(file), steps: [][]*unstructured.Unstructured{objects}})
	}
	return all, nil
}

// ofFleet renders a fleet as the daemon would place it.
func ofFleet(name string, fsys fs.FS, renderer *render.Renderer) (history, error) {
	h := history{name: name}
	f, findings, err := fleet.Load(fsys)
	if err != nil || len(findings) > 0 {
		return h, fmt.Errorf("load %s: %w\n%s", name, err, findings)
	}
	for _, store := range slices.Sorted(maps.Keys(f.DataStores)) {
		ds := f.DataStores[store]
		unit, err := renderer.DataStore(render.DataStoreInput{Name: store, UID: ledger.UID(store), Spec: ds.Spec, BaseVersion: renderer.LatestBase(ds.Spec.Provider)})
		if err := h.add(unit, err); err != nil {
			return h, err
		}
	}
	var requests []placement.Request
	for _, t := range f.Tenants {
		request := placement.Ask(t, f.Classes[t.Spec.Class])
		request.KeepsState = renderer.KeepsState(f.Classes[t.Spec.Class], renderer.BaseFor(f.Classes[t.Spec.Class]))
		requests = append(requests, request)
	}
	for _, o := range placement.New(f, nil).PlaceAll(requests) {
		if o.Unplaced != nil {
			return h, fmt.Errorf("place %s of %s: %w", o.Name, name, o.Unplaced)
		}
		t := f.Tenants[o.Name]
		class := f.Classes[t.Spec.Class]
		unit, err := renderer.Tenant(render.TenantInput{
			Name: o.Name, UID: ledger.UID(o.Name), Spec: fleet.Resolve(t, class), Class: class,
			Files: t.Files, Tree: t.Tree,
			BaseVersion: renderer.BaseFor(class), Placement: o.Placement, Lifecycle: ledger.Living,
			DataStore: render.DataStoreInput{Name: o.Placement.DataStore, UID: ledger.UID(o.Placement.DataStore)},
		})
		if err := h.add(unit, err); err != nil {
			return h, err
		}
	}
	return h, nil
}

// add takes a unit as the next step.
func (h *history) add(u *render.Unit, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, err)
	}
	var step []*unstructured.Unstructured
	for _, o := range u.Objects {
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal(o.JSON, &object.Object); err != nil {
			return fmt.Errorf("%s: read %s: %w", h.name, o.ID, err)
		}
		step = append(step, object)
	}
	h.steps = append(h.steps, step)
	return nil
}

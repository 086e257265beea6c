package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

// TestStampEqualsBuild holds the fast way (build once, stamp each) against one plain
// Kustomize build of the tree that a person would write.
func TestStampEqualsBuild(t *testing.T) {
	r := newRenderer(t)
	for file, in := range inputs(t) {
		t.Run(file, func(t *testing.T) {
			want, err := in.render(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := in.build(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(show(t, want), show(t, got)); diff != "" {
				t.Errorf("stamped (-) and built (+) differ:\n%s", diff)
			}
		})
	}
}

// build renders by one whole Kustomize build.
func (f inputFile) build(r *Renderer) (*Unit, error) {
	var (
		doc   document
		p     = partTenant
		owner Owner
		err   error
		b     = r.bases[f.provider()]["1"]
		in    TenantInput
	)
	if f.DataStore != nil {
		p, doc = partDataStore, dataStoreDocument(f.dataStore(), testImage)
		owner = Owner{OwnerDataStore, f.DataStore.Name, f.DataStore.UID}
	} else {
		if f.Teardown {
			p = partTeardown
		}
		in = f.tenant()
		owner = Owner{OwnerTenant, in.Name, in.UID}
		if doc, err = r.document(in); err != nil {
			return nil, err
		}
	}
	if b.parts[p] == nil {
		return nothing(owner, b)
	}
	l, err := newLayout(b, p, in.Class)
	if err != nil {
		return nil, err
	}
	whole, err := l.withUnit(doc, in.dir(), in.Files)
	if err != nil {
		return nil, err
	}
	built, err := build(whole, "unit")
	if err != nil {
		return nil, err
	}
	for _, o := range built.Resources() {
		if o.GetApiVersion() == doc["apiVersion"] {
			return nil, fmt.Errorf("the document %s came out as an object", o.GetKind())
		}
	}
	contents, err := decodeAll(built.Resources())
	if err != nil {
		return nil, err
	}
	if p == partTenant {
		if in.Adopted != nil {
			contents = slices.DeleteFunc(contents, func(c content) bool { return c["kind"] == "Namespace" })
		}
		readers, err := access(b.parts[p], in, doc)
		if err != nil {
			return nil, err
		}
		contents = append(contents, readers...)
	}
	unit, err := plainFinish(owner, b.parts[p], doc, contents)
	if err != nil {
		return nil, err
	}
	return unit, adopts(b.parts[p], unit.Objects, f.adopted())
}

// adopted are the objects that are to be taken over.
func (f inputFile) adopted() map[string]string {
	switch {
	case f.Tenant != nil && f.Tenant.Adopted != nil:
		return f.Tenant.Adopted.Objects
	case f.DataStore != nil && f.DataStore.Adopted != nil:
		return f.DataStore.Adopted.Objects
	}
	return nil
}

// TestDecodeEqualsKustomizes holds our reading of a node against Kustomize's own
// detour through text, on everything that is rendered.
func TestDecodeEqualsKustomizes(t *testing.T) {
	r := newRenderer(t)
	for file, in := range inputs(t) {
		t.Run(file, func(t *testing.T) {
			p, class := partTenant, (*fleet.Class)(nil)
			switch {
			case in.DataStore != nil:
				p = partDataStore
			case in.Teardown:
				p = partTeardown
			default:
				class = in.tenant().Class
			}
			b := r.bases[in.provider()]["1"]
			if b.parts[p] == nil {
				return // there is nothing to decode
			}
			for _, o := range r.shape(b, p, class).objects.Resources() {
				c, err := decode(o)
				if err != nil {
					t.Fatal(err)
				}
				got, err := canonical(c)
				if err != nil {
					t.Fatal(err)
				}
				text, err := o.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				var plain any
				if err := json.Unmarshal(text, &plain); err != nil {
					t.Fatal(err)
				}
				want, err := canonical(plain)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s %s (-Kustomize's +ours):\n%s", o.GetKind(), o.GetName(), diff)
				}
			}
		})
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// judge loads the fleet in fsys and renders it, as far as that needs no decision:
// where a tenant is placed is the ledger's to say, so a stand-in is used.
func judge(fsys fs.FS, image string, p *progress) (verdict, error) {
	task := p.begin("read the fleet")
	defer task.end()
	f, findings, err := load(fsys)
	if err != nil {
		return verdict{}, err
	}
	renderer, err := render.New(render.Options{Image: image})
	if err != nil {
		return verdict{}, err
	}
	findings = append(findings, renderAll(renderer, f, task)...)
	if findings == nil {
		findings = fleet.Findings{} // an empty list for machines, not null
	}
	return verdict{
		Findings: findings, Shards: len(f.Shards), DataStores: len(f.DataStores),
		Classes: len(f.Classes), Tenants: len(f.Tenants), Broken: len(f.Broken),
	}, nil
}

// load reads the fleet that fsys declares, and judges the providers of its own.
func load(fsys fs.FS) (*fleet.Fleet, fleet.Findings, error) {
	r, err := render.New(render.Options{Image: "unused"})
	if err != nil {
		return nil, nil, err
	}
	loader := fleet.Loader{Judge: r.JudgeProvider}
	return loader.Load(fsys)
}

// renderAll renders everything, and finds what cannot be. A class that cannot be
// rendered is told once, not by each of its tenants.
func renderAll(r *render.Renderer, f *fleet.Fleet, task *task) fleet.Findings {
	var findings fleet.Findings
	report := func(s fleet.Source, err error) bool {
		if err != nil {
			findings = append(findings, fleet.Finding{File: s.Path, Message: err.Error()})
		}
		return err == nil
	}
	sound := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.Classes)) {
		class := f.Classes[name]
		base := r.BaseFor(class)
		if base == "" {
			report(class.Source, fmt.Errorf("spec.provider: there is no provider %q; there is %q", class.Spec.Provider, r.Providers()))
			continue
		}
		sound[name] = report(class.Source, cause(r.Check(class, base)))
	}
	for _, name := range slices.Sorted(maps.Keys(f.DataStores)) {
		report(f.DataStores[name].Source, renderDataStore(r, f.DataStores[name]))
	}
	for i, name := range slices.Sorted(maps.Keys(f.Tenants)) {
		task.at(i, len(f.Tenants))
		if t := f.Tenants[name]; sound[t.Spec.Class] {
			report(t.Source, renderTenant(r, t, f.Classes[t.Spec.Class]))
		}
	}
	return findings
}

func renderDataStore(r *render.Renderer, d *fleet.DataStore) error {
	base := r.LatestBase(d.Spec.Provider)
	if base == "" {
		return fmt.Errorf("spec.provider: there is no provider %q; there is %q", d.Spec.Provider, r.Providers())
	}
	_, err := r.DataStore(render.DataStoreInput{
		Name: d.Metadata.Name, UID: ledger.UID(d.Metadata.Name), Spec: d.Spec, BaseVersion: base, Adopted: ledger.AdoptedDataStoreAs(d.Spec.Adopt),
	})
	return cause(err)
}

func renderTenant(r *render.Renderer, t *fleet.Tenant, class *fleet.Class) error {
	name := t.Metadata.Name
	base := r.BaseFor(class)
	in := render.InputOf(t, class)
	in.UID, in.BaseVersion, in.Lifecycle = ledger.UID(name), base, ledger.Living
	if in.Placement, in.DataStore = r.Nowhere(class, base); in.Placement.DataStore == "" && t.Spec.DataStore != "" {
		return fmt.Errorf("spec.dataStore: provider %s of class %s keeps the state of its tenants itself: leave it out", class.Spec.Provider, class.Metadata.Name)
	}
	if a := t.Spec.Adopt; a != nil {
		in.Adopted, in.Placement.Address, in.Placement.Host = ledger.AdoptedAs(a), a.Address, a.Host
		_, err := r.Tenant(in)
		return cause(err)
	}
	_, byAddress := r.Tenant(in)
	in.Placement.Address, in.Placement.Host = "", name+".example.com"
	_, byHost := r.Tenant(in)
	byAddress, byHost = cause(byAddress), cause(byHost)
	if byAddress != nil && byHost != nil && byAddress.Error() == byHost.Error() {
		return byAddress
	}
	return errors.Join(byAddress, byHost)
}

// cause is an error without the words at its front that say which declaration was
// rendered: the finding's file says it, and a class is rendered for nobody.
func cause(err error) error {
	for err != nil && (strings.HasPrefix(err.Error(), "class ") || strings.HasPrefix(err.Error(), "render ")) {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	return err
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/render"
)

// subject is a tenant to render, and what has to be said about it.
type subject struct {
	input render.TenantInput
	notes []string
}

// subject puts together what a tenant is rendered from: of the ledger, where there is
// a repository, and of the folder dir, where one is named.
func (c *config) subject(ctx context.Context, renderer *render.Renderer, name, dir string) (*subject, error) {
	if c.repository == "" {
		f, err := loadFolder(cmp.Or(dir, "."))
		if err != nil {
			return nil, err
		}
		return place(renderer, f, ledger.Empty(), name, "there is no ledger here")
	}
	r, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.close()
	l, err := r.ledger(ctx, c.ledgerBranch)
	if err != nil {
		return nil, err
	}
	var f *fleet.Fleet
	if dir != "" {
		f, err = loadFolder(dir)
	} else {
		f, err = r.loadBranch(ctx, c.branch)
	}
	if err != nil {
		return nil, err
	}
	entry := l.Tenants[name]
	switch {
	case entry == nil || entry.Lifecycle == ledger.Purged:
		return place(renderer, f, l, name, "the ledger does not know it yet")
	case dir != "":
		return placed(renderer, f, l, entry)
	default:
		return r.inForce(ctx, renderer, f, l, entry)
	}
}

func loadFolder(dir string) (*fleet.Fleet, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, &misuse{err}
	} else if !info.IsDir() {
		return nil, misusef("%s is not a directory", dir)
	}
	f, _, err := load(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", dir, err)
	}
	return f, nil
}

func (r *remote) loadBranch(ctx context.Context, branch string) (*fleet.Fleet, error) {
	fsys, _, err := r.read(ctx, branch)
	if err != nil {
		return nil, err
	}
	f, _, err := load(fsys)
	return f, err
}

// place finds a place for a tenant as the daemon would: together with all others
// that have none.
func place(renderer *render.Renderer, f *fleet.Fleet, l *ledger.Ledger, name, why string) (*subject, error) {
	t, class, err := declarationOf(f, name)
	if err != nil {
		return nil, err
	}
	var requests []placement.Request
	for _, other := range f.Tenants {
		if e := l.Tenants[other.Metadata.Name]; (e == nil || e.Lifecycle == ledger.Purged) && f.Classes[other.Spec.Class] != nil {
			requests = append(requests, ask(renderer, l, other, f.Classes[other.Spec.Class]))
		}
	}
	for _, o := range places(renderer, f, l).PlaceAll(requests) {
		switch {
		case o.Name != name:
		case o.Unplaced != nil:
			return nil, o.Unplaced
		default:
			e := &ledger.Tenant{Name: name, UID: ledger.UID(name), Placement: o.Placement, Adopted: ledger.AdoptedAs(t.Spec.Adopt), Lifecycle: ledger.Living}
			s := &subject{
				input: input(renderer, l, e, t, class),
				notes: []string{"preview: " + why + ", so uid and place are what it might say"},
			}
			if d := f.DataStores[o.Placement.DataStore]; d != nil && l.DataStores[o.Placement.DataStore] == nil {
				s.input.DataStore.Adopted = ledger.AdoptedDataStoreAs(d.Spec.Adopt)
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("class %s is not declared", t.Spec.Class)
}

// placed is a tenant of the ledger, as a folder declares it.
func placed(renderer *render.Renderer, f *fleet.Fleet, l *ledger.Ledger, e *ledger.Tenant) (*subject, error) {
	t, class, err := declarationOf(f, e.Name)
	if err != nil {
		return nil, err
	}
	return &subject{input: input(renderer, l, e, t, class), notes: []string{"preview: as the folder declares it, in the ledger's place"}}, nil
}

// inForce is a tenant as the ledger says: the newest declaration, or an older one
// while it is held or removed, and its class as it was taken.
func (r *remote) inForce(ctx context.Context, renderer *render.Renderer, f *fleet.Fleet, l *ledger.Ledger, e *ledger.Tenant) (*subject, error) {
	s := &subject{}
	var tree string
	switch {
	case e.Held != nil:
		tree = e.Held.Tree
		s.notes = append(s.notes, fmt.Sprintf("held (%s): rendered as commit %.12s declared it", e.Held.Reason, e.Held.Commit))
	case e.Tombstone != nil:
		tree = e.Tombstone.Tree
		s.notes = append(s.notes, fmt.Sprintf("removed by commit %.12s: rendered as it is kept", e.Tombstone.Commit))
	}
	if tree != "" {
		rev, err := r.repo.TreeRevision(ctx, git.Hash(tree))
		if err != nil {
			return nil, fmt.Errorf("read tree %s: %w", tree, err)
		}
		if f, _, err = load(rev); err != nil {
			return nil, fmt.Errorf("read tree %s: %w", tree, err)
		}
	}
	t, class, err := declarationOf(f, e.Name)
	if err != nil {
		return nil, err
	}
	if taken := l.Classes[t.Spec.Class]; taken != nil {
		if class, err = r.classInForce(ctx, taken); err != nil {
			return nil, fmt.Errorf("read class %s as commit %.12s declared it: %w", taken.Name, taken.Commit, err)
		}
	}
	s.input = input(renderer, l, e, t, class)
	return s, nil
}

// classInForce reads a class as it was taken, with the provider of the fleet's own that
// was taken with it.
func (r *remote) classInForce(ctx context.Context, e *ledger.Class) (*fleet.Class, error) {
	rev, err := r.repo.TreeRevision(ctx, git.Hash(e.Tree))
	if err != nil {
		return nil, err
	}
	class, findings, err := fleet.LoadClass(rev, e.Name)
	if err = cmp.Or(err, findings.Err()); err != nil || e.ProviderTree == "" {
		return class, err
	}
	if rev, err = r.repo.TreeRevision(ctx, git.Hash(e.ProviderTree)); err != nil {
		return nil, err
	}
	class.Own, findings, err = fleet.LoadProvider(rev, e.Provider)
	return class, cmp.Or(err, findings.Err())
}

// ask asks for a place as the daemon does: with the base in force.
func ask(renderer *render.Renderer, l *ledger.Ledger, t *fleet.Tenant, class *fleet.Class) placement.Request {
	r := placement.Ask(t, class)
	r.KeepsState = renderer.KeepsState(class, baseOf(renderer, l, class))
	return r
}

// places is who lives where, as the daemon knows it, but for the footprints of tenants
// that were removed and may come back: their declarations are not read.
func places(renderer *render.Renderer, f *fleet.Fleet, l *ledger.Ledger) *placement.State {
	known := placement.Known{Footprint: func(name string) (cost placement.Footprint) {
		if class := f.Classes[name]; class != nil {
			if f, err := renderer.Footprint(class, baseOf(renderer, l, class)); err == nil {
				cost = placement.Footprint{MilliCPU: f.MilliCPU, Memory: f.Memory}
			}
		}
		return cost
	}}
	return known.New(f, l)
}

// baseOf is the base version of a class: the one in force, else the one that it begins
// with. A class with a provider of the fleet's own has its folder's.
func baseOf(renderer *render.Renderer, l *ledger.Ledger, class *fleet.Class) string {
	if taken := l.Classes[class.Metadata.Name]; taken != nil && taken.Provider == class.Spec.Provider && class.Own == nil {
		return taken.BaseVersion
	}
	return renderer.BaseFor(class)
}

func input(renderer *render.Renderer, l *ledger.Ledger, e *ledger.Tenant, t *fleet.Tenant, class *fleet.Class) render.TenantInput {
	in := render.InputOf(t, class)
	in.UID, in.Placement, in.Lifecycle, in.Adopted = e.UID, e.Placement, e.Lifecycle, e.Adopted
	in.BaseVersion = baseOf(renderer, l, class)
	if e.Placement.DataStore == "" {
		return in
	}
	in.DataStore = render.DataStoreInput{Name: e.Placement.DataStore, UID: ledger.UID(e.Placement.DataStore), BaseVersion: in.BaseVersion}
	if d := l.DataStores[e.Placement.DataStore]; d != nil {
		in.DataStore.UID, in.DataStore.BaseVersion, in.DataStore.Adopted = d.UID, d.BaseVersion, d.Adopted
	}
	return in
}

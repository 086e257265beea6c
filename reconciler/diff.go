package reconciler

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// DiffOptions of Diff.
type DiffOptions struct {
	Git      git.Options
	Branches repository.Branches
	// Kubeconfigs is the folder of the shards' kubeconfigs. What lives on a shard
	// without one is not compared.
	Kubeconfigs string
	Image       string
	// Tenants limits the answer to these; without any it is about all, and about
	// managed datastores too.
	Tenants []string
	// Fleet takes the declared branch's place: what would come of it is told.
	Fleet *fleet.Fleet
}

// Diff is how shards differ from what is declared and decided.
type Diff struct {
	// Decisions are those that would be committed first, as their message says.
	Decisions []string  `json:"decisions,omitempty"`
	Owners    []Differs `json:"owners"`
}

// Differs is how one tenant or datastore differs. Problem says why it, or a part of
// it, could not be compared.
type Differs struct {
	Kind  render.OwnerKind `json:"kind"`
	Name  string           `json:"name"`
	Shard string           `json:"shard,omitempty"`
	// Held says why it is kept as an older commit declares it.
	Held    string             `json:"held,omitempty"`
	Problem string             `json:"problem,omitempty"`
	Objects []shard.Difference `json:"objects,omitempty"`
}

// Found tells whether anything differs, or could not be compared.
func (d *Diff) Found() bool {
	return slices.ContainsFunc(d.Owners, func(o Differs) bool {
		return o.Problem != "" || slices.ContainsFunc(o.Objects, shard.Difference.Differs)
	})
}

// Compare finds out how the shards differ from what is declared and decided: with
// the daemon's own core, and every shard's own answer to a dry run. It needs no Lease
// and writes nothing. An error means that nothing could be compared.
func Compare(ctx context.Context, opts DiffOptions) (*Diff, error) {
	renderer, err := render.New(render.Options{Image: opts.Image})
	if err != nil {
		return nil, err
	}
	sources, err := shard.FromKubeconfigDir(opts.Kubeconfigs)
	if err != nil && len(sources) == 0 {
		return nil, err
	}
	repo, err := git.Open(ctx, opts.Git)
	if err != nil {
		return nil, err
	}
	defer func() { _ = repo.Close() }() // its mirror may be lost at any time
	p := &preview{
		opts: opts, core: core.New(core.Config{ReadOnly: true}, renderer), extra: map[string][]core.Delete{},
		git:     repository.New(repo, opts.Branches, renderer.JudgeProvider, slog.New(slog.NewTextHandler(io.Discard, nil))),
		viewers: map[string]*shard.Viewer{}, classes: map[string]*fleet.Class{}, fleets: map[string]*fleet.Fleet{},
	}
	p.meet(ctx, sources)
	if err := p.think(ctx); err != nil {
		return nil, err
	}
	return p.compare(ctx)
}

// compare asks the shards about every object that should be there.
func (p *preview) compare(ctx context.Context) (*Diff, error) {
	statuses := map[string]*core.TenantStatus{}
	for _, t := range p.core.Tenants() {
		statuses[t.Name] = t
	}
	shut := map[string]string{}
	for _, s := range p.core.Shards() {
		for _, c := range s.Conditions {
			if c.Type == "Ready" && c.Status != "True" {
				shut[s.Name] = said(c)
			}
		}
	}
	diff := &Diff{Decisions: p.decisions, Owners: []Differs{}}
	add := func(d Differs) { diff.Owners = append(diff.Owners, d) }
	asked := map[string]bool{}
	for _, name := range p.opts.Tenants {
		if asked[name] = true; statuses[name] == nil {
			add(Differs{Kind: render.OwnerTenant, Name: name, Problem: "there is no such tenant"})
		}
	}
	for _, h := range p.core.Homes() {
		d := Differs{Kind: h.Owner.Kind, Name: h.Owner.Name, Shard: h.Shard, Problem: shut[h.Shard]}
		if h.Owner.Kind == render.OwnerTenant {
			d.Held = held(statuses[h.Owner.Name])
			delete(statuses, h.Owner.Name)
		}
		if len(asked) > 0 && (h.Owner.Kind != render.OwnerTenant || !asked[h.Owner.Name]) {
			continue
		}
		if d.Problem == "" {
			p.compareOwner(ctx, h, &d)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		add(d)
	}
	for name, t := range statuses { // those that have no place
		if len(asked) == 0 || asked[name] {
			add(Differs{Kind: render.OwnerTenant, Name: name, Problem: said(t.Why())})
		}
	}
	slices.SortStableFunc(diff.Owners, func(a, b Differs) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return diff, nil
}

// held says why a tenant is kept as it was, if it is.
func held(t *core.TenantStatus) string {
	if t == nil {
		return ""
	}
	for _, c := range t.Conditions {
		if c.Type == "Held" && c.Status == "True" {
			return said(c)
		}
	}
	return ""
}

func said(c core.Condition) string { return strings.TrimSuffix(c.Reason+": "+c.Message, ": ") }

// atOnce bounds the questions to one shard.
const atOnce = 8

func (p *preview) compareOwner(ctx context.Context, h core.Home, d *Differs) {
	unit, err := p.core.Unit(h.Owner)
	if err != nil {
		d.Problem = err.Error()
		return
	}
	viewer := p.viewers[h.Shard]
	all := make([]shard.Difference, len(unit.Objects)+len(unit.Derived))
	var tasks errgroup.Group
	tasks.SetLimit(atOnce)
	for i, object := range unit.Objects {
		tasks.Go(func() error { all[i] = viewer.Diff(ctx, h.Owner, object); return nil })
	}
	for i, derived := range unit.Derived {
		tasks.Go(func() error {
			all[len(unit.Objects)+i] = viewer.DiffDerived(ctx, h.Owner, derived)
			return nil
		})
	}
	_ = tasks.Wait()
	for _, x := range all {
		if x.Action != "" || len(x.Others) > 0 {
			d.Objects = append(d.Objects, x)
		}
	}
	for _, e := range p.extra[h.Owner.UID] {
		d.Objects = append(d.Objects, shard.Difference{Object: e.ID.String(), Action: shard.Extra})
	}
}

// ForgetOthers leaves out what only others have set.
func (d *Diff) ForgetOthers() {
	for i := range d.Owners {
		o := &d.Owners[i]
		o.Objects = slices.DeleteFunc(o.Objects, func(x shard.Difference) bool { return x.Action == "" })
		for j := range o.Objects {
			o.Objects[j].Others = nil
		}
	}
}

package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/render"
)

// supposed is how a fleet is supposed to change.
type supposed struct {
	config
	dir         string
	tenants     int
	class, team string
	failed      []string
	more        []string
}

func newSimulate() *cobra.Command {
	s := &supposed{}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Say where tenants would be placed if a fleet were changed",
		Long: `Simulate places tenants by the function that the daemon has, over a fleet that is
changed in thought: more tenants, a shard that is lost, another shard. It says who
finds no place and what the nearest fix is, how much of shards and datastores is taken
before and after, and which datastore is full first. Nothing is written.

The fleet is the declared branch, or --fleet; who has a place has it from the ledger
of --repository. Without a repository everybody is placed anew.

A shard that fails takes its tenants with it as far as the daemon goes: nobody is ever
placed elsewhere by itself. This says whether they would find a place.`,
		Example: `  tenantry simulate --add-tenants 500 --class small --repository https://git.example.com/fleet.git
  tenantry simulate --fail-shard eu-1 --fleet .
  tenantry simulate --add-shard eu-9=eu-1 --add-tenants 500 --class small --fleet . -o json`,
		Args:              args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	s.take(cmd, append([]string{"branch", "ledger-branch"}, remoteSettings...)...)
	flags := cmd.Flags()
	flags.StringVar(&s.dir, "fleet", "", "`DIR` with a fleet to take for the declared branch")
	flags.IntVar(&s.tenants, "add-tenants", 0, "`NUMBER` of tenants more")
	flags.StringVar(&s.class, "class", "", "their `CLASS`; needed when the fleet has several")
	flags.StringVar(&s.team, "team", "simulated", "their `TEAM`")
	flags.StringArrayVar(&s.failed, "fail-shard", nil, "`SHARD` that is lost; may be repeated")
	flags.StringArrayVar(&s.more, "add-shard", nil, "`NAME=SHARD`: another shard like one that there is, with datastores like its own; may be repeated")
	form := addOutput(cmd, "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if s.tenants < 0 {
			return misusef("--add-tenants %d: want 0 or more", s.tenants)
		}
		answer, err := s.run(cmd.Context())
		if err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		if done, err := form.data(cmd.OutOrStdout(), answer); done {
			return err
		}
		return answer.table(cmd.OutOrStdout())
	}
	return cmd
}

// run reads the fleet and its ledger, changes both in thought, and places.
func (s *supposed) run(ctx context.Context) (*simulated, error) {
	f, l, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	renderer, err := render.New(render.Options{Image: "unused"})
	if err != nil {
		return nil, err
	}
	answer := &simulated{Before: places(renderer, f, l).Uses(), Placed: []placedTenant{}, Unplaced: []homeless{}}
	if f, l, err = s.change(f, l, answer); err != nil {
		return nil, err
	}
	state := places(renderer, f, l)
	var requests []placement.Request
	for _, t := range f.Tenants {
		e, class := l.Tenants[t.Metadata.Name], f.Classes[t.Spec.Class]
		if class != nil && (e == nil || e.Lifecycle == ledger.Purged) {
			requests = append(requests, ask(renderer, l, t, class))
		}
	}
	first := newFills(state.Uses())
	for _, o := range state.PlaceAll(requests) {
		if o.Unplaced != nil {
			answer.Unplaced = append(answer.Unplaced, homeless{o.Name, o.Unplaced.Error(), o.Unplaced.Fix()})
			continue
		}
		answer.Placed = append(answer.Placed, placedTenant{o.Name, o.Placement.Shard, o.Placement.DataStore})
		first.add(o.Placement.DataStore, len(answer.Placed))
	}
	answer.FullFirst, answer.After = first.first, state.Uses()
	return answer, nil
}

// read gives the fleet, and its ledger where there is one.
func (s *supposed) read(ctx context.Context) (*fleet.Fleet, *ledger.Ledger, error) {
	if s.repository == "" {
		dir, err := fleetDir(s.dir)
		if err != nil {
			return nil, nil, err
		}
		f, err := loadFolder(dir)
		return f, ledger.Empty(), err
	}
	r, err := s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer r.close()
	l, err := r.ledger(ctx, s.ledgerBranch)
	if err != nil {
		return nil, nil, err
	}
	if s.dir != "" {
		f, err := loadFolder(s.dir)
		return f, l, err
	}
	f, err := r.loadBranch(ctx, s.branch)
	return f, l, err
}

// change gives the fleet and the ledger as they are supposed to be.
func (s *supposed) change(was *fleet.Fleet, entries *ledger.Ledger, answer *simulated) (*fleet.Fleet, *ledger.Ledger, error) {
	f, l := *was, *entries
	f.Shards, f.DataStores, f.Tenants, l.Tenants = maps.Clone(f.Shards), maps.Clone(f.DataStores), maps.Clone(f.Tenants), maps.Clone(l.Tenants)
	for _, name := range s.failed {
		if f.Shards[name] == nil {
			return nil, nil, unknownShard("--fail-shard "+name, was)
		}
		delete(f.Shards, name)
		for tenant, e := range l.Tenants {
			if e.Placement.Shard == name && e.Lifecycle != ledger.Purged {
				delete(l.Tenants, tenant)
			}
		}
	}
	for _, arg := range s.more {
		name, like, found := strings.Cut(arg, "=")
		switch {
		case !found || name == "":
			return nil, nil, misusef("--add-shard %s: want NAME=SHARD, a new name and a shard that it is like", arg)
		case was.Shards[like] == nil:
			return nil, nil, unknownShard("--add-shard "+arg, was)
		case was.Shards[name] != nil:
			return nil, nil, misusef("--add-shard %s: there is a shard %s", arg, name)
		}
		addShard(&f, was, name, like)
	}
	return &f, &l, s.addTenants(&f, &l, answer)
}

func unknownShard(arg string, f *fleet.Fleet) error {
	return misusef("%s: the fleet declares no such shard, but %s", arg, orNone(sortedNames(f.Shards)))
}

// addShard adds a shard like another one. Endpoints are names, so that there are enough.
func addShard(f, was *fleet.Fleet, name, like string) {
	shard := *was.Shards[like]
	shard.Metadata.Name = name
	shard.Spec.AddressPool, shard.Spec.Domain = nil, name+".simulated.invalid"
	f.Shards[name] = &shard
	for _, store := range sortedNames(was.DataStores) {
		ds := *was.DataStores[store]
		if len(ds.Spec.Shards) != 1 || ds.Spec.Shards[0] != like {
			continue
		}
		ds.Metadata.Name = strings.Replace(store, like, name, 1)
		if f.DataStores[ds.Metadata.Name] != nil {
			ds.Metadata.Name = name + "-" + store
		}
		ds.Spec.Shards = []string{name}
		f.DataStores[ds.Metadata.Name] = &ds
	}
}

// addTenants adds tenants that say nothing but their class.
func (s *supposed) addTenants(f *fleet.Fleet, l *ledger.Ledger, answer *simulated) error {
	if s.tenants == 0 {
		return nil
	}
	class := s.class
	if class == "" && len(f.Classes) == 1 {
		class = sortedNames(f.Classes)[0]
	}
	if f.Classes[class] == nil {
		return misusef("--class %s: want one of the fleet's classes: %s", class, orNone(sortedNames(f.Classes)))
	}
	answer.Added = s.tenants
	for i, added := 1, 0; added < s.tenants; i++ {
		name := fmt.Sprintf("simulated-%05d", i)
		if f.Tenants[name] != nil || l.Tenants[name] != nil {
			continue
		}
		t := &fleet.Tenant{Source: fleet.Source{Path: tenantPath(s.team, name)}}
		t.Metadata.Name, t.Spec.Class = name, class
		f.Tenants[name] = t
		added++
	}
	return nil
}

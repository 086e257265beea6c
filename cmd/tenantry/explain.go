package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/reconciler/core"
)

func newExplain() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "explain TENANT",
		Short: "Say why a tenant is where it is, and what it waits for",
		Long: `Explain puts together what the three branches of the fleet repository say of one
tenant: what is declared and by which commit, what was decided and since when,
what was observed, what it waits for and what helps. It asks no shard.`,
		Example: `  tenantry explain acme --repository https://git.example.com/fleet.git
  tenantry explain acme -o json`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeTenant,
	}
	c.take(cmd, slices.Concat([]string{"branch", "ledger-branch"}, statusSettings, remoteSettings)...)
	form := addOutput(cmd, "text", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := required(cmd.Flags(), "repository"); err != nil {
			return err
		}
		e, err := c.explain(cmd.Context(), args[0])
		if err != nil {
			return fmt.Errorf("explain %s: %w", args[0], err)
		}
		if done, err := form.data(cmd.OutOrStdout(), e); done {
			return err
		}
		_, err = cmd.OutOrStdout().Write(e.text())
		return err
	}
	return cmd
}

// explanation is all that the branches say of one tenant.
type explanation struct {
	Name string `json:"name"`
	// Commit is the tip of the declared branch.
	Commit string `json:"commit,omitempty"`
	// Summary is one sentence.
	Summary string `json:"summary"`
	// Notes say what is missing to know more.
	Notes    []string       `json:"notes,omitempty"`
	Declared *declaredPart  `json:"declared,omitempty"`
	Class    *classPart     `json:"class,omitempty"`
	Decided  *ledger.Tenant `json:"decided,omitempty"`
	// PlacedBy is why it is there, PlacedSince the ledger's commit that put it there.
	PlacedBy    string  `json:"placedBy,omitempty"`
	PlacedSince *change `json:"placedSince,omitempty"`
	// Candidates are the shards that a tenant without a place might go to: what each would
	// be to it, or why it does not take it.
	Candidates []placement.Candidate `json:"candidates,omitempty"`
	Observed   *core.TenantStatus    `json:"observed,omitempty"`
	Shard      *core.ShardStatus     `json:"shard,omitempty"`
	WaitsFor   []string              `json:"waitsFor,omitempty"`
	Advice     []string              `json:"advice,omitempty"`
}

// declaredPart is what people declare.
type declaredPart struct {
	File string `json:"file"`
	// Changed is the commit that changed its folder last.
	Changed *change           `json:"changed,omitempty"`
	Spec    *fleet.TenantSpec `json:"spec,omitempty"` // as resolved with the class
	Broken  string            `json:"broken,omitempty"`
}

// classPart is what of its class is in force.
type classPart struct {
	Name        string `json:"name"`
	Provider    string `json:"provider,omitempty"`
	BaseVersion string `json:"baseVersion,omitempty"`
	// Commit is where what is in force was declared; Note says why it is not the newest.
	Commit string `json:"commit,omitempty"`
	Note   string `json:"note,omitempty"`
}

func (c *config) explain(ctx context.Context, name string) (*explanation, error) {
	r, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.close()
	b, err := c.branches(ctx, r)
	if err != nil {
		return nil, err
	}
	task := c.progress.begin("search the history")
	defer task.end()
	e := &explanation{Name: name, Notes: b.notes}
	if s, err := findStatus(b.statuses, name); err == nil {
		e.Observed = &s
	}
	e.Decided = b.ledger.Tenants[name]
	if err := e.declaration(ctx, r, b); err != nil {
		return nil, err
	}
	if e.Declared == nil && e.Decided == nil && e.Observed == nil {
		return nil, b.unknown(name)
	}
	if err := e.decisions(ctx, r, b); err != nil {
		return nil, err
	}
	return e, e.judge(b)
}

// declaration finds what is declared, and by which commit.
func (e *explanation) declaration(ctx context.Context, r *remote, b *branches) error {
	if b.declared == nil {
		return nil
	}
	e.Commit = string(b.declared.Commit())
	t := b.fleet.Tenants[e.Name]
	broken, isBroken := b.fleet.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: e.Name}]
	switch {
	case t != nil:
		e.Declared = &declaredPart{File: t.Source.Path, Spec: &t.Spec}
		if class := b.fleet.Classes[t.Spec.Class]; class != nil {
			spec := fleet.Resolve(t, class)
			e.Declared.Spec = &spec
		}
	case isBroken:
		e.Declared = &declaredPart{File: e.whose(broken.Path, b), Broken: broken.Message}
	default:
		return nil
	}
	changed, err := lastChange(ctx, r.repo, b.declared, samePath(dirOf(e.Declared.File)))
	e.Declared.Changed = changed
	return err
}

// whose is the file that declares the tenant. Two that have one name are both broken by
// it, and the one that was there first is whom the ledger knows.
func (e *explanation) whose(file string, b *branches) string {
	if e.Decided == nil {
		return file
	}
	own := e.Decided.Source + "/tenant.yaml"
	if _, err := b.declared.Hash(own); err != nil {
		return file
	}
	return own
}

// decisions finds what was decided, since when, and what of its class is in force.
func (e *explanation) decisions(ctx context.Context, r *remote, b *branches) error {
	var class string
	switch {
	case e.Declared != nil && e.Declared.Spec != nil:
		class = e.Declared.Spec.Class
	case e.Observed != nil:
		class = e.Observed.Class
	}
	if class != "" {
		e.Class = &classPart{Name: class}
		broken, isBroken := b.fleet.Broken[fleet.Ref{Kind: fleet.KindClass, Name: class}]
		entry := b.ledger.Classes[class]
		if entry != nil {
			e.Class.Provider, e.Class.BaseVersion, e.Class.Commit = entry.Provider, entry.BaseVersion, entry.Commit
		}
		switch {
		case isBroken:
			e.Class.Note = "what is declared now cannot be used: " + broken.Message
		case b.declared != nil && b.fleet.Classes[class] == nil:
			e.Class.Note = "it is no longer declared"
		case entry != nil && b.declared != nil:
			tree, err := b.declared.Hash("classes/" + class)
			changed := err == nil && string(tree) != entry.Tree
			if entry.ProviderTree != "" {
				tree, err := b.declared.Hash("providers/" + entry.Provider)
				changed = changed || err != nil || string(tree) != entry.ProviderTree
			}
			if changed {
				e.Class.Note = "a newer declaration of it is not in force yet"
			}
		}
	}
	if e.Decided == nil || b.ledgerAt == nil {
		return nil
	}
	since, err := lastChange(ctx, r.repo, b.ledgerAt, samePlacement(e.Decided))
	e.PlacedSince = since
	return err
}

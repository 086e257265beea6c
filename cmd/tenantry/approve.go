package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

func newApprove() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "approve [TENANT…]",
		Short: "Say yes to what is never done unasked",
		Long: `Approve compares a fleet's folder, the nearest one upwards that has a fleet.yaml, or
--fleet, with the ledger, and writes approvals/HASH.yaml: one item for each tenant
that asks for what needs a person's approval. Without TENANT it looks at all of them.

What needs one: bringing a living tenant's state to another datastore, which it asks
for by spec.dataStore. What cannot be done is refused, whoever approves.

The file says yes when it is on the declared branch: commit it with the change or
after it. Whoever may merge changes of approvals/ decides.`,
		Example: `  tenantry approve acme --repository https://git.example.com/fleet.git
  tenantry approve --fleet ./fleet --dry-run`,
		ValidArgsFunction: completeTenant,
	}
	c.take(cmd, append([]string{"ledger-branch"}, remoteSettings...)...)
	dir := cmd.Flags().String("fleet", "", "`DIR` of the fleet")
	dry := cmd.Flags().Bool("dry-run", false, "print the approval instead of writing it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := required(cmd.Flags(), "repository"); err != nil {
			return err
		}
		dir, err := fleetDir(*dir)
		if err != nil {
			return err
		}
		asked, err := c.asked(cmd.Context(), dir, args)
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		for _, a := range asked {
			fmt.Fprintln(cmd.ErrOrStderr(), a.words)
		}
		return approve(cmd, dir, asked, *dry)
	}
	return cmd
}

// asked is one thing that a tenant asks for, and in words what comes of it.
type asked struct {
	item  fleet.ApprovalItem
	words string
	// refused is set when it cannot be done, approved when somebody has said yes already.
	refused, approved bool
}

// asked finds what tenants ask for; without names all of them.
func (c *config) asked(ctx context.Context, dir string, names []string) ([]asked, error) {
	f, _, err := load(folder{os.DirFS(dir)})
	if err != nil {
		return nil, err
	}
	r, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.close()
	at, err := r.revision(ctx, c.ledgerBranch)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Read(at)
	if err != nil {
		return nil, err
	}
	renderer, err := render.New(render.Options{Image: "unused"})
	if err != nil {
		return nil, err
	}
	task := c.progress.begin("search the ledger's history")
	defer task.end()
	places := placement.New(f, l)
	all := len(names) == 0
	if all {
		names = sortedNames(f.Tenants)
	}
	slices.Sort(names) // seats are taken in this order
	var out []asked
	for _, name := range slices.Compact(names) {
		a, err := asks(renderer, places, f, l, name)
		switch {
		case err != nil && !all:
			return nil, err
		case err == nil && a != nil:
			if err := a.warn(ctx, r.repo, at, l.Tenants[name]); err != nil {
				return nil, err
			}
			out = append(out, *a)
		}
	}
	return out, nil
}

// warn tells of who was in the target before, or on its way there: what was left of that
// may be taken for what is brought there now.
func (a *asked) warn(ctx context.Context, repo *git.Repository, at *git.Revision, e *ledger.Tenant) error {
	there, unchanged := false, samePath(ledger.TenantPath(e.Name))
	since, err := lastChange(ctx, repo, at, func(newer, older *git.Revision) (bool, error) {
		if same, err := unchanged(newer, older); same || err != nil {
			return same, err
		}
		was, err := entryAt(older, e.Name)
		there = was != nil && was.UID == e.UID && was.Placement.DataStore == a.item.Target
		return !there, err
	})
	if err == nil && there {
		a.words += fmt.Sprintf("\n    it was there before %s, or on its way: what was left of that has to go first, as docs/kamaji.md says", since)
	}
	return err
}

// asks finds what one tenant asks for, or nil.
func asks(r *render.Renderer, places *placement.State, f *fleet.Fleet, l *ledger.Ledger, name string) (*asked, error) {
	t, e := f.Tenants[name], l.Tenants[name]
	if broken, is := f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: name}]; is {
		return nil, errors.New(broken.Message)
	}
	switch {
	case t == nil:
		return nil, hint(fmt.Errorf("the fleet declares no tenant %s", name), `"tenantry status" lists the tenants`)
	case e == nil || e.Lifecycle != ledger.Living && e.Lifecycle != ledger.Tombstoned:
		return nil, fmt.Errorf("tenant %s has no place yet, so it may ask for any", name)
	case !core.AsksForMigration(t, e):
		return nil, fmt.Errorf("tenant %s asks for nothing that needs an approval: it lives %s", name, e.Placement.Where())
	}
	class := f.Classes[t.Spec.Class]
	if class == nil {
		return nil, fmt.Errorf("class %s of tenant %s is not valid", t.Spec.Class, name)
	}
	a := &asked{item: core.Approvable(e, t.Spec.DataStore)}
	to, why := core.Migration(r, func() *placement.State { return places }, t, class, baseOf(r, l, class), e)
	a.words = fmt.Sprintf("%s: migrate from datastore %s to %s", name, e.Placement.DataStore, t.Spec.DataStore)
	a.refused, a.approved = why != "", f.Approves(a.item)
	switch {
	case a.refused:
		a.words += ": refused: " + why
		return a, nil
	case a.approved:
		a.words += ": approved already"
	}
	places.Move(e, to)
	return a, nil
}

// approve writes the approval of what is open.
func approve(cmd *cobra.Command, dir string, all []asked, dry bool) error {
	var items []fleet.ApprovalItem
	refused := 0
	for _, a := range all {
		switch {
		case a.refused:
			refused++
		case !a.approved:
			items = append(items, a.item)
		}
	}
	switch {
	case len(items) > 0:
	case refused > 0:
		return fmt.Errorf("approve: nothing was written: %s cannot be done", plural(refused, "change"))
	default:
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing waits for an approval")
		return nil
	}
	files := map[string][]byte{}
	for some := range slices.Chunk(items, fleet.MaxItems) {
		content, err := declarationFile(fleet.KindApproval, fleet.ApprovalName(some), fleet.ApprovalSpec{Items: some})
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		files[fleet.ApprovalPath(some)] = content
	}
	out := cmd.OutOrStdout()
	if !dry {
		if err := writeNew(dir, files); err != nil {
			return fmt.Errorf("approve: %w", err)
		}
	}
	for _, name := range sortedNames(files) {
		if dry {
			fmt.Fprintf(out, "# %s\n%s", name, files[name])
		} else {
			fmt.Fprintln(out, filepath.Join(dir, filepath.FromSlash(name)))
		}
	}
	return nil
}

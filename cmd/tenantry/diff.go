package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/reconciler"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
)

func newDiff() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "diff [TENANT…]",
		Short: "Say how the shards differ from what is declared",
		Long: `Diff decides and renders as the daemon would, and has each shard's API server say
by a dry run what that would change. It needs no Lease, commits nothing and writes
nothing. Without TENANT it looks at all of them, and at managed datastores.

With --fleet it takes a folder for the declared branch: that is what a commit of
the folder would do.

An object is missing, drifted (somebody has changed it), outdated (not as declared
yet), extra (it would be removed), foreign (somebody else's; it would be left alone),
terminating or refused. One that ran before it was declared adopts: it would be taken
over as it is, which is no difference, or is left alone because of the changes that are
listed. Values of Secrets are never shown. Fields that only others have set stay, and
are no difference; --others lists them.

It exits with 1 if something differs or could not be compared.`,
		Example: `  tenantry diff --kubeconfigs ./shards
  tenantry diff acme --kubeconfigs ./shards -o json
  tenantry diff --fleet . --kubeconfigs ./shards`,
		ValidArgsFunction: completeTenant,
	}
	c.take(cmd, append([]string{"branch", "ledger-branch", "status-branch", "kubeconfigs", "image"}, remoteSettings...)...)
	dir := cmd.Flags().String("fleet", "", "`DIR` with a fleet to take for the declared branch")
	others := cmd.Flags().Bool("others", false, "list fields that only others have set, too")
	form := addOutput(cmd, "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := required(cmd.Flags(), "repository", "kubeconfigs"); err != nil {
			return err
		}
		declared, err := c.preview(cmd.ErrOrStderr(), *dir)
		if err != nil {
			return err
		}
		task := c.progress.begin("compare with the shards")
		diff, err := reconciler.Compare(cmd.Context(), reconciler.DiffOptions{
			Git:         c.gitOptions(),
			Branches:    repository.Branches{Declared: c.branch, Ledger: c.ledgerBranch, Status: c.statusBranch},
			Kubeconfigs: c.kubeconfigs, Image: c.image, Tenants: args, Fleet: declared,
		})
		task.end()
		if err != nil {
			return fmt.Errorf("diff: %w", err)
		}
		if !*others {
			diff.ForgetOthers()
		}
		if done, err := form.data(cmd.OutOrStdout(), diff); err != nil {
			return err
		} else if !done {
			writeDiff(cmd.OutOrStdout(), diff)
		}
		if diff.Found() {
			return errFound
		}
		return nil
	}
	return cmd
}

// preview loads the fleet in a folder; nil without one. What is wrong with it is
// told: its declarations are held, as they would be after a commit.
func (c *config) preview(stderr io.Writer, dir string) (*fleet.Fleet, error) {
	if dir == "" {
		return nil, nil
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, &misuse{err}
	} else if !info.IsDir() {
		return nil, misusef("%s is not a directory", dir)
	}
	f, findings, err := load(folder{os.DirFS(dir)})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", dir, err)
	}
	for _, finding := range findings {
		fmt.Fprintln(stderr, finding)
	}
	return f, nil
}

// writeDiff gives differences for people.
func writeDiff(out io.Writer, diff *reconciler.Diff) {
	for _, d := range diff.Decisions {
		first, _, _ := strings.Cut(d, "\n")
		fmt.Fprintf(out, "would be decided first: %s\n", first)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	rows := 0
	row := func(o reconciler.Differs, object, action, change string) {
		if rows++; rows == 1 {
			fmt.Fprintln(t, "SHARD\tOWNER\tOBJECT\tSTATE\tCHANGE")
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\n", dash(o.Shard), o.Kind, o.Name, dash(object), action, dash(change))
	}
	for _, o := range diff.Owners {
		if o.Problem != "" {
			row(o, "", "unknown", o.Problem)
		}
		if o.Held != "" {
			row(o, "", "held", o.Held)
		}
		for _, x := range o.Objects {
			if x.Action != "" && len(x.Changes) == 0 {
				row(o, x.Object, string(x.Action), x.Message)
			}
			for i, change := range x.Changes {
				text := change.Field + ": " + brief(change.From) + " → " + brief(change.To)
				if i == 0 && x.Message != "" {
					text += ", " + x.Message
				}
				row(o, x.Object, string(x.Action), text)
			}
			for _, other := range x.Others {
				row(o, x.Object, "others", other.Manager+" has set "+strings.Join(other.Fields, ", "))
			}
		}
	}
	if rows == 0 {
		fmt.Fprintln(out, "no differences")
	}
	if err := t.Flush(); err != nil && !errors.Is(err, os.ErrClosed) {
		return // whoever reads is gone
	}
}

// most is how much of a value stands in a table.
const most = 60

// brief is a value in one line.
func brief(v any) string {
	switch v {
	case nil:
		return "nothing"
	case shard.Hidden:
		return shard.Hidden
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if text := []rune(string(raw)); len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(raw)
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/fleet"
)

func newValidate() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "validate [DIR]",
		Short: "Say everything that is wrong with a fleet",
		Long: `Validate loads the fleet that DIR declares (the working directory by default),
or a commit of a repository, and renders all of it. It says everything that is
wrong at once, each with its place, and exits with 1 if there was something. It
asks no shard and writes nothing; where a tenant would be placed is not judged.`,
		Example: `  tenantry validate
  tenantry validate ./fleet -o json
  tenantry validate --repository https://git.example.com/fleet.git --revision feature/new-tenant`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	c.take(cmd, append([]string{"branch", "image"}, remoteSettings...)...)
	revision := cmd.Flags().String("revision", "", "`BRANCH` or commit of --repository; by default --branch")
	form := addOutput(cmd, "text", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		d, err := c.declared(cmd, *revision, args)
		if err != nil {
			return err
		}
		defer d.close()
		answer, err := judge(d.fsys, c.image, c.progress)
		if err != nil {
			return fmt.Errorf("validate %s: %w", d.name, err)
		}
		return answer.print(cmd, form, d.name)
	}
	return cmd
}

// declaration is a fleet to validate; close it when it is read.
type declaration struct {
	fsys  fs.FS
	name  string
	close func()
}

// declared finds what to validate: a folder that was named, a commit, or the
// working directory.
func (c *config) declared(cmd *cobra.Command, revision string, args []string) (declaration, error) {
	// A repository from the environment or the file is a default that DIR overrides.
	asked := cmd.Flags().Changed("repository") || revision != ""
	switch {
	case len(args) > 0 && asked:
		return declaration{}, misusef("DIR and --repository exclude each other")
	case revision != "" && c.repository == "":
		return declaration{}, misusef("--revision needs --repository")
	case c.repository != "" && len(args) == 0:
		return c.declaredCommit(cmd.Context(), cmp.Or(revision, c.branch))
	}
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	if info, err := os.Stat(dir); err != nil {
		return declaration{}, &misuse{err}
	} else if !info.IsDir() {
		return declaration{}, misusef("%s is not a directory", dir)
	}
	return declaration{os.DirFS(dir), dir, func() {}}, nil
}

func (c *config) declaredCommit(ctx context.Context, revision string) (declaration, error) {
	r, err := c.open(ctx)
	if err != nil {
		return declaration{}, err
	}
	fsys, commit, err := r.commit(ctx, revision, c.branch)
	if err != nil {
		r.close()
		return declaration{}, err
	}
	return declaration{fsys, fmt.Sprintf("%s at %.12s", c.repository, commit), r.close}, nil
}

// verdict is what validate answers.
type verdict struct {
	Findings   fleet.Findings `json:"findings"`
	Shards     int            `json:"shards"`
	DataStores int            `json:"dataStores"`
	Classes    int            `json:"classes"`
	Tenants    int            `json:"tenants"`
	Broken     int            `json:"broken"`
}

func (v verdict) print(cmd *cobra.Command, form *output, name string) error {
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	done, err := form.data(stdout, v)
	if err != nil {
		return err
	}
	if !done {
		if _, err := io.WriteString(stdout, v.Findings.String()); err != nil {
			return err
		}
	}
	if len(v.Findings) > 0 {
		fmt.Fprintf(stderr, "%s: %s\n", name, plural(len(v.Findings), "problem"))
		return errFound
	}
	fmt.Fprintf(stderr, "%s: valid: %s, %s, %s, %s\n", name, plural(v.Tenants, "tenant"),
		plural(v.Shards, "shard"), plural(v.DataStores, "datastore"), plural(v.Classes, "class"))
	return nil
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "class":
		return fmt.Sprintf("%d classes", n)
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/docs/schemas"
	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/render/adoption"
)

// importer is one import: from a shard into a fleet's folder.
type importer struct {
	*config
	shard, dir, team string
	namespaces       []string
	dryRun           bool
	// names are main objects, as NAME or NAMESPACE/NAME; none are all.
	names []string
	seen  map[string]bool
}

func newImport() *cobra.Command {
	i := &importer{config: &config{}, seen: map[string]bool{}}
	cmd := &cobra.Command{
		Use:   "import --shard SHARD [NAME…]",
		Short: "Declare what runs on a shard already",
		Long: `Import reads the control planes and datastores that a shard's operators run already,
and writes declarations of them into a fleet's folder: the nearest one upwards that
has a fleet.yaml, or --fleet. Rendered, they are what is live, field by field; that is
tried before anything is written. It only reads the shard. Once the files are
committed, the daemon puts its marks on the objects and changes nothing else of them.

It knows Kamaji's TenantControlPlanes and DataStores, Clusters of Cluster API with a
KamajiControlPlane, and Clusters of k0smotron. What all of a kind have in common becomes
a class, imported-<provider>; what only one has becomes a patch of its own. What cannot
be declared is listed with its reason, and left out as a whole. No file that is there is
overwritten. NAME is a control plane's, or NAMESPACE/NAME; without one it is all.

With --repository it looks into the ledger, too: a name that this has for another
tenant or datastore, one that was removed included, is not given again.

It exits with 1 if something was found that could not be imported.`,
		Example: `  tenantry import --shard eu-1 --kubeconfigs ./shards --dry-run
  tenantry import --shard eu-1 --kubeconfigs ./shards --fleet ./fleet --team web --namespace team-a
  tenantry import --shard eu-1 --kubeconfigs ./shards team-a/acme`,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	i.take(cmd, append([]string{"kubeconfigs", "ledger-branch"}, remoteSettings...)...)
	flags := cmd.Flags()
	flags.StringVar(&i.shard, "shard", "", "`SHARD` to read")
	flags.StringVar(&i.dir, "fleet", "", "`DIR` of the fleet")
	flags.StringVar(&i.team, "team", "imported", "`TEAM` whose folder tenants go into")
	flags.StringArrayVar(&i.namespaces, "namespace", nil, "`NAMESPACE` to look into; may be repeated; by default all of them")
	flags.BoolVar(&i.dryRun, "dry-run", false, "say what would be written, and write nothing")
	form := addOutput(cmd, "table", "json", "yaml")
	for name, complete := range map[string]completer{"shard": completeDeclared("shards/*.yaml"), "team": completeDeclared("tenants/*")} {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // the flag is there: it was just defined
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		i.names = args
		switch {
		case i.shard == "":
			return misusef("missing --shard: the shard to read")
		case pathFault(i.shard) != "":
			return misusef("--shard %q: %s", i.shard, pathFault(i.shard))
		case pathFault(i.team) != "":
			return misusef("--team %q: %s", i.team, pathFault(i.team))
		}
		if err := required(cmd.Flags(), "kubeconfigs"); err != nil {
			return err
		}
		dir, err := fleetDir(i.dir)
		if err != nil {
			return err
		}
		i.dir = dir
		answer, err := i.run(cmd.Context())
		if err != nil {
			return fmt.Errorf("import shard %s: %w", i.shard, err)
		}
		if done, err := form.data(cmd.OutOrStdout(), answer); err != nil {
			return err
		} else if !done {
			writeImport(cmd.OutOrStdout(), answer)
			i.next(cmd.ErrOrStderr(), answer)
		}
		if len(answer.Left)+len(answer.NotAllowed) > 0 {
			return errFound
		}
		return nil
	}
	return cmd
}

// importedAnswer is what import answers.
type importedAnswer struct {
	Shard string `json:"shard"`
	*adoption.Result
	// Written are the files' paths in the fleet; with DryRun they would be.
	Written []string `json:"written"`
	DryRun  bool     `json:"dryRun,omitempty"`
	// NotServed are kinds that the shard does not know.
	NotServed []string `json:"notServed,omitempty"`
	// NotAllowed are kinds that whoever asks may not list.
	NotAllowed []string `json:"notAllowed,omitempty"`
}

func (i *importer) run(ctx context.Context) (*importedAnswer, error) {
	r, err := render.New(render.Options{Image: defaultImage})
	if err != nil {
		return nil, err
	}
	base := os.DirFS(i.dir)
	loader := fleet.Loader{Judge: r.JudgeProvider}
	f, _, err := loader.Load(base)
	if err != nil {
		return nil, err
	}
	if f.Shards[i.shard] == nil {
		if broken := f.Broken[fleet.Ref{Kind: fleet.KindShard, Name: i.shard}]; broken.Path != "" {
			return nil, fmt.Errorf("its declaration is broken: %s", broken.Message)
		}
		return nil, hint(errors.New("the fleet declares no such shard"), "declared: "+orNone(sortedNames(f.Shards))+"; write shards/"+i.shard+".yaml first")
	}
	decided, err := i.decided(ctx)
	if err != nil {
		return nil, err
	}
	live, err := i.list(ctx, adoption.Kinds(r))
	if err != nil {
		return nil, err
	}
	task := i.progress.begin("make declarations")
	result, err := adoption.Run(r, adoption.Input{
		Shard: i.shard, Team: i.team, Objects: live.objects, Fleet: f, Decided: decided, Wanted: i.wanted(),
		Load: func(files map[string][]byte) (*fleet.Fleet, fleet.Findings, error) {
			return loader.Load(newOverlay(base, files))
		},
		Schema: schemas.URL,
	})
	task.end()
	if err != nil {
		return nil, err
	}
	i.unseen(result)
	answer := &importedAnswer{Shard: i.shard, Result: result, Written: sortedNames(result.Files), DryRun: i.dryRun, NotServed: live.unserved, NotAllowed: live.forbidden}
	if i.dryRun || len(result.Files) == 0 {
		return answer, nil
	}
	if err := writeFresh(i.dir, result.Files); err != nil {
		return nil, err
	}
	return answer, nil
}

// decided is the ledger; nothing where nobody says which repository has one.
func (i *importer) decided(ctx context.Context) (*ledger.Ledger, error) {
	if i.repository == "" {
		return ledger.Empty(), nil
	}
	r, err := i.open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.ledger(ctx, i.ledgerBranch)
}

// wanted tells which control planes were asked for; nil when it is all.
func (i *importer) wanted() func(namespace, name string) bool {
	if len(i.names) == 0 && len(i.namespaces) == 0 {
		return nil
	}
	return func(namespace, name string) bool {
		if len(i.namespaces) > 0 && !slices.Contains(i.namespaces, namespace) {
			return false
		}
		for _, asked := range []string{name, namespace + "/" + name} {
			if slices.Contains(i.names, asked) {
				i.seen[asked] = true
				return true
			}
		}
		return len(i.names) == 0
	}
}

// unseen tells of what was asked for and is not there.
func (i *importer) unseen(result *adoption.Result) {
	for _, name := range i.names {
		if !i.seen[name] {
			result.Left = append(result.Left, adoption.Left{Object: name, Reason: "no control plane of this name was found"})
		}
	}
}

func orNone(names []string) string {
	return cmp.Or(strings.Join(names, ", "), "none")
}

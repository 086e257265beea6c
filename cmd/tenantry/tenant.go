package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/docs/schemas"
	"github.com/tenantry/tenantry/fleet"
)

func newTenant() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Write tenants' files",
		Example: `  tenantry tenant new acme --team web
  tenantry tenant new --help`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return &misuse{hint(fmt.Errorf("unknown verb %q", args[0]), `"tenantry tenant --help" lists the verbs`)}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTenantNew())
	return cmd
}

func newTenantNew() *cobra.Command {
	var spec fleet.TenantSpec
	var dir, team string
	var parameters []string
	cmd := &cobra.Command{
		Use:   "new NAME --team TEAM",
		Short: "Declare a new tenant",
		Long: `New writes tenants/TEAM/NAME/tenant.yaml into a fleet's folder: the nearest one
upwards that has a fleet.yaml, or --fleet. Only what is given is written; the rest
is the class's to say. The fleet is judged as it would be with the file, which is
written only if nothing is wrong with it. A name that is taken anywhere in the
fleet is refused.`,
		Example: `  tenantry tenant new acme --team web
  tenantry tenant new acme --team web --class large --version v1.36.3 --replicas 3
  tenantry tenant new acme --team web --fleet ./fleet --shard eu-1
  tenantry tenant new acme --team web --parameter auditLog=true --group web-admins`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "fleet", "", "`DIR` of the fleet")
	flags.StringVar(&team, "team", "", "`TEAM` whose folder it goes into")
	flags.StringVar(&spec.Class, "class", "", "`CLASS` of the tenant; needed when the fleet has several")
	flags.StringVar(&spec.Version, "version", "", "Kubernetes `VERSION`; by default the class's")
	flags.IntVar(&spec.Replicas, "replicas", 0, "`NUMBER` of replicas of the control plane; by default the class's")
	flags.StringVar(&spec.Shard, "shard", "", "`SHARD` to live on; by default the least loaded that takes it")
	flags.StringVar(&spec.DataStore, "datastore", "", "`DATASTORE` to keep its state in; by default the least loaded that takes it")
	flags.StringArrayVar(&parameters, "parameter", nil, "`NAME=VALUE` of a parameter of the class; once for each, and for each element of a list")
	flags.StringArrayVar(&spec.Access.Groups, "group", nil, "`GROUP` that may read the tenant's kubeconfig; may be repeated")
	for name, complete := range map[string]completer{
		"team":      completeDeclared("tenants/*"),
		"class":     completeDeclared("classes/*/class.yaml"),
		"shard":     completeDeclared("shards/*.yaml"),
		"datastore": completeDeclared("datastores/*.yaml"),
	} {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // the flag is there: it was just defined
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		switch {
		case team == "":
			return misusef("missing --team: a tenant stands in tenants/<team>/<name>")
		case pathFault(team) != "":
			return misusef("--team %q: %s", team, pathFault(team))
		case pathFault(name) != "":
			return misusef("%q: %s", name, pathFault(name))
		case flags.Changed("replicas") && spec.Replicas == 0:
			return misusef("--replicas 0: want 1 or more")
		}
		dir, err := fleetDir(dir)
		if err != nil {
			return err
		}
		return declare(cmd, dir, team, name, spec, parameters)
	}
	return cmd
}

// declare writes a new tenant's file, once the fleet is found to be good with it.
func declare(cmd *cobra.Command, dir, team, name string, spec fleet.TenantSpec, parameters []string) error {
	fail := func(err error) error { return fmt.Errorf("declare tenant %s: %w", name, err) }
	f, _, err := load(os.DirFS(dir))
	if err != nil {
		return fail(err)
	}
	if where := declaredIn(f, name); where != "" {
		return hint(fail(fmt.Errorf("the name is taken by %s", where)), "names of tenants are unique in a fleet; nothing was written")
	}
	if spec.Class == "" {
		classes := slices.Sorted(maps.Keys(f.Classes))
		if len(classes) != 1 {
			return misusef("missing --class: the fleet has %s", plural(len(classes), "class")+list(classes))
		}
		spec.Class = classes[0]
	}
	if spec.Parameters, err = parametersOf(f.Classes[spec.Class], parameters); err != nil {
		return err
	}
	content, err := declarationFile(fleet.KindTenant, name, spec)
	if err != nil {
		return fail(err)
	}
	file := tenantPath(team, name)
	files := map[string][]byte{file: content}
	_, findings, err := load(newOverlay(os.DirFS(dir), files))
	if err != nil {
		return fail(err)
	}
	ours, others := divide(findings, path.Dir(file))
	if len(ours) > 0 {
		fmt.Fprint(cmd.ErrOrStderr(), ours.String())
		return fail(errors.New("that would be no valid tenant; nothing was written"))
	}
	if err := writeNew(dir, files); err != nil {
		return fail(err)
	}
	if len(others) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "the fleet has %s of other files: \"tenantry validate\" says which\n", plural(len(others), "problem"))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, filepath.FromSlash(file)))
	return err
}

// declaredIn is the file that declares a tenant of that name, well or not.
func declaredIn(f *fleet.Fleet, name string) string {
	if t := f.Tenants[name]; t != nil {
		return t.Source.Path
	}
	return f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: name}].Path
}

// divide tells the findings about a folder from the others.
func divide(all fleet.Findings, folder string) (ours, others fleet.Findings) {
	for _, f := range all {
		if f.File == path.Dir(folder) || f.File == folder || strings.HasPrefix(f.File, folder+"/") {
			ours = append(ours, f)
		} else {
			others = append(others, f)
		}
	}
	return ours, others
}

// declarationFile is a declaration's file, with its schema for editors.
func declarationFile[S any](kind, name string, spec S) ([]byte, error) {
	content, err := fleet.Encode(struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   fleet.Metadata `json:"metadata"`
		Spec       S              `json:"spec"`
	}{fleet.APIVersion, kind, fleet.Metadata{Name: name}, spec})
	return append([]byte("# yaml-language-server: $schema="+schemas.URL(kind)+"\n"), content...), err
}

func tenantPath(team, name string) string { return path.Join("tenants", team, name, "tenant.yaml") }

func list(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

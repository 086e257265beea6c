package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/fleet"
)

// defaultVersion is the Kubernetes version of a new fleet's class.
const defaultVersion = "v1.36.3"

// newFleet is what a fleet's first files are filled with.
type newFleet struct {
	Name, Shard, Domain, Provider, Version string
	AddressPool                            []string
}

func newInit() *cobra.Command {
	var f newFleet
	var tenant string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a fleet repository",
		Long: `Init writes the first files of a fleet into DIR (the working directory by
default): its settings, one management cluster, a datastore there and a class. The
result is valid at once. Nothing is ever overwritten: if one of the files or folders
is there, init says which and writes none.

It makes plain files only; to commit and push them is yours.`,
		Example: `  tenantry init ./fleet --shard eu-1 --domain tenants.example.com
  tenantry init --shard eu-1 --address-pool 10.0.0.10-10.0.0.200 --tenant web/acme
  tenantry init ./fleet --provider kamaji`,
		Args: args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Name, "name", "", "`NAME` of the fleet, for people; by default that of DIR")
	flags.StringVar(&f.Shard, "shard", "main", "`NAME` of the management cluster")
	flags.StringVar(&f.Domain, "domain", "", "`DOMAIN` of tenants' endpoints: <tenant>.<domain>; by default tenants.example.com, to be replaced")
	flags.StringSliceVar(&f.AddressPool, "address-pool", nil, "`ADDRESSES` for tenants' endpoints instead of a domain: an address, a range or a CIDR")
	flags.StringVar(&f.Provider, "provider", fleet.DefaultProvider, "`PROVIDER` of the control planes: native or kamaji")
	flags.StringVar(&f.Version, "version", defaultVersion, "Kubernetes `VERSION` of the class")
	flags.StringVar(&tenant, "tenant", "", "write a first tenant, too: `TEAM/NAME`")
	if err := cmd.RegisterFlagCompletionFunc("provider", oneOf("native", "kamaji")); err != nil {
		panic(err) // the flag is there: it was just defined
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir := "."
		if len(args) > 0 {
			dir = args[0]
		}
		if len(f.AddressPool) > 0 && f.Domain != "" {
			return misusef("--domain and --address-pool exclude each other")
		}
		if len(f.AddressPool) == 0 {
			f.Domain = cmp.Or(f.Domain, "tenants.example.com")
		}
		if f.Name == "" {
			f.Name = folderName(dir)
		}
		files, err := f.files(tenant)
		if err != nil {
			return err
		}
		return initFleet(cmd, dir, files)
	}
	return cmd
}

// initFleet writes a new fleet's files, once they are found to be good.
func initFleet(cmd *cobra.Command, dir string, files map[string][]byte) error {
	if there := existing(dir, files); len(there) > 0 {
		return hint(fmt.Errorf("begin a fleet in %s: there is already %s", dir, strings.Join(there, ", ")),
			"nothing was written; choose an empty folder, or move these away")
	}
	answer, err := judge(newOverlay(nil, files), defaultImage, newProgress(cmd.ErrOrStderr()))
	if err != nil {
		return fmt.Errorf("begin a fleet in %s: %w", dir, err)
	}
	if len(answer.Findings) > 0 {
		fmt.Fprint(cmd.ErrOrStderr(), answer.Findings.String())
		return hint(errors.New("that would be no valid fleet; nothing was written"), `"tenantry init --help" says what the flags want`)
	}
	if err := writeNew(dir, files); err != nil {
		return fmt.Errorf("begin a fleet in %s: %w", dir, err)
	}
	for _, p := range sortedNames(files) {
		fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, filepath.FromSlash(p)))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), `
Next:
    %sgit init -b main && git add . && git commit -m "Begin the fleet"
    tenantry tenant new acme --team web      # declares a tenant
    tenantry validate                        # says what is wrong, before it is pushed
    tenantry run --repository URL --kubeconfigs DIR
`, changeTo(dir))
	return nil
}

func changeTo(dir string) string {
	if filepath.Clean(dir) == "." {
		return ""
	}
	return "cd " + dir + " && "
}

// files are a new fleet's, by path.
func (f newFleet) files(tenant string) (map[string][]byte, error) {
	if !slices.Contains([]string{"native", "kamaji"}, f.Provider) {
		return nil, misusef("--provider %s: want native or kamaji", f.Provider)
	}
	if fault := pathFault(f.Shard); fault != "" {
		return nil, misusef("--shard %q: %s", f.Shard, fault)
	}
	files := map[string][]byte{}
	for p, name := range map[string]string{
		"README.md":                         "README.md",
		"fleet.yaml":                        "fleet.yaml",
		"shards/" + f.Shard + ".yaml":       "shard.yaml",
		"datastores/" + f.Shard + "-a.yaml": "datastore.yaml",
		"classes/standard/class.yaml":       "class.yaml",
	} {
		content, err := fillTemplate(name, f)
		if err != nil {
			return nil, err
		}
		files[p] = content
	}
	if tenant == "" {
		return files, nil
	}
	team, name, found := strings.Cut(tenant, "/")
	if !found || pathFault(team) != "" || pathFault(name) != "" {
		return nil, misusef("--tenant %q: want TEAM/NAME", tenant)
	}
	content, err := declarationFile(fleet.KindTenant, name, fleet.TenantSpec{Class: "standard"})
	if err != nil {
		return nil, err
	}
	files[tenantPath(team, name)] = content
	return files, nil
}

// existing are the files, and the folders of declarations, that are there already.
func existing(dir string, files map[string][]byte) []string {
	tops := map[string]bool{"tenants": true}
	for p := range files {
		top, _, _ := strings.Cut(p, "/")
		tops[top] = true
	}
	var there []string
	for _, p := range sortedNames(tops) {
		if _, err := os.Lstat(filepath.Join(dir, p)); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, p)
		}
	}
	return there
}

// pathFault says what is wrong with a name that becomes part of a path. Its other
// rules are for the fleet to judge.
func pathFault(name string) string {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\:\x00\n") || path.Clean(name) != name {
		return "is not a name"
	}
	return ""
}

// folderName makes a fleet's name of its folder's: what is no letter of a name becomes a dash.
func folderName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "fleet"
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(filepath.Base(abs)))
	name = strings.TrimLeft(name[:min(len(name), 40)], "-0123456789")
	return cmp.Or(strings.TrimRight(name, "-"), "fleet")
}

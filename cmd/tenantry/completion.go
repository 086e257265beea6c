package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// completions of each shell.
var shells = []struct {
	name  string
	write func(root *cobra.Command, cmd *cobra.Command) error
}{
	{"bash", func(root, cmd *cobra.Command) error { return root.GenBashCompletionV2(cmd.OutOrStdout(), true) }},
	{"zsh", func(root, cmd *cobra.Command) error { return root.GenZshCompletion(cmd.OutOrStdout()) }},
	{"fish", func(root, cmd *cobra.Command) error { return root.GenFishCompletion(cmd.OutOrStdout(), true) }},
	{"powershell", func(root, cmd *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(cmd.OutOrStdout()) }},
}

func newCompletion() *cobra.Command {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return &cobra.Command{
		Use:   "completion " + strings.Join(names, "|"),
		Short: "Print a script that completes commands in a shell",
		Long: `Completion prints a script for a shell. Once the shell has read it, the tab key
completes verbs, flags and their values; in a fleet's folder also tenants, classes,
shards and datastores, as the files there declare them.`,
		Example: `  source <(tenantry completion bash)
  tenantry completion zsh > "${fpath[1]}/_tenantry"
  tenantry completion fish > ~/.config/fish/completions/tenantry.fish`,
		Args:      args(cobra.ExactArgs(1)),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range shells {
				if s.name == args[0] {
					return s.write(cmd.Root(), cmd)
				}
			}
			return misusef("completion is not known for %q: want %s", args[0], strings.Join(names, ", "))
		},
	}
}

// completer gives the values that may stand at a place.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// oneOf completes one of a few words.
func oneOf(words ...string) completer {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// completeTenant completes the first argument by the tenants that the fleet's
// folder declares: it asks no network, so that the tab key is quick.
func completeTenant(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return declaredNames(cmd, filepath.Join("tenants", "*", "*", "tenant.yaml"))
}

// completeDeclared completes names of files or folders of the fleet.
func completeDeclared(pattern string) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return declaredNames(cmd, pattern)
	}
}

func declaredNames(cmd *cobra.Command, pattern string) ([]string, cobra.ShellCompDirective) {
	named, _ := cmd.Flags().GetString("fleet") // not every verb has it
	dir, err := fleetDir(named)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, f := range files {
		if base := filepath.Base(f); base == "tenant.yaml" || base == "class.yaml" {
			f = filepath.Dir(f)
		}
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// fleetDir is the fleet's folder: the one that is named, or the nearest one
// upwards of the working directory that has a fleet.yaml.
func fleetDir(named string) (string, error) {
	if named != "" {
		info, err := os.Stat(named)
		if err == nil && !info.IsDir() {
			return "", misusef("%s is not a directory", named)
		}
		if err != nil {
			return "", &misuse{err}
		}
		return named, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "fleet.yaml")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", &misuse{hint(errors.New("there is no fleet.yaml here or above"), `name the fleet's folder with --fleet, or begin one with "tenantry init"`)}
		}
	}
}

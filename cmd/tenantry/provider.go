package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/render/trial"
)

func newProvider() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "provider",
		Short:   "Work on providers",
		Long:    `Work on providers: folders that know one kind of control plane (docs/providers.md).`,
		Example: "  tenantry provider test ./providers/acme\n  tenantry provider test --help",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProviderTest())
	return cmd
}

func newProviderTest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Try a provider by its own inputs, goldens and cases of health",
		Long: `Test tries the provider in DIR by the data that stands in its own folder:

    testdata/<name>.input.yaml    what a unit is rendered from
    testdata/<name>.golden.yaml   what it is rendered to
    testdata/<name>.health.yaml   how it is judged, as a shard may hold it

It says all that is wrong with provider.yaml, builds the bases and stamps, renders
every input twice, and holds it against its golden file and against what may be
rendered. No unit may be current before anybody has looked at its objects; every
case has to be judged as it says; and of each rule of health, cases should have seen
all states. In a fleet's providers/ it is judged as the fleet's own, which may do less.
Nothing is asked of a cluster, fetched or run.

It prints a line for each case, and exits with 1 if one failed.`,
		Example: `  tenantry provider test ./providers/acme
  tenantry provider test ./providers/acme --update   # write the golden files anew: read what changed
  tenantry provider test ./providers/acme --strict -o json`,
		Args: args(cobra.ExactArgs(1)),
	}
	update := cmd.Flags().Bool("update", false, "write the golden files anew, as they are rendered")
	strict := cmd.Flags().Bool("strict", false, "fail for warnings, too")
	form := addOutput(cmd, "text", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return &misuse{err}
		}
		if info, err := os.Stat(dir); err != nil {
			return &misuse{err}
		} else if !info.IsDir() {
			return misusef("%s is not a directory", args[0])
		}
		report, err := trial.Run(os.DirFS(filepath.Dir(dir)), filepath.Base(dir), trial.Options{Image: trial.Image, Update: *update})
		if err != nil {
			return fmt.Errorf("test %s: %w", args[0], err)
		}
		if bounds, err := asOwn(dir); err != nil {
			return fmt.Errorf("test %s: %w", args[0], err)
		} else if bounds != nil {
			report.Cases = append(report.Cases, *bounds)
		}
		if *strict {
			report.Strict()
		}
		if *update {
			if err := writeGoldens(dir, report.Goldens); err != nil {
				return fmt.Errorf("test %s: %w", args[0], err)
			}
		}
		return printReport(cmd, form, args[0], report, *update)
	}
	return cmd
}

// asOwn judges a folder that stands in a fleet as the fleet does: its own providers may do
// less than those that the binary carries. It is nil of any other folder.
func asOwn(dir string) (*trial.Case, error) {
	name, providers := filepath.Base(dir), filepath.Dir(dir)
	root := filepath.Dir(providers)
	if filepath.Base(providers) != "providers" || !there(filepath.Join(root, "fleet.yaml")) {
		return nil, nil
	}
	_, findings, err := load(os.DirFS(root))
	if err != nil {
		return nil, err
	}
	bounds := &trial.Case{Name: "as a provider of the fleet's own"}
	for _, f := range findings {
		if rest, ok := strings.CutPrefix(f.File, path.Join("providers", name)); ok && (rest == "" || rest[0] == '/') {
			f.File = strings.TrimPrefix(rest, "/")
			bounds.Problems = append(bounds.Problems, f)
		}
	}
	return bounds, nil
}

func there(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// writeGoldens writes below dir only, wherever a link in it leads.
func writeGoldens(dir string, goldens map[string][]byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	for _, name := range sortedNames(goldens) {
		if err = root.WriteFile(name, goldens[name], 0o644); err != nil {
			break
		}
	}
	if closed := root.Close(); err == nil {
		err = closed
	}
	return err
}

func printReport(cmd *cobra.Command, form *output, name string, report *trial.Report, updated bool) error {
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	done, err := form.data(stdout, report)
	if err != nil {
		return err
	}
	if !done {
		var text strings.Builder
		for _, c := range report.Cases {
			describeCase(&text, c)
		}
		for _, word := range report.Notes {
			fmt.Fprintf(&text, "note  %s\n", word)
		}
		// What stands in the folder is anybody's, and this may be a terminal.
		if _, err := io.WriteString(stdout, strings.Map(shown, text.String())); err != nil {
			return err
		}
	}
	if updated {
		for _, file := range sortedNames(report.Goldens) {
			fmt.Fprintf(stderr, "%s: written\n", filepath.Join(name, file))
		}
	}
	fmt.Fprintf(stderr, "%s: %s, %d failed, %s\n", name, plural(len(report.Cases), "case"), report.Failed(), plural(report.Warnings(), "warning"))
	if report.Failed() > 0 {
		return errFound
	}
	return nil
}

func describeCase(out *strings.Builder, c trial.Case) {
	word := "ok"
	switch {
	case c.Failed():
		word = "FAIL"
	case len(c.Warnings) > 0:
		word = "warn"
	}
	fmt.Fprintf(out, "%-5s %s\n", word, c.Name)
	for _, text := range []string{c.Problems.String(), c.Warnings.String(), c.Diff} {
		for line := range strings.Lines(text) {
			out.WriteString("      " + line)
		}
	}
}

// shown replaces what would move a cursor.
func shown(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

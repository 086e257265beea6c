package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// generatedFrom begins the part of docs/cli.md that is made from the verbs.
const generatedFrom = "<!-- What follows is made from the program: go test ./cmd/tenantry -run Reference -update -->\n"

// Every verb and every flag stands in the documentation, in the program's own words.
func TestReference(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/home/you/.cache")
	const file = "../../docs/cli.md"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	written, generated, found := strings.Cut(string(raw), generatedFrom)
	if !found {
		t.Fatalf("%s has no line %q", file, generatedFrom)
	}
	want := reference()
	if *update {
		if err := os.WriteFile(file, []byte(written+generatedFrom+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, generated); diff != "" {
		t.Errorf("%s is not what the program says; run the test with -update (-want +got):\n%s", file, diff)
	}
}

// reference describes all settings and all verbs in Markdown.
func reference() string {
	var out bytes.Buffer
	settings := (&config{}).flags()
	fmt.Fprint(&out, "\n## Settings\n\n| flag | environment, file | meaning | default |\n| --- | --- | --- | --- |\n")
	settings.VisitAll(func(f *pflag.Flag) {
		name, usage := unquote(f)
		fmt.Fprintf(&out, "| `--%s` | `%s`, `%s` | %s | %s |\n", name, envName(f.Name), fileKey(f.Name), usage, defaultOf(f))
	})
	fmt.Fprint(&out, "\n## Verbs\n")
	for _, cmd := range verbs(newRoot()) {
		describeVerb(&out, cmd, settings)
	}
	return out.String()
}

// verbs are all that can be called, those below a verb after it.
func verbs(of *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, cmd := range of.Commands() {
		if !cmd.Hidden && cmd.Name() != "help" {
			all = append(append(all, cmd), verbs(cmd)...)
		}
	}
	return all
}

func describeVerb(out *bytes.Buffer, cmd *cobra.Command, settings *pflag.FlagSet) {
	fmt.Fprintf(out, "\n### %s\n\n", cmd.CommandPath())
	fmt.Fprintf(out, "    %s\n\n", cmd.UseLine())
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintln(out, strings.TrimSpace(text))
	if cmd.Example != "" {
		fmt.Fprintf(out, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	var taken []string
	rows := ""
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		switch name, usage := unquote(f); {
		case f.Name == "help":
		case settings.Lookup(f.Name) != nil, f.Name == "config":
			taken = append(taken, "`--"+f.Name+"`")
		default:
			rows += fmt.Sprintf("| `--%s` | %s | %s |\n", name, usage, defaultOf(f))
		}
	})
	if rows != "" {
		fmt.Fprintf(out, "\n| flag | meaning | default |\n| --- | --- | --- |\n%s", rows)
	}
	if len(taken) > 0 {
		fmt.Fprintf(out, "\nSettings: %s.\n", strings.Join(taken, ", "))
	}
}

// unquote gives a flag with its value's name, and its meaning without the variable
// that take adds.
func unquote(f *pflag.Flag) (name, usage string) {
	value, usage := pflag.UnquoteUsage(f)
	usage = regexp.MustCompile(` \(\$TENANTRY_\w+\)$`).ReplaceAllString(usage, "")
	name = f.Name
	if value != "" {
		name += " " + value
	}
	if f.Shorthand != "" {
		name += "`, `-" + f.Shorthand
	}
	return name, strings.ReplaceAll(strings.ReplaceAll(usage, "|", `\|`), "<", `\<`)
}

func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "false", "0":
		return ""
	}
	return "`" + f.DefValue + "`"
}

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/tenantry/tenantry/render/adoption"
)

// writeImport gives what was imported, and what was not, for people.
func writeImport(out io.Writer, a *importedAnswer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	rows := 0
	row := func(o adoption.Owner, state string) {
		if rows++; rows == 1 {
			fmt.Fprintln(t, "NAME\tOBJECT\tCLASS\tDATASTORE\tENDPOINT\tSTATE\tFILE")
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Kind, o.Name, o.Object, dash(o.Class), dash(o.DataStore), dash(o.Endpoint), state, o.File)
	}
	for _, o := range a.Imported {
		row(o, "imported")
	}
	for _, o := range a.Declared {
		row(o, "declared already")
	}
	_ = t.Flush() // whoever reads may be gone
	if rows == 0 && len(a.Left)+len(a.NotAllowed) == 0 {
		fmt.Fprintln(out, "nothing to import")
	}
	section(out, "Patches of their own, because only they have these fields:")(func(line func(string, ...any)) {
		for _, o := range a.Imported {
			if len(o.Fields) > 0 {
				line("%s: %s", o.Name, byKind(o.Fields))
			}
		}
	})
	section(out, "To look after:")(func(line func(string, ...any)) {
		for _, o := range a.Imported {
			for _, warning := range o.Warnings {
				line("%s: %s %s", o.Name, o.Object, warning)
			}
		}
	})
	section(out, "Not imported:")(func(line func(string, ...any)) {
		for _, l := range a.Left {
			if l.Field != "" {
				line("%s: %s: %s", l.Object, l.Field, l.Reason)
			} else {
				line("%s: %s", l.Object, l.Reason)
			}
		}
	})
	if len(a.NotAllowed) > 0 {
		fmt.Fprintf(out, "\nNot allowed to be listed, so that nothing is told of them: %s\n", strings.Join(a.NotAllowed, ", "))
	}
	if len(a.NotServed) > 0 {
		fmt.Fprintf(out, "\nNot served by the shard: %s\n", strings.Join(a.NotServed, ", "))
	}
}

// section prints lines below a heading, which is there if a line is.
func section(out io.Writer, heading string) func(func(line func(string, ...any))) {
	return func(lines func(line func(string, ...any))) {
		lines(func(format string, args ...any) {
			if heading != "" {
				fmt.Fprintf(out, "\n%s\n", heading)
				heading = ""
			}
			fmt.Fprintf(out, "    "+format+"\n", args...)
		})
	}
}

// next says what to do with what was written.
func (i *importer) next(stderr io.Writer, a *importedAnswer) {
	switch {
	case len(a.Files) == 0:
	case a.DryRun:
		fmt.Fprintf(stderr, "\nNothing was written; without --dry-run there would be %s.\n", plural(len(a.Files), "file"))
	default:
		fmt.Fprintf(stderr, `
%s written. Next:
    %sgit add . && git diff --staged      # read what is declared
    tenantry diff --fleet %s --repository URL --kubeconfigs %s
                                          # each object "adopts", and nothing differs
    git commit -m "Import %s" && git push # from then on the daemon takes over
`, plural(len(a.Files), "file"), changeTo(i.dir), i.dir, i.kubeconfigs, i.shard)
	}
}

// byKind names fields with their kinds, each kind once.
func byKind(fields []string) string {
	var out strings.Builder
	last := ""
	for i, f := range fields {
		kind, field, _ := strings.Cut(f, " ")
		if i > 0 {
			out.WriteString(", ")
		}
		if kind != last {
			out.WriteString(kind + " ")
		}
		out.WriteString(field)
		last = kind
	}
	return out.String()
}

package repository

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
)

// pageLimit bounds each table of tenants: who wants more reads it from a shell.
const pageLimit = 500

// phases in the order in which somebody has to look.
var phases = []core.Phase{core.Failed, core.Held, core.Unknown, core.Pending, core.Provisioning, core.Purging, core.Removed, core.Ready}

// page is the overview in Markdown.
func page(lines []*line, made string, asOf time.Time) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "<!-- tenantry:%s Written by Tenantry; without this line the file is left alone. -->\n# The fleet\n\n", made)
	fmt.Fprintf(&out, "As of %s, written at most every %.0f minutes. `tenantry status` shows what there is now, `tenantry explain TENANT` why.\n",
		asOf.Format(time.RFC3339), overviewInterval.Minutes())
	var tenants, shards []*line
	for _, l := range lines {
		if l.Name != "" {
			tenants = append(tenants, l)
		} else {
			shards = append(shards, l)
		}
	}
	writeShards(&out, shards, tenants)
	writeUnready(&out, tenants)
	writeTenants(&out, tenants)
	return out.Bytes()
}

// writeShards counts tenants by shard and phase.
func writeShards(out *bytes.Buffer, shards, tenants []*line) {
	states, counts, total := map[string]string{}, map[string]map[core.Phase]int{}, map[core.Phase]int{}
	for _, l := range shards {
		if counts[l.Shard] = map[core.Phase]int{}; l.Reason == "" {
			states[l.Shard] = "Ready"
		} else {
			states[l.Shard] = text(l.Reason + ": " + short(l.Message))
		}
	}
	for _, l := range tenants {
		if counts[l.Shard] == nil {
			counts[l.Shard] = map[core.Phase]int{}
		}
		counts[l.Shard][l.Phase]++
		total[l.Phase]++
	}
	fmt.Fprint(out, "\n## Shards\n\n| shard | tenants |")
	for _, p := range phases {
		fmt.Fprintf(out, " %s |", p)
	}
	fmt.Fprint(out, " state |\n| --- | ---: |"+strings.Repeat(" ---: |", len(phases))+" --- |\n")
	row := func(name string, by map[core.Phase]int, state string) {
		sum := 0
		for _, n := range by {
			sum += n
		}
		fmt.Fprintf(out, "| %s | %d |", name, sum)
		for _, p := range phases {
			fmt.Fprintf(out, " %s |", number(by[p]))
		}
		fmt.Fprintf(out, " %s |\n", state)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if name != "" {
			row(text(name), counts[name], states[name])
		}
	}
	if counts[""] != nil {
		row("*not placed*", counts[""], "")
	}
	row("**all**", total, "")
}

// writeUnready says of each tenant that is not ready why, the worst first.
func writeUnready(out *bytes.Buffer, tenants []*line) {
	var list []*line
	for _, l := range tenants {
		if l.Phase != core.Ready {
			list = append(list, l)
		}
	}
	fmt.Fprintf(out, "\n## Not ready: %d\n\n", len(list))
	if len(list) == 0 {
		fmt.Fprintln(out, "All tenants are ready.")
		return
	}
	slices.SortStableFunc(list, func(a, b *line) int {
		return cmp.Or(slices.Index(phases, a.Phase)-slices.Index(phases, b.Phase), byName(a, b))
	})
	fmt.Fprintln(out, "| tenant | team | shard | phase | reason | message |\n| --- | --- | --- | --- | --- | --- |")
	for _, l := range list[:min(len(list), pageLimit)] {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", link(l), text(l.Team), text(l.Shard), text(string(l.Phase)), text(l.Reason), text(short(l.Message)))
	}
	if len(list) > pageLimit {
		fmt.Fprintf(out, "\n… and %d more: `tenantry status` lists them.\n", len(list)-pageLimit)
	}
}

func writeTenants(out *bytes.Buffer, tenants []*line) {
	fmt.Fprintf(out, "\n## Tenants: %d\n\n", len(tenants))
	switch {
	case len(tenants) == 0:
		fmt.Fprintln(out, "There are none.")
		return
	case len(tenants) > pageLimit:
		fmt.Fprintf(out, "More than the %d that a page shows: `tenantry status` lists them, and each has its file in [status](status).\n", pageLimit)
		return
	}
	fmt.Fprintln(out, "| tenant | team | shard | datastore | phase | version | endpoint |\n| --- | --- | --- | --- | --- | --- | --- |")
	for _, l := range slices.SortedStableFunc(slices.Values(tenants), byName) {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", link(l), text(l.Team), text(l.Shard), text(l.DataStore),
			text(string(l.Phase)), text(l.Version), text(l.Endpoint))
	}
}

func byName(a, b *line) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Shard, b.Shard))
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func link(l *line) string {
	if strings.ContainsFunc(l.File, func(r rune) bool { return !plain(r) && r != '/' && r != '_' }) {
		return text(l.Name) // not a path of ours
	}
	return "[" + text(l.Name) + "](" + l.File + ")"
}

// messageLimit bounds what one cell says; the tenant's file has the rest.
const messageLimit = 300

func short(message string) string {
	if runes := []rune(message); len(runes) > messageLimit {
		return string(runes[:messageLimit]) + "…"
	}
	return message
}

// text is s so that it reads as it is, in one cell of a table: a message may
// quote what anybody wrote.
func text(s string) string {
	var out strings.Builder
	for _, r := range strings.Join(strings.Fields(s), " ") {
		switch {
		case plain(r) || r > 127 || strings.ContainsRune(" /:,;()'\"=+", r):
			out.WriteRune(r)
		case r < ' ' || r == 127: // nothing to see
		default:
			fmt.Fprintf(&out, "&#%d;", r)
		}
	}
	return out.String()
}

// plain letters mean nothing to Markdown.
func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.'
}

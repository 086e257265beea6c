package trial

import (
	"fmt"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render"
)

// coverage warns of rules that no case has tried, or not in every state that they know.
func (t *trial) coverage() {
	c := Case{Name: "health"}
	for _, r := range t.source.Rules() {
		want := []render.State{render.Current, render.InProgress}
		if r.CanFail {
			want = append(want, render.Failed)
		}
		seen := t.seen[r.Field]
		if len(seen) == 0 {
			c.Warnings = append(c.Warnings, t.source.Finding(r.Field, "no case tries it", "write cases into testdata/<name>"+health))
			continue
		}
		for _, state := range want {
			if !seen[state] {
				c.Warnings = append(c.Warnings, t.source.Finding(r.Field, fmt.Sprintf("no case sees it %s", state), ""))
			}
		}
	}
	fleet.Findings.Sort(c.Warnings)
	t.add(c)
}

// words say what a provider's control planes can live through.
func words(c render.Capabilities) []string {
	because := func(name, can, cannot string, has bool) string {
		switch why := c.Reasons[name]; {
		case has:
			return can
		case why != "":
			return cannot + ": " + why
		default:
			return cannot
		}
	}
	version := ""
	if v := c.VersionChange; v != nil {
		version = fmt.Sprintf("a version rises in place, by %d minors at most", v.Minors)
		if v.Minors == 1 {
			version = "a version rises in place, by 1 minor at most"
		}
		if v.Downgrade {
			version += ", and may fall"
		} else {
			version += ", and never falls"
		}
	}
	return []string{
		because("sleep", "a control plane can sleep", "a control plane cannot sleep", c.Sleep),
		because("dataStoreChange", "it can come to another datastore", "it stays with its datastore", c.DataStoreChange),
		because("versionChange", version, "a version stays as it was made", c.VersionChange != nil),
	}
}

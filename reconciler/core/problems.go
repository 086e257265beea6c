package core

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
)

// Report is one thing that keeps the core from doing its whole work.
type Report struct{ Reason, Message string }

// Problems lists what keeps the core from doing its whole work, shards and
// tenants excepted: they have statuses of their own. Empty is ready.
func (c *Core) Problems() []Report {
	var all []Report
	add := func(reason, format string, args ...any) {
		all = append(all, Report{reason, fmt.Sprintf(format, args...)})
	}
	switch g := &c.git; {
	case g.problem != "":
		add("Declared"+string(g.problem), "%s", g.message)
	case g.declared == nil && g.err == nil:
		add("Starting", "the declared branch has not been read yet")
	}
	if c.git.err != nil {
		add("GitUnreachable", "%v", c.git.err)
	}
	if !c.introduced {
		add("NoShards", "there is no kubeconfig of any shard")
	}
	switch l := &c.ledger; {
	case l.problem != "":
		add("Ledger"+string(l.problem), "%s", l.message)
	case !l.known:
		add("Starting", "the ledger has not been read yet")
	case c.lostLedger() != "":
		add("LedgerLost", "%s", c.undecidable())
	case l.pushErr != nil && l.attempts > 0:
		add("LedgerNotWritable", "%v", l.pushErr)
	}
	if s := &c.status; s.err != nil && s.attempts > 0 {
		add("StatusNotWritable", "%v", s.err)
	}
	return all
}

// Remarks says of classes and datastores, and of what else is broken beside
// tenants, why it is not as it is declared now: what was in force goes on. A
// tenant's own trouble stands in its status.
func (c *Core) Remarks() []string { return c.remarks }

func remarks(f *fleet.Fleet, notes map[string]note) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(notes)) {
		if kind, name, found := strings.Cut(key, "/"); found {
			all = append(all, fmt.Sprintf("%s %s: %s", kind, name, notes[key].message))
		}
	}
	for ref, b := range f.Broken {
		if ref.Kind != fleet.KindTenant {
			all = append(all, fmt.Sprintf("%s %s: %s", ref.Kind, ref.Name, b.Message))
		}
	}
	slices.Sort(all)
	return all
}

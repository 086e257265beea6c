package simulation

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// onTop: a push is one commit on the tip that it names, and changes something. A second
// commit of the same would be a decision taken twice; another parent, one that was laid
// on decisions which its maker has never seen.
func (j *judge) onTop(p gitserver.Push) {
	if p.New == "" {
		return
	}
	parents, err := j.w.git.Parents(p.New)
	switch {
	case err != nil:
		j.violate("OnTop", "%s: %v", p.New, err)
	case p.Old == "" && len(parents) > 0, p.Old != "" && !slices.Equal(parents, []string{p.Old}):
		j.violate("OnTop", "%s was pushed to %s at %q, but stands on %v", p.New, p.Branch, p.Old, parents)
	case p.Old != "":
		before, _ := j.w.git.Tree(p.Old)
		after, _ := j.w.git.Tree(p.New)
		if before == after {
			j.violate("OnTop", "%s on %s changes nothing: it was said before", p.New, p.Branch)
		}
	}
}

// untouched: files that are not ours stay as people left them, and nothing that is
// written unlocks anything: commits are read by many, and kept for ever.
func (j *judge) untouched(p gitserver.Push, own func(string) bool) {
	before := map[string][]byte{}
	if p.Old != "" {
		before, _ = j.w.git.Files(p.Old)
	}
	after, err := j.w.git.Files(p.New)
	if err != nil {
		j.violate("Foreign", "%s on %s cannot be read: %v", p.New, p.Branch, err)
		return
	}
	for file, data := range after {
		if was, there := before[file]; there && bytes.Equal(was, data) {
			continue
		}
		if !own(file) {
			j.violate("Foreign", "%s on %s writes %s", p.New, p.Branch, file)
		}
		if leaks(string(data)) {
			j.violate("Secrets", "%s on %s has a secret in %s", p.New, p.Branch, file)
		}
	}
	for file := range before {
		if _, still := after[file]; !still && !own(file) {
			j.violate("Foreign", "%s on %s removes %s", p.New, p.Branch, file)
		}
	}
	if message, _ := j.w.git.Message(p.New); leaks(message) {
		j.violate("Secrets", "the message of %s on %s has a secret", p.New, p.Branch)
	}
}

func ledgersOwn(file string) bool {
	top, _, nested := strings.Cut(file, "/")
	return file == "README.md" || nested && slices.Contains([]string{"tenants", "datastores", "classes", "shards", "sources"}, top)
}

// statusesOwn tells of the places of our own files from all others below status/.
func statusesOwn(file string) bool {
	parts := strings.Split(file, "/")
	name, isYAML := strings.CutSuffix(path.Base(file), ".yaml")
	switch {
	case file == "README.md":
		return true
	case len(parts) == 3 && parts[0] == "status" && isYAML:
		return parts[1] == "_unplaced" || name == "_shard"
	case len(parts) == 4 && parts[0] == "status" && isYAML:
		return parts[2] == ledger.Dir(name)
	}
	return false
}

// observed judges a push to the status branch.
func (j *judge) observed(p gitserver.Push) {
	if p.New == "" {
		j.violate("Foreign", "the status branch was deleted")
		return
	}
	j.onTop(p)
	j.untouched(p, statusesOwn)
	j.rates.observed(j, j.w.acting.life.id)
}

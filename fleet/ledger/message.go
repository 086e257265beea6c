package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Trailer is a line at the end of a commit's message: "Source-Commit: <hash>".
type Trailer struct{ Key, Value string }

// Message says in words what the changes do to l: one line for one, and for
// several a subject with counts and a body with a line each.
func (l *Ledger) Message(c Changes, trailers ...Trailer) string {
	if l == nil {
		l = Empty()
	}
	lines := l.describe(c)
	var b strings.Builder
	switch len(lines) {
	case 0:
		b.WriteString("Change nothing\n")
	case 1:
		b.WriteString(lines[0].text + "\n")
	default:
		first := subject(lines)
		b.WriteString(first + "\n\n")
		for _, line := range lines {
			if line.text != first {
				b.WriteString(line.text + "\n")
			}
		}
	}
	for i, t := range trailers {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s\n", t.Key, oneLine(t.Value))
	}
	return b.String()
}

// oneLine keeps a value from beginning lines of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// line is what one change does: a verb and a noun for counting, and the sentence.
type line struct{ verb, noun, text string }

// subject counts: "Place 3 tenants, hold 1 tenant". Equal verbs and nouns stand
// where their first stands. What a shard is watched for only follows from the
// rest, and a single decision beside that is told whole.
func subject(lines []line) string {
	followsOnly := func(l line) bool { return l.verb == "Watch" }
	if decisions := slices.DeleteFunc(slices.Clone(lines), followsOnly); len(decisions) == 1 {
		return decisions[0].text
	} else if len(decisions) > 0 {
		lines = decisions
	}
	type what struct{ verb, noun string }
	var order []what
	counts := map[what]int{}
	for _, l := range lines {
		w := what{l.verb, l.noun}
		if counts[w]++; counts[w] == 1 {
			order = append(order, w)
		}
	}
	parts := make([]string, len(order))
	for i, w := range order {
		parts[i] = fmt.Sprintf("%s %s", w.verb, plural(counts[w], w.noun))
		if i > 0 {
			parts[i] = strings.ToLower(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// describe gives a line for every change, tenants first, each kind by name.
func (l *Ledger) describe(c Changes) []line {
	var out []line
	for _, name := range slices.Sorted(maps.Keys(c.Tenants)) {
		out = append(out, describeTenant(name, l.Tenants[name], c.Tenants[name])...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.DataStores)) {
		out = append(out, describeDataStore(name, l.DataStores[name], c.DataStores[name])...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Classes)) {
		out = append(out, describeClass(name, l.Classes[name], c.Classes[name])...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Shards)) {
		out = append(out, describeShard(name, l.Shards[name], c.Shards[name])...)
	}
	return out
}

func one(verb, noun, format string, args ...any) []line {
	return []line{{verb, noun, verb + " " + fmt.Sprintf(format, args...)}}
}

func describeTenant(name string, was, is *Tenant) []line {
	const noun = "tenant"
	switch {
	case is == nil:
		return one("Forget", noun, "%s", name)
	case (was == nil || was.UID != is.UID) && is.Adopted != nil:
		return one("Adopt", noun, "%s as it is on %s", name, is.Placement)
	case was == nil || was.UID != is.UID:
		return one("Place", noun, "%s on %s", name, is.Placement)
	case was.Lifecycle != is.Lifecycle:
		return describeLifecycle(name, is)
	case was.Placement != is.Placement && was.Placement.Shard == is.Placement.Shard && was.Placement.DataStore != is.Placement.DataStore:
		return one("Migrate", noun, "%s from datastore %s to %s", name, was.Placement.DataStore, is.Placement.DataStore)
	case was.Placement != is.Placement:
		return one("Move", noun, "%s from %s to %s", name, was.Placement, is.Placement)
	case is.Held != nil && (was.Held == nil || *was.Held != *is.Held):
		return one("Hold", noun, "%s as of commit %s (%s)", name, is.Held.Commit, is.Held.Reason)
	case is.Held == nil && was.Held != nil:
		return one("Follow", noun, "%s again", name)
	case was.Source != is.Source:
		return one("Follow", noun, "%s from %s to %s", name, was.Source, is.Source)
	case was.Adopting() && !is.Adopting():
		return one("Own", noun, "%s: it is taken over", name)
	}
	return one("Update", noun, "%s", name)
}

func describeLifecycle(name string, is *Tenant) []line {
	const noun = "tenant"
	switch is.Lifecycle {
	case Living:
		return one("Revive", noun, "%s on %s", name, is.Placement)
	case Tombstoned:
		return one("Remove", noun, "%s and keep its data until %s", name, is.Tombstone.PurgeAfter.UTC().Format(time.RFC3339))
	case Purging:
		return one("Purge", noun, "%s from shard %s", name, is.Placement.Shard)
	default:
		return one("Bury", noun, "%s: nothing is left of it", name)
	}
}

// String is the placement in words: eu-1 (datastore eu-1-a, address 127.7.1.11).
func (p Placement) String() string {
	store := ""
	if p.DataStore != "" {
		store = "datastore " + p.DataStore + ", "
	}
	if p.Host != "" {
		return fmt.Sprintf("%s (%shost %s)", p.Shard, store, p.Host)
	}
	return fmt.Sprintf("%s (%saddress %s)", p.Shard, store, p.Address)
}

// Where is the placement in a sentence, without the address: on shard eu-1 with datastore eu-1-a.
func (p Placement) Where() string {
	if p.DataStore == "" {
		return "on shard " + p.Shard
	}
	return fmt.Sprintf("on shard %s with datastore %s", p.Shard, p.DataStore)
}

func describeDataStore(name string, was, is *DataStore) []line {
	const noun = "datastore"
	switch {
	case is == nil:
		return one("Forget", noun, "datastore %s", name)
	case (was == nil || was.UID != is.UID) && is.Adopted != nil:
		return one("Adopt", noun, "datastore %s as it is on shard %s (provider %s, base %s)", name, is.Shard, is.Provider, is.BaseVersion)
	case was == nil || was.UID != is.UID:
		return one("Begin", noun, "datastore %s on shard %s (provider %s, base %s)", name, is.Shard, is.Provider, is.BaseVersion)
	case is.Held != nil && (was.Held == nil || *was.Held != *is.Held):
		return one("Hold", noun, "datastore %s as of commit %s (%s)", name, is.Held.Commit, is.Held.Reason)
	case is.Held == nil && was.Held != nil:
		return one("Follow", noun, "datastore %s again", name)
	case was.BaseVersion != is.BaseVersion:
		return one("Upgrade", noun, "datastore %s from base %s to %s", name, was.BaseVersion, is.BaseVersion)
	case was.Adopting() && !is.Adopting():
		return one("Own", noun, "datastore %s: it is taken over", name)
	}
	return one("Update", noun, "datastore %s", name)
}

func describeClass(name string, was, is *Class) []line {
	const noun = "class"
	switch {
	case is == nil:
		return one("Forget", noun, "class %s", name)
	case was == nil:
		return one("Accept", noun, "class %s (provider %s, base %s)", name, is.Provider, is.BaseVersion)
	case was.BaseVersion != is.BaseVersion:
		return one("Upgrade", noun, "class %s from base %s to %s", name, was.BaseVersion, is.BaseVersion)
	}
	return one("Accept", noun, "class %s as of commit %s", name, is.Commit)
}

func describeShard(name string, was, is *Shard) []line {
	const noun = "shard"
	switch {
	case is == nil:
		return one("Forget", noun, "shard %s", name)
	case was == nil || was.Identity != is.Identity:
		return one("Pin", noun, "shard %s to cluster %s", name, is.Identity)
	}
	var more []string
	for _, kind := range is.Kinds {
		if !slices.Contains(was.Kinds, kind) {
			more = append(more, kind)
		}
	}
	if len(more) > 0 {
		return one("Watch", noun, "shard %s for %s", name, strings.Join(more, ", "))
	}
	return one("Update", noun, "shard %s", name)
}

package simulation

import (
	"slices"
	"strings"
	"time"
)

// plot makes acts that belong together.
type plot func(*generator, *History) []Act

// plots are what chance alone would seldom bring about.
var plots = []plot{reused, returned, slept, rolled, crowded, held, lost, crossed, allAtOnce, renamed, full}

// reused: a name is given to somebody else after its tenant's data is gone.
func reused(g *generator, h *History) []Act {
	name, class := g.someone(), "native"
	if g.declared[name] == class {
		class = "hosted"
	}
	g.declared[name] = class
	return g.story(
		later(h.Interval, "remove", "tenant", name),
		later(h.Retention+g.between(0, 5*h.Interval), "declare", "tenant", name, "class", class, "shard", g.one("", shardNames[0], shardNames[1])),
	)
}

// returned: who was removed comes back, in time or too late.
func returned(g *generator, h *History) []Act {
	return g.story(
		later(h.Interval, "remove", "tenant", g.someone()),
		later(g.between(0, h.Retention+10*time.Minute), "revert", "commits", "1"),
	)
}

// slept: a process sleeps through its Lease, while others go on.
func slept(g *generator, h *History) []Act {
	return g.story(
		later(h.Interval, "pause", "replica", g.replica(h), "for", g.between(h.Lease, 4*h.Lease).String()),
		g.tenant(),
		later(g.between(0, 2*h.Lease), "class", "name", g.one(classNames...), "version", "v1.36.7"),
	)
}

// rolled: the daemon is upgraded, one replica after the other, a class moves to the newer
// base, and somebody is set back.
func rolled(g *generator, h *History) []Act {
	var all []Act
	for i := range h.Replicas {
		all = append(all, later(g.between(0, 2*time.Minute), "upgrade", "replica", string(rune('a'+i))))
	}
	class := g.one(classNames...)
	all = append(all,
		later(g.between(0, 3*time.Minute), "class", "name", class, "base", "2"),
		later(g.between(0, 4*h.Interval), "upgrade", "replica", g.replica(h), "back", "true"))
	if g.IntN(2) == 0 {
		all = append(all, later(g.between(0, 2*h.Interval), "class", "name", class, "base", "1"))
	}
	return g.story(all...)
}

// crowded: where a tenant's objects belong stands somebody's already.
func crowded(g *generator, h *History) []Act {
	name, i := g.one(tenantNames...), g.IntN(2)
	g.declared[name] = "hosted"
	return g.story(
		later(0, "squat", "cluster", clusterNames[i], "tenant", name, "what", g.one("namespace", "object"), "for", g.length(h)),
		later(g.between(0, 10*time.Second), "declare", "tenant", name, "class", "hosted", "shard", shardNames[i]),
	)
}

// held: something keeps what is to be removed, and who removes it dies over it.
func held(g *generator, h *History) []Act {
	some := g.some(tenantNames)
	for _, name := range some {
		g.gone(name)
	}
	keep := later(h.Retention-g.between(0, time.Minute), "keep", "cluster", g.one(clusterNames...), "nth", g.nth(), "for", g.length(h))
	if g.IntN(2) == 0 {
		keep.Do, keep.Args["kind"] = "finalizer", "TenantControlPlane"
	}
	return g.story(
		later(h.Interval, "remove", "tenant", strings.Join(some, "+")),
		later(g.between(0, time.Minute), "fleet", "limit", "10"),
		keep,
		later(g.between(0, time.Minute), "trap", "replica", g.replica(h), "of", "work", "nth", g.one("1", "2", "5", "9"), "at", g.one(string(before), string(after))),
	)
}

// lost: the ledger is lost amid a decision.
func lost(g *generator, h *History) []Act {
	return g.story(
		g.tenant(),
		later(g.between(0, 5*time.Second), "rewind", "branch", "ledger", "commits", "1", "how", g.one("", "gone", "rewritten"), "for", g.length(h)),
		later(g.between(0, time.Minute), "kill", "replica", g.replica(h), "for", g.length(h)),
	)
}

// crossed: two replicas each see another half of the world.
func crossed(g *generator, h *History) []Act {
	long := g.between(h.Lease, 6*h.Interval).String()
	targets := g.shuffled("git", clusterNames[0], clusterNames[1])
	return g.story(
		later(h.Interval, "cut", "replica", "a", "target", targets[0], "refusing", g.one("true", ""), "for", long),
		later(0, "cut", "replica", g.replica(h), "target", targets[1], "for", long),
		g.tenant(),
		later(g.between(0, time.Minute), "remove", "tenant", g.gone(g.someone())),
	)
}

// allAtOnce: many go at once, which was meant, or was not.
func allAtOnce(g *generator, h *History) []Act {
	all := []Act{g.many(g.some(tenantNames)), later(2*h.Interval, "remove", "tenant", strings.Join(tenantNames, "+"))}
	if g.IntN(2) == 0 {
		return g.story(append(all, later(g.between(0, 2*h.Interval), "revert", "commits", "1"))...)
	}
	clear(g.declared)
	return g.story(append(all, later(g.between(0, 2*h.Interval), "fleet", "limit", "10"))...)
}

// renamed: a tenant gets another name, and its own back.
func renamed(g *generator, h *History) []Act {
	name, other := g.someone(), g.nobody()
	return g.story(
		later(h.Interval, "rename", "tenant", name, "to", other),
		later(g.between(0, h.Retention), "rename", "tenant", other, "to", name),
	)
}

// full: there are more tenants than addresses, for a while.
func full(g *generator, h *History) []Act {
	shard := g.one(shardNames...)
	for _, name := range tenantNames {
		g.declared[name] = "hosted"
	}
	return g.story(
		later(0, "shard", "name", shard, "how", "small"),
		later(g.between(0, time.Minute), "declare", "tenant", strings.Join(tenantNames, "+"), "class", "hosted", "shard", shard),
		later(h.Interval, "remove", "tenant", g.gone(g.one(tenantNames...))),
		later(g.between(0, 2*h.Interval), "shard", "name", shard, "how", g.one("well", "cordoned")),
	)
}

// later is an act that comes some time after the one before.
func later(after time.Duration, name string, args ...string) Act {
	a := do(name, args...)
	a.After = after
	return a
}

// story has the first act come sometime, too.
func (g *generator) story(all ...Act) []Act {
	all[0].After = g.between(0, max(all[0].After, time.Minute))
	return all
}

// shuffled are all of them in another order.
func (g *generator) shuffled(of ...string) []string {
	all := slices.Clone(of)
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

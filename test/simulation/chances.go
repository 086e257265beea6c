package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// usual are those among people that every history has.
const usual = 4

var people = []chance{
	{7, func(g *generator, _ *History) Act { return g.tenant() }},
	{1, func(g *generator, _ *History) Act {
		return g.many(g.some(tenantNames))
	}},
	{4, func(g *generator, _ *History) Act { return do("remove", "tenant", g.gone(g.someone())) }},
	{4, func(g *generator, _ *History) Act { return g.mend() }},
	{1, func(g *generator, _ *History) Act {
		some := g.some(tenantNames)
		for _, name := range some {
			g.gone(name)
		}
		return do("remove", "tenant", strings.Join(some, "+"))
	}},
	{3, func(g *generator, _ *History) Act {
		return g.version(do("declare", "tenant", g.someone()))
	}},
	{3, func(g *generator, _ *History) Act {
		return do("break", "tenant", g.someone(), "how", g.one("yaml", "empty", "class", "name", "field"))
	}},
	{3, func(g *generator, _ *History) Act {
		return do("move", "tenant", g.someone(), "silent", g.one("", "true"))
	}},
	{1, func(g *generator, _ *History) Act {
		return do("rename", "tenant", g.someone(), "to", g.nobody())
	}},
	{2, func(g *generator, _ *History) Act {
		return do("twin", "tenant", g.someone(), "class", g.one(classNames...))
	}},
	{3, func(g *generator, _ *History) Act { return do("revert", "commits", g.one("1", "2", "4")) }},
	{3, func(g *generator, _ *History) Act {
		return do("class", "name", g.one(classNames...), "version", fmt.Sprintf("v1.36.%d", g.IntN(9)), "base", g.one("", "", "1", "2"))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("class", "name", g.one(classNames...), "how", g.one("broken", "unrendered", "gone"))
	}},
	{1, func(*generator, *History) Act { return do("fleet", "how", "broken") }},
	{1, func(g *generator, h *History) Act {
		return do("fleet", "limit", g.one("1", "3", "10"), "retention", g.one((h.Retention/2).String(), h.Retention.String(), (2*h.Retention).String()))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("shard", "name", g.one(shardNames...), "how", g.one("cordoned", "gone", "broken", "small", "tainted", "theirs"))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("datastore", "name", g.one("sql-", "etcd-")+g.one(shardNames...), "how", g.one("gone", "broken"))
	}},
	{2, func(g *generator, _ *History) Act {
		name := g.someone()
		g.declared[name] = "hosted"
		return do("adopt", "tenant", name, "cluster", g.one(clusterNames...), "how", g.one("found", "found", "found", "another", "changed", "gone", "twice"), "for", g.between(time.Minute, time.Hour).String())
	}},
	{2, func(g *generator, _ *History) Act {
		name := g.one("gnu", "hen", "")
		if name != "" {
			g.declared[name] = broughtClass
		}
		return do("provider", "tenant", name, "how", g.one("brought", "brought", "changed", "changed", "broken", "unrendered", "gone"), "pool", g.one("2", "3"))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("migrate", "tenant", g.someone(), "how", g.one("approved", "approved", "late", "unasked", "another"), "for", g.between(time.Minute, time.Hour).String())
	}},
	{2, func(g *generator, _ *History) Act {
		return do("own", "tenant", "own", "how", g.one("fast", "slow", "refused", "unknown", "kind"))
	}},
}

// mend writes anew what somebody has spoiled; if there is nothing, somebody is declared.
func (g *generator) mend() Act {
	if len(g.spoiled) == 0 {
		return g.tenant()
	}
	i := g.IntN(len(g.spoiled))
	a := g.spoiled[i]
	g.spoiled = slices.Delete(g.spoiled, i, i+1)
	switch a.Do {
	case "class":
		return do("class", "name", a.Args["name"], "how", "mended")
	case "shard", "datastore":
		return do(a.Do, "name", a.Args["name"], "how", "well")
	case "own":
		return do("own", "tenant", a.Args["tenant"], "how", g.one("fast", "slow", "gone"))
	case "fleet":
		return do("fleet")
	}
	return g.changed(do("declare", "tenant", a.Args["tenant"]))
}

// note remembers what an act spoils.
func (g *generator) note(a Act) Act {
	bad := slices.Contains([]string{"broken", "unrendered", "gone", "cordoned", "small", "tainted", "theirs"}, a.Args["how"])
	switch a.Do {
	case "class", "shard", "datastore", "fleet":
	case "own":
		bad = a.Args["how"] != "gone"
	default:
		bad = a.Do == "break"
	}
	if bad {
		g.spoiled = append(g.spoiled, a)
	}
	return a
}

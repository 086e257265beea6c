package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Generate makes the history of a seed.
func Generate(seed uint64) *History {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 2)), declared: map[string]string{}}
	h := &History{Seed: seed, Settings: g.settings()}
	g.chances = slices.Concat(people[:usual], g.few(people[usual:], 2+g.IntN(4)), g.few(slices.Concat(faults, gitFaults, clusterFaults), 1+g.IntN(5)))
	few := slices.Clone(plots)
	g.Shuffle(len(few), func(i, j int) { few[i], few[j] = few[j], few[i] })
	few = few[:2]
	for range 1 + g.IntN(3) {
		h.Acts = append(h.Acts, g.tenant())
	}
	h.Acts = append(h.Acts, Act{After: 2 * time.Minute, Do: "wait"})
	for range 3 + g.IntN(4+g.IntN(16)) { // mostly few, now and then many
		if g.IntN(10) == 0 {
			h.Acts = append(h.Acts, few[g.IntN(len(few))](g, h)...)
			continue
		}
		a := g.act(h)
		h.Acts = append(h.Acts, a)
		if (a.Do == "trap" || a.Do == "fail") && g.IntN(2) == 0 { // something to fail at
			h.Acts = append(h.Acts, g.version(later(g.between(0, 20*time.Second), "declare", "tenant", g.someone())))
		}
	}
	return h
}

type generator struct {
	*rand.Rand
	// declared are who has been declared, as far as it knows, with their class.
	declared map[string]string
	// spoiled are acts that somebody may want to mend.
	spoiled []Act
	// chances are what this history may have of all there are. What goes wrong only when
	// the same happens three times would hardly ever be seen among forty kinds of things.
	chances []chance
}

// few are so many of them, those that weigh more rather than others.
func (g *generator) few(all []chance, n int) (some []chance) {
	all = slices.Clone(all)
	for ; n > 0 && len(all) > 0; n-- {
		i := g.draw(all)
		some, all = append(some, all[i]), slices.Delete(all, i, i+1)
	}
	return some
}

// draw chooses one by weight.
func (g *generator) draw(all []chance) int {
	total := 0
	for _, c := range all {
		total += c.weight
	}
	n := g.IntN(total)
	return slices.IndexFunc(all, func(c chance) bool {
		n -= c.weight
		return n < 0
	})
}

// someone is mostly one who has been declared.
func (g *generator) someone() string {
	if names := sortedKeys(g.declared); len(names) > 0 && g.IntN(8) > 0 {
		return g.one(names...)
	}
	return g.one(tenantNames...)
}

func (g *generator) gone(name string) string {
	delete(g.declared, name)
	return name
}

// changed declares one anew, of the class it has.
func (g *generator) changed(a Act) Act {
	name := a.Args["tenant"]
	if g.declared[name] == "" {
		g.declared[name] = "hosted"
	}
	a.Args["class"] = g.declared[name]
	return a
}

// version has a tenant be declared otherwise than it is.
func (g *generator) version(a Act) Act {
	a = g.changed(a)
	a.Args["version"], a.Args["replicas"] = fmt.Sprintf("v1.36.%d", g.IntN(9)), g.one("1", "2", "3")
	return a
}

// nobody is mostly a name that has not been declared.
func (g *generator) nobody() string {
	for range 5 {
		if name := g.one(tenantNames...); g.declared[name] == "" {
			return name
		}
	}
	return g.one(tenantNames...)
}

// many are declared at once.
func (g *generator) many(names []string) Act {
	for _, name := range names {
		g.declared[name] = "hosted"
	}
	return do("declare", "tenant", strings.Join(names, "+"), "class", "hosted", "shard", g.one("", shardNames[0], shardNames[1]))
}

// settings are mostly those under which minutes pass, and now and then such under which
// days do.
func (g *generator) settings() Settings {
	s := defaults()
	s.Replicas = []int{1, 1, 2, 2, 3}[g.IntN(5)]
	s.WatchLists = g.IntN(2) == 0
	s.Limit = []int{1, 3, 3}[g.IntN(3)]
	s.Lease = []time.Duration{30 * time.Second, 2 * time.Minute, 2 * time.Minute}[g.IntN(3)]
	if g.IntN(4) == 0 {
		s.Lease, s.Interval, s.Look, s.Status, s.Retention = 20*time.Minute, 30*time.Minute, 30*time.Minute, 2*time.Minute, 12*time.Hour
	}
	return s
}

// act is the next one.
func (g *generator) act(h *History) Act {
	a := g.note(g.chances[g.draw(g.chances)].make(g, h))
	a.After = g.between(0, 2*h.Interval)
	switch g.IntN(12) {
	case 0:
		a.After = g.between(h.Retention/2, 2*h.Retention)
	case 1, 2, 3, 4: // amid what the last one has begun
		a.After = g.between(0, 10*time.Second)
	}
	return a
}

// chance is how often an act comes, and how it is made.
type chance struct {
	weight int
	make   func(*generator, *History) Act
}

func do(name string, args ...string) Act {
	a := Act{Do: name, Args: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] != "" {
			a.Args[args[i]] = args[i+1]
		}
	}
	return a
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// some are two of them, or more.
func (g *generator) some(of []string) []string {
	all := slices.Clone(of)
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:2+g.IntN(len(all)-1)]
}

func (g *generator) between(least, most time.Duration) time.Duration {
	return (least + time.Duration(g.Int64N(int64(most-least)+1))).Round(time.Second)
}

// length is for how long something goes on: seconds, some rounds, or until late.
func (g *generator) length(h *History) string {
	return g.between(time.Second, []time.Duration{20 * time.Second, 2 * h.Lease, 5 * h.Interval}[g.IntN(3)]).String()
}

func (g *generator) replica(h *History) string { return string(rune('a' + g.IntN(h.Replicas))) }

func (g *generator) target() string { return g.one("git", clusterNames[0], clusterNames[1], "") }

// tenant declares somebody, who may be there already.
func (g *generator) tenant() Act {
	name, class := g.one(tenantNames...), "hosted"
	if g.IntN(6) == 0 {
		class = "native"
	}
	if was := g.declared[name]; was != "" && g.IntN(4) > 0 {
		class = was
	}
	g.declared[name] = class
	shard := ""
	if g.IntN(3) == 0 {
		shard = g.one(shardNames...)
	}
	spread := ""
	if g.IntN(8) == 0 {
		spread = "front"
	}
	return do("declare", "tenant", name, "class", class, "shard", shard, "spread", spread)
}

package simulation

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
	"github.com/tenantry/tenantry/test/simulation/controllers"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// Outcome is what became of a history.
type Outcome struct {
	Seed uint64 `json:"seed"`
	// Steps are the things that happened one by one, Faults those of them that went wrong,
	// Virtual the time that passed.
	Steps   int           `json:"steps"`
	Faults  int           `json:"faults"`
	Virtual time.Duration `json:"virtual"`
	// Violation is what must not be; empty when all was well.
	Violation string `json:"violation,omitempty"`
	// Hash stands for everything that was asked and answered, and when.
	Hash uint64 `json:"hash"`
	// Effects are those of acts, by what they do.
	Effects map[string]*Effect `json:"effects,omitempty"`
	// Told is what happened, in words.
	Told []string `json:"-"`
}

// Live lives through a history. It is called in a bubble of testing/synctest. What
// happens is told as it does, if tell is set.
func Live(t *testing.T, h *History, shared *Shared, tell func(string)) Outcome {
	t.Helper()
	w := &world{
		t: t, history: h, settings: h.Settings, shared: shared, dir: t.TempDir(), tell: tell,
		random: rand.New(rand.NewPCG(h.Seed, 1)), routes: map[route]*weather{}, clusters: map[string]*cluster{},
		kubeconfigs: map[string]string{}, lacks: map[route]bool{}, effects: effects{},
	}
	w.judge = newJudge(w)
	w.network = &network{w: w, wake: make(chan struct{}, 1)}
	w.git = gitserver.New(gitserver.Options{Now: time.Now})
	w.git.Pushed = func(p gitserver.Push) { w.judge.pushed(p) }
	for i, name := range clusterNames {
		c := &cluster{name: name, server: apiserver.New(apiserver.Options{
			Identity: "cluster-" + name, Now: time.Now, Seed: h.Seed + uint64(i), NoWatchList: !h.WatchLists, Bookmarks: 5 * h.Interval,
		})}
		c.controllers = controllers.New(c.server, controllers.Options{Seed: h.Seed + uint64(i), Now: time.Now})
		c.server.Changed = func(change apiserver.Change) {
			c.controllers.Saw(change)
			w.judge.changed(c, change)
			w.network.stirred = true
		}
		w.clusters[name] = c
		if err := c.begin(); err != nil {
			t.Fatal(err)
		}
		w.kubeconfigs[shardNames[i]] = name
	}
	defer w.end()
	w.commit("begin", w.fleetFiles())
	for i := range h.Replicas {
		name := string(rune('a' + i))
		r := &replica{w: w, name: name, home: w.homeOf(name), log: &logbook{name: name}}
		if tell != nil {
			r.log.copy = func(line []byte) { tell("  " + name + "  " + string(line[:len(line)-1])) }
		}
		w.replicas = append(w.replicas, r)
		w.start(r)
	}
	for _, a := range h.Acts {
		w.pass(a.After)
		if w.judge.failed() {
			break
		}
		w.act(a)
		w.judge.acted(a)
	}
	if !w.judge.failed() {
		w.judge.calm()
	}
	return Outcome{
		Seed: h.Seed, Steps: w.steps, Faults: w.faults, Virtual: time.Since(w.judge.began), Violation: w.judge.violation,
		Hash: w.judge.hash.Sum64(), Effects: w.effects, Told: w.told,
	}
}

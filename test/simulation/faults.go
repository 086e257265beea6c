package simulation

import (
	"fmt"
	"time"
)

// faultActs are what goes wrong.
var faultActs = map[string]func(*world, Act){
	"wait": func(*world, Act) {},
	// Processes and the network.
	"cut":     (*world).cutOff,
	"bad":     (*world).badWeather,
	"kill":    (*world).killed,
	"stop":    (*world).stopped,
	"trap":    (*world).trapped,
	"fail":    (*world).failed,
	"pause":   (*world).paused,
	"skew":    (*world).skewed,
	"swap":    (*world).swapped,
	"lack":    (*world).lacking,
	"upgrade": (*world).upgraded,
	"cache":   (*world).cacheHurt,
	// Git.
	"rewind":   (*world).rewound,
	"refuse":   (*world).refused,
	"githost":  (*world).gitHostDown,
	"scribble": (*world).scribbled,
	// Clusters.
	"touch":       (*world).touched,
	"delete":      (*world).deleted,
	"fight":       (*world).fought,
	"copy":        (*world).copied,
	"squat":       (*world).squatted,
	"keep":        (*world).kept,
	"anchor":      (*world).anchorHurt,
	"lease":       (*world).leaseHurt,
	"kubeconfig":  (*world).kubeconfigHurt,
	"credentials": (*world).credentialsHurt,
	"admission":   (*world).admitting,
	"undefine":    (*world).undefined,
	"compact":     (*world).compacted,
	"stale":       (*world).staleLists,
	"finalizer":   (*world).finalizer,
	"controllers": (*world).controllersDown,
	"trouble":     (*world).troubled,
	"rotate":      (*world).rotated,
}

// lasts has a fault end after its time, or when all faults end: once.
func (w *world) lasts(a Act, undo func()) {
	ended := false
	once := func() {
		if !ended {
			ended = true
			undo()
		}
	}
	w.faults++
	w.lasting = append(w.lasting, once)
	w.after(a.pause("for", time.Minute), once)
}

// cut [replica=] [target=] [refusing=true] for=
func (w *world) cutOff(a Act) {
	for _, at := range w.reached(a) {
		at.cut, at.refusing = true, a.Args["refusing"] == "true"
		w.lasts(a, func() { at.cut, at.refusing = false, false })
	}
}

// bad [replica=] [target=] percent= for=
func (w *world) badWeather(a Act) {
	for _, at := range w.reached(a) {
		at.bad = a.number("percent", 10)
		w.lasts(a, func() { at.bad = 0 })
	}
}

// kill replica= for=
func (w *world) killed(a Act) {
	if r := w.replica(a); r != nil && r.life != nil && !r.life.dead() {
		w.kill(r)
		w.lasts(a, func() { w.start(r) })
	}
}

// stop replica= for=: as an upgrade does.
func (w *world) stopped(a Act) {
	if r := w.replica(a); r != nil && r.life != nil && !r.life.dead() {
		w.stop(r)
		w.lasts(a, func() { w.kill(r); w.start(r) })
	}
}

// trap replica= nth= [of=work|git|leases] at=before|after: it dies at one of its next writes.
func (w *world) trapped(a Act) {
	w.trap = &trap{w.aim(a), moment(a.get("at", string(after)))}
}

// fail replica= nth= [of=work|git|leases] kind=refused|lost|forgotten|silent|late: one of its
// next writes does.
func (w *world) failed(a Act) {
	w.spell = &spell{w.aim(a), a.get("kind", "refused")}
}

func (w *world) aim(a Act) aim {
	return aim{replica: a.get("replica", "a"), of: a.Args["of"], nth: a.number("nth", 1), effect: w.effects.of(a)}
}

// pause replica= for=
func (w *world) paused(a Act) {
	if r := w.replica(a); r != nil && !r.paused && r.life != nil && !r.life.dead() {
		w.pause(r)
		w.lasts(a, func() { w.resume(r) })
	}
}

// skew replica= by= for=: its clock is wrong.
func (w *world) skewed(a Act) {
	if r := w.replica(a); r != nil {
		w.setSkew(r, a.pause("by", time.Hour))
		w.lasts(a, func() { w.setSkew(r, 0) })
	}
}

func (w *world) setSkew(r *replica, by time.Duration) {
	w.pausing.Lock()
	defer w.pausing.Unlock()
	r.skew = by
}

// swap for=: each shard's kubeconfig leads to the other's cluster.
func (w *world) swapped(a Act) {
	w.lead(clusterNames[1], clusterNames[0])
	w.lasts(a, func() { w.lead(clusterNames[0], clusterNames[1]) })
}

// lead has the shards' kubeconfigs lead to these clusters.
func (w *world) lead(clusters ...string) {
	w.pausing.Lock()
	defer w.pausing.Unlock()
	for i, shard := range shardNames {
		w.kubeconfigs[shard] = clusters[i]
	}
}

// lack replica= shard= for=: it has no kubeconfig for the shard in its next life.
func (w *world) lacking(a Act) {
	r := w.replica(a)
	if r == nil {
		return
	}
	set := func(lacks bool) {
		w.pausing.Lock()
		if at := (route{r.name, a.get("shard", "eu")}); lacks {
			w.lacks[at] = true
		} else {
			delete(w.lacks, at)
		}
		w.pausing.Unlock()
		w.kill(r)
		w.start(r)
	}
	set(true)
	w.lasts(a, func() { set(false) })
}

// upgrade replica= [back=true]: it goes on as the next version of the daemon, or as the last.
func (w *world) upgraded(a Act) {
	newer := a.Args["back"] != "true"
	if r := w.replica(a); r != nil && r.newer != newer {
		w.faults++
		r.newer = newer
		w.rolling = true
		w.stop(r)
		w.after(40*time.Second, func() { w.start(r) })
	}
}

// cache replica= how=lost|torn|full for=
func (w *world) cacheHurt(a Act) {
	r := w.replica(a)
	if r == nil {
		return
	}
	switch a.get("how", "lost") {
	case "full":
		w.lasts(a, w.fillDisk(r))
	default:
		w.kill(r)
		w.lasts(a, func() {
			w.hurtCache(r, a.get("how", "lost"), a.number("nth", 1))
			w.start(r)
		})
	}
}

var faults = []chance{
	{3, func(g *generator, h *History) Act {
		return do("cut", "replica", g.one(g.replica(h), ""), "target", g.target(), "refusing", g.one("true", ""), "for", g.length(h))
	}},
	{4, func(g *generator, h *History) Act {
		return do("bad", "target", g.target(), "percent", g.one("5", "20", "60"), "for", g.length(h))
	}},
	{3, func(g *generator, h *History) Act { return do("kill", "replica", g.replica(h), "for", g.length(h)) }},
	{3, func(g *generator, h *History) Act { return do("stop", "replica", g.replica(h), "for", g.length(h)) }},
	{6, func(g *generator, h *History) Act {
		return do("trap", "replica", g.replica(h), "nth", fmt.Sprint(1+g.IntN(6)), "of", g.work(), "at", g.one(string(before), string(after)))
	}},
	{5, func(g *generator, h *History) Act {
		return do("fail", "replica", g.replica(h), "nth", fmt.Sprint(1+g.IntN(6)), "of", g.work(), "kind", g.one("refused", "lost", "forgotten", "silent", "late"))
	}},
	{2, func(g *generator, h *History) Act { return do("pause", "replica", g.replica(h), "for", g.length(h)) }},
	{2, func(g *generator, h *History) Act {
		return do("skew", "replica", g.replica(h), "by", g.one("-1h", "1h", "25h", "-10m"), "for", g.length(h))
	}},
	{3, func(g *generator, h *History) Act { return do("swap", "for", g.length(h)) }},
	{2, func(g *generator, h *History) Act {
		return do("lack", "replica", g.replica(h), "shard", g.one(shardNames...), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("upgrade", "replica", g.replica(h), "back", g.one("", "true"))
	}},
	{3, func(g *generator, h *History) Act {
		return do("cache", "replica", g.replica(h), "how", g.one("lost", "torn", "full"), "nth", fmt.Sprint(g.IntN(20)), "for", g.length(h))
	}},
}

// work is which writes count: mostly such as something comes of.
func (g *generator) work() string { return g.one("work", "work", "git", "leases", "") }

package simulation

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// gitHost is the target that is no cluster.
const gitHost = "git.example.com"

// fate is what the network makes of one request.
type fate struct {
	// lost: it does not arrive. forgotten: it is carried out, and the answer is lost.
	lost, forgotten bool
	// silent: the client hears nothing of it, until its own patience ends.
	silent bool
	// delay is how much longer than usual it takes.
	delay time.Duration
	// status is what the front door answers instead; 0 is nothing.
	status int
}

func (f fate) bad() bool { return f != fate{} }

func (f fate) String() string {
	switch {
	case f.lost:
		return "is lost"
	case f.forgotten:
		return "loses its answer"
	case f.status != 0:
		return fmt.Sprint("gets ", f.status)
	case f.delay > 0:
		return fmt.Sprint("takes ", f.delay)
	}
	return ""
}

// weather is how a replica reaches a target, until it changes.
type weather struct {
	// cut: nothing gets through. refusing: and whoever tries is told at once.
	cut, refusing bool
	// bad is how many of a hundred requests have a fate.
	bad int
}

type route struct{ replica, target string }

// weatherOf gives how a replica reaches a target, to be changed.
func (w *world) weatherOf(replica, target string) *weather {
	key := route{replica, target}
	if w.routes[key] == nil {
		w.routes[key] = &weather{}
	}
	return w.routes[key]
}

func (w *world) cut(r *replica, target string) bool { return w.weatherOf(r.name, target).cut }

// fate decides what becomes of a request.
func (w *world) fate(x *exchange) (f fate) {
	at := w.weatherOf(x.life.replica.name, x.target)
	defer func() {
		if f.bad() {
			w.faults++
			w.judge.struck(x)
		}
	}()
	switch {
	case at.cut:
		return fate{lost: true, silent: !at.refusing}
	case w.spell != nil && w.spell.meets(x):
		return w.cast()
	case at.bad == 0 || w.random.IntN(100) >= at.bad:
		return fate{}
	}
	switch w.random.IntN(8) {
	case 0:
		return fate{lost: true}
	case 1:
		return fate{lost: true, silent: true}
	case 2:
		return fate{forgotten: true}
	case 3:
		return fate{forgotten: true, silent: true}
	case 4:
		return fate{delay: time.Duration(w.random.IntN(int(20 * time.Second)))}
	case 5:
		return fate{delay: time.Duration(w.random.IntN(int(2 * time.Second)))}
	}
	codes := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	return fate{status: codes[w.random.IntN(len(codes))]}
}

// aim is one of a replica's writes to come.
type aim struct {
	replica string
	// of is what counts: work (all but Leases), git, leases; all, if it is empty.
	of     string
	nth    int // counts down
	effect *Effect
}

// meets tells whether a request is the one.
func (m *aim) meets(x *exchange) bool {
	if m.replica != x.life.replica.name || !x.writes() || x.life.dead() {
		return false
	}
	lease := strings.Contains(x.req.URL.Path, "/leases")
	switch {
	case m.of == "work" && lease, m.of == "leases" && !lease, m.of == "git" && x.target != gitHost:
		return false
	}
	m.nth--
	return m.nth <= 0
}

// spell has one of a replica's writes fail in a way that is chosen.
type spell struct {
	aim
	kind string
}

// cast is the fate that the spell has for a request, once.
func (w *world) cast() fate {
	s := w.spell
	w.spell = nil
	s.effect.Done++
	switch s.kind {
	case "lost":
		return fate{lost: true, silent: true}
	case "forgotten":
		return fate{forgotten: true}
	case "silent":
		return fate{forgotten: true, silent: true}
	case "late":
		return fate{delay: late - 100*time.Millisecond}
	}
	return fate{status: http.StatusInternalServerError}
}

// latency is how long something is under way.
func (w *world) latency() time.Duration {
	return time.Millisecond + time.Duration(w.random.Int64N(int64(12*time.Millisecond)))
}

// lag is how long the next frame of a watch is under way: sometimes much longer than
// what comes after it elsewhere.
func (w *world) lag(s *stream) time.Duration {
	at := w.weatherOf(s.x.life.replica.name, s.x.target)
	if at.bad > 0 && w.random.IntN(100) < at.bad {
		w.faults++
		if w.random.IntN(4) == 0 {
			w.after(w.latency(), func() { s.finish(errReset) })
		}
		return time.Duration(w.random.Int64N(int64(30 * time.Second)))
	}
	return w.latency()
}

// moment is before or after something was carried out.
type moment string

const (
	before moment = "before"
	after  moment = "after"
)

// trap kills a replica at one of its writes.
type trap struct {
	aim
	at moment
}

// crashes tells whether a replica dies here.
func (w *world) crashes(x *exchange, at moment) bool {
	t := w.trap
	if t == nil || t.at != at || !t.meets(x) {
		return false
	}
	w.trap = nil
	w.faults++
	t.effect.Done++
	w.say("%s dies %s %s %s", t.replica, at, x.req.Method, x.req.URL.Path)
	w.kill(x.life.replica)
	w.after(10*time.Second, func() { w.start(x.life.replica) })
	return true
}

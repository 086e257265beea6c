package simulation

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
	"github.com/tenantry/tenantry/test/simulation/controllers"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// Shared is what worlds have in common and none of them changes.
type Shared struct {
	// renderer is today's daemon's, newer that of the next version.
	renderer, newer *render.Renderer
	schemas         *shard.Schemas
}

// world is everything that a history happens to. Its own goroutine alone touches it,
// but for what says otherwise.
type world struct {
	t        *testing.T
	history  *History
	settings Settings
	shared   *Shared
	dir      string // of the replicas' disks

	// random decides what chance decides. What people do has chances of its own, so that
	// an act that is left out changes no other.
	random *rand.Rand
	events events
	steps  int
	faults int

	network *network
	routes  map[route]*weather
	trap    *trap
	// rolling: the daemon's next version has been begun with.
	rolling  bool
	spell    *spell
	lasting  []func() // ends what lasts
	replicas []*replica
	clusters map[string]*cluster
	git      *gitserver.Server
	gitDown  bool
	judge    *judge

	// acting is the request that is being carried out; nil while people and controllers act.
	acting *exchange
	over   bool

	pausing sync.Mutex
	// kubeconfigs say which cluster a shard's leads to; lacks are those that a replica
	// does not have. Under pausing.
	kubeconfigs map[string]string
	lacks       map[route]bool

	effects effects
	// told is what happened, in words.
	told []string
	// tell gets every word at once, if set.
	tell func(string)
}

// cluster is one management cluster.
type cluster struct {
	name        string
	server      *apiserver.Server
	controllers *controllers.Controllers
	// due is when controllers act next; zero is never.
	due time.Time
}

// begin has the cluster hold what a platform team puts there first: operators, and the
// credentials of databases.
func (c *cluster) begin() error {
	if err := controllers.Install(c.server); err != nil {
		return err
	}
	for _, o := range []apiserver.Object{
		{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "data"}},
		credentials(),
	} {
		if _, err := c.server.Write("kubectl", "", o); err != nil {
			return fmt.Errorf("prepare cluster %s: %w", c.name, err)
		}
	}
	return nil
}

// after has something happen later.
func (w *world) after(d time.Duration, do func()) { w.events.add(time.Now().Add(d), do) }

// say puts down what happened.
func (w *world) say(format string, args ...any) {
	text := fmt.Sprintf("%s  %s", time.Since(w.judge.began).Round(time.Millisecond), fmt.Sprintf(format, args...))
	w.told = append(w.told, text)
	if w.tell != nil {
		w.tell(text)
	}
}

// trace tells of a request, to whoever reads along.
func (w *world) trace(what string, x *exchange, more string) {
	w.judge.heard(what, x, more)
	if w.tell != nil && w.history.Verbose {
		w.tell(fmt.Sprintf("%s    %s %s %s", time.Since(w.judge.began).Round(time.Microsecond), x, what, more))
	}
}

// run has things happen until the time comes, one after the other.
func (w *world) run(until time.Time) {
	for !w.judge.failed() {
		synctest.Wait()
		for _, x := range w.network.take() {
			w.network.send(x)
		}
		if w.network.step() {
			continue
		}
		w.network.flow()
		now := time.Now()
		next, more := w.events.next()
		if more && !next.After(now) {
			w.steps++
			w.events.take().do()
			w.control()
			continue
		}
		if !now.Before(until) {
			return
		}
		if !more || next.After(until) {
			next = until
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-w.network.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pass lets time go by.
func (w *world) pass(d time.Duration) { w.run(time.Now().Add(d)) }

// control has controllers act when their time comes.
func (w *world) control() {
	for _, name := range clusterNames {
		c := w.clusters[name]
		after, due := c.controllers.Due()
		if !due {
			continue
		}
		at := time.Now().Add(after)
		if !c.due.IsZero() && !c.due.After(at) {
			continue
		}
		c.due = at
		w.after(after, func() {
			if c.due.IsZero() || time.Now().Before(c.due) {
				return // another one has been asked for meanwhile
			}
			c.due = time.Time{}
			c.controllers.Step()
		})
	}
}

// serve has a target carry out a request.
func (w *world) serve(x *exchange) *http.Response {
	w.acting = x
	defer func() { w.acting = nil }()
	if c := w.clusters[x.target]; c != nil {
		if apiserver.IsWatch(x.req) {
			return w.network.begin(x, c)
		}
		changes := w.judge.changes
		answer := record(c.server, stamped(x))
		if w.judge.changes == changes {
			w.judge.idle(c, x, answer)
		}
		return answer
	}
	if w.gitDown {
		return refusal(x.req, http.StatusServiceUnavailable)
	}
	return record(w.git, x)
}

func record(h http.Handler, x *exchange) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, x.request())
	r := rec.Result()
	r.Request = x.req
	return r
}

// end stops all that runs, and lets it go.
func (w *world) end() {
	w.over = true
	for _, r := range w.replicas {
		w.kill(r)
	}
	for _, r := range w.replicas {
		if r.life != nil {
			<-r.life.ended
		}
	}
}

package simulation

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// network carries requests of replicas to clusters and to the Git host. What is asked is
// parked, from any goroutine; the world's own goroutine delivers it.
type network struct {
	w *world

	mu     sync.Mutex
	parked []*exchange
	steps  []turn // processes that want to step
	wake   chan struct{}

	streams []*stream // watches under way
	// stirred tells that a watch may have something to tell; else they are asked now and
	// then, since time alone makes bookmarks.
	stirred bool
	asked   time.Time
}

// exchange is one request and its answer.
type exchange struct {
	life   *life
	target string
	req    *http.Request
	body   []byte
	answer chan answer
	asked  time.Time
	// path is what is asked for. For how long a watch shall last is not in it: that is
	// random, by dice that all of a process's goroutines share.
	path string
	// left is closed when nobody waits for the answer any more.
	left chan struct{}
}

type answer struct {
	response *http.Response
	err      error
}

// errors of the network, as a client sees them.
var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	errDead    = errors.New("the process is dead")
)

// link is how one life of a replica reaches one target.
type link struct {
	n      *network
	life   *life
	target func() string
}

// RoundTrip parks a request and waits for what the world makes of it.
func (l *link) RoundTrip(req *http.Request) (*http.Response, error) {
	x := &exchange{life: l.life, target: l.target(), req: req, path: pathOf(req.URL), answer: make(chan answer, 1), left: make(chan struct{}), asked: time.Now()}
	if req.Body != nil {
		var err error
		if x.body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	if !l.n.park(x) {
		return nil, errDead
	}
	select {
	case a := <-x.answer:
		return a.response, a.err
	case <-req.Context().Done():
		close(x.left)
		return nil, req.Context().Err()
	case <-l.life.killed:
		return nil, errDead
	}
}

func pathOf(u *url.URL) string {
	query := u.Query()
	if query.Get("watch") != "true" {
		return u.RequestURI()
	}
	query.Del("timeout")
	query.Del("timeoutSeconds")
	return u.EscapedPath() + "?" + query.Encode()
}

func (n *network) park(x *exchange) bool {
	if x.life.dead() {
		return false
	}
	n.mu.Lock()
	n.parked = append(n.parked, x)
	n.mu.Unlock()
	n.ring()
	return true
}

// turn is a process that waits for its turn to step.
type turn struct {
	life *life
	come chan struct{}
}

// queue has a process wait for its turn; nil is now, for one that is dead.
func (n *network) queue(l *life) <-chan struct{} {
	if l.dead() {
		return nil
	}
	t := turn{l, make(chan struct{})}
	n.mu.Lock()
	n.steps = append(n.steps, t)
	n.mu.Unlock()
	n.ring()
	return t.come
}

// step lets one process go on that waits for its turn; false when there is none.
func (n *network) step() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.steps = slices.DeleteFunc(n.steps, func(t turn) bool { return t.life.dead() })
	slices.SortStableFunc(n.steps, func(a, b turn) int { return cmp.Compare(a.life.id, b.life.id) })
	i := slices.IndexFunc(n.steps, func(t turn) bool { return !t.life.replica.paused })
	if i < 0 {
		return false
	}
	close(n.steps[i].come)
	n.steps = slices.Delete(n.steps, i, i+1)
	return true
}

// ring wakes the world.
func (n *network) ring() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// take gives what was parked since the last time, in an order that does not depend on
// how goroutines were scheduled.
func (n *network) take() []*exchange {
	n.mu.Lock()
	all := n.parked
	n.parked = nil
	n.mu.Unlock()
	slices.SortStableFunc(all, func(a, b *exchange) int {
		return cmp.Or(
			cmp.Compare(a.life.id, b.life.id), cmp.Compare(a.target, b.target), cmp.Compare(a.req.Method, b.req.Method),
			cmp.Compare(a.path, b.path), bytes.Compare(a.body, b.body),
		)
	})
	return all
}

// gone tells whether nobody waits for the answer.
func (x *exchange) gone() bool {
	select {
	case <-x.left:
		return true
	default:
		return x.life.dead()
	}
}

// writes tells whether the request may change something that lasts.
func (x *exchange) writes() bool {
	if x.target == gitHost {
		return x.req.Method == http.MethodPost && strings.HasSuffix(x.req.URL.Path, "/git-receive-pack")
	}
	return x.req.Method != http.MethodGet
}

func (x *exchange) String() string {
	return fmt.Sprintf("%s → %s: %s %s", x.life.id, x.target, x.req.Method, x.path)
}

// request is what the target sees.
func (x *exchange) request() *http.Request {
	r := x.req.Clone(x.req.Context())
	r.Body = io.NopCloser(bytes.NewReader(x.body))
	r.RequestURI = r.URL.RequestURI()
	return r
}

// send has a request travel: it arrives, is carried out, and the answer comes back,
// unless a fault has it otherwise.
func (n *network) send(x *exchange) {
	w := n.w
	if r := x.life.replica; r.paused && !x.life.dead() { // what stands still asks for nothing
		r.held = append(r.held, func() { n.send(x) })
		return
	}
	fate := w.fate(x)
	w.judge.asks(x)
	w.trace("asks", x, fate.String())
	switch {
	case fate.lost && fate.silent:
		n.hang(x)
	case fate.lost:
		w.after(w.latency(), func() { n.reply(x, answer{err: errRefused}) })
	default:
		w.after(w.latency()+fate.delay, func() { n.arrive(x, fate) })
	}
}

// hang has nobody know of a request what became of it, until its deadline; what has none
// ends when the client's pings find its connection dead.
func (n *network) hang(x *exchange) {
	n.w.after(45*time.Second, func() {
		if !x.gone() {
			n.reply(x, answer{err: errReset})
		}
	})
}

// late is for how long a request may be under way that its client has given up.
const late = 2 * time.Second

// arrive has the target carry a request out.
func (n *network) arrive(x *exchange, f fate) {
	w := n.w
	if x.gone() && time.Since(x.asked) > late {
		return // the connection is closed by now
	}
	if w.crashes(x, before) {
		return
	}
	var a answer
	switch {
	case f.status != 0:
		a.response = refusal(x.req, f.status)
	default:
		a.response = w.serve(x)
	}
	if w.crashes(x, after) {
		return
	}
	back := w.latency()
	switch {
	case f.forgotten && f.silent:
		n.hang(x)
		return
	case f.forgotten:
		a = answer{err: errReset}
	}
	w.after(back, func() { n.reply(x, a) })
}

// reply hands an answer to whoever waits for it. A replica that is paused takes nothing in.
func (n *network) reply(x *exchange, a answer) {
	if x.life.replica.paused && !x.life.dead() {
		x.life.replica.held = append(x.life.replica.held, func() { n.reply(x, a) })
		return
	}
	n.w.trace("gets", x, a.String())
	x.answer <- a
}

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return a.response.Status
}

// refusal is an answer that the target's front door gives.
func refusal(r *http.Request, code int) *http.Response {
	rec := httptest.NewRecorder()
	reason := map[int]string{
		http.StatusTooManyRequests: "TooManyRequests", http.StatusInternalServerError: "InternalError",
		http.StatusServiceUnavailable: "ServiceUnavailable", http.StatusGatewayTimeout: "Timeout",
	}[code]
	if code == http.StatusTooManyRequests {
		rec.Header().Set("Retry-After", "1")
	}
	rec.Header().Set("Content-Type", "application/json")
	rec.WriteHeader(code)
	fmt.Fprintf(rec, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"played","reason":%q,"code":%d}`, reason, code)
	response := rec.Result()
	response.Request = r
	return response
}

package simulation

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// Branches.
const (
	declaredBranch = "main"
	ledgerBranch   = "tenantry-ledger"
	statusBranch   = "tenantry-status"
)

// replica is one place where the daemon runs, life after life.
type replica struct {
	w    *world
	name string
	home string // its disk
	life *life  // nil while it is down
	// newer runs the next version of the daemon.
	newer bool
	// skew is by how much its clock is wrong.
	skew time.Duration
	// paused processes neither step nor take anything in; held is what waits for them.
	paused bool
	held   []func()
	// accept is the declared commit that a person lets replace what was accepted.
	accept string
	log    *logbook
	lives  int
	// starting tells that a start is under way.
	starting bool
}

// life is one process of a replica.
type life struct {
	replica *replica
	id      string
	cancel  context.CancelFunc
	killed  chan struct{} // closed when it is killed
	ended   chan struct{} // closed when it has ended
	once    sync.Once
	// figures are what it exposes as metrics.
	figures *prometheus.Registry
}

// measured looks at what a life has exposed as metrics.
func (l *life) measured() {
	families, err := l.figures.Gather()
	if err != nil {
		l.replica.w.judge.violate("Metrics", "%s: %v", l.id, err)
	}
	for _, family := range families {
		if leaks(family.String()) {
			l.replica.w.judge.violate("Secrets", "%s exposes %s", l.id, family)
		}
	}
}

func (l *life) dead() bool {
	select {
	case <-l.killed:
		return true
	default:
		return false
	}
}

// start begins a new life, as soon as the one before has left the cache.
func (w *world) start(r *replica) {
	if r.life != nil && !r.life.dead() || r.starting || w.over {
		return
	}
	r.starting = true
	if r.life != nil {
		select {
		case <-r.life.ended:
		default:
			r.starting = false
			w.after(time.Second, func() { w.start(r) })
			return
		}
	}
	r.starting = false
	r.lives++
	ctx, cancel := context.WithCancel(context.Background())
	l := &life{
		replica: r, id: fmt.Sprintf("%s-%d", r.name, r.lives), cancel: cancel,
		killed: make(chan struct{}), ended: make(chan struct{}), figures: prometheus.NewRegistry(),
	}
	r.life = l
	w.say("%s starts", l.id)
	opts := w.options(r, l)
	go func() {
		defer close(l.ended)
		if err := reconciler.Run(ctx, opts); err != nil && !l.dead() {
			opts.Log.Error("ended", "error", err)
		}
	}()
}

// options are the daemon's.
func (w *world) options(r *replica, l *life) reconciler.Options {
	return reconciler.Options{
		Git: git.Options{
			URL: "https://" + gitHost + "/fleet.git", CacheDir: r.home,
			Transport: &link{n: w.network, life: l, target: func() string { return gitHost }},
		},
		Branches: repository.Branches{Declared: declaredBranch, Ledger: ledgerBranch, Status: statusBranch},
		Shards: func() (map[string]shard.Source, error) {
			return w.sources(l), nil
		},
		Look: w.settings.Look, Lease: w.settings.Lease, ID: l.id, Renderer: w.renderer(r), Schemas: w.shared.schemas, Interval: w.settings.Interval,
		StatusInterval: w.settings.Status, AcceptRewind: r.accept,
		Clock: l.now, Registry: l.figures,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func (w *world) renderer(r *replica) *render.Renderer {
	if r.newer {
		return w.shared.newer
	}
	return w.shared.renderer
}

// now is the process's clock. It asks for it before each step, and gets no further than
// here until all that was begun has come to rest: what a step finds must not depend on how
// far other goroutines have got. One that is paused waits for longer.
func (l *life) now() time.Time {
	r := l.replica
	if turn := r.w.network.queue(l); turn != nil {
		select {
		case <-turn:
		case <-l.killed:
		}
	}
	r.w.pausing.Lock()
	defer r.w.pausing.Unlock()
	return set(time.Now(), r.skew)
}

// kill ends a process at once: whatever it still does reaches nobody.
func (w *world) kill(r *replica) {
	if r.life == nil || r.life.dead() {
		return
	}
	w.say("%s is killed", r.life.id)
	r.life.measured()
	w.resume(r)
	r.life.once.Do(func() { close(r.life.killed) })
	r.life.cancel()
}

// stop ends a process as an upgrade does: it may release what it holds.
func (w *world) stop(r *replica) {
	if r.life == nil || r.life.dead() {
		return
	}
	w.say("%s stops", r.life.id)
	r.life.measured()
	w.resume(r)
	l := r.life
	l.cancel()
	w.after(30*time.Second, func() { l.once.Do(func() { close(l.killed) }) })
}

// pause has a process stand still.
func (w *world) pause(r *replica) {
	if r.life == nil || r.life.dead() || r.paused {
		return
	}
	r.paused = true
}

// resume has it go on, with all that waited for it.
func (w *world) resume(r *replica) {
	if !r.paused {
		return
	}
	r.paused = false
	held := r.held
	r.held = nil
	for _, do := range held {
		w.after(w.latency(), do)
	}
}

// sources are the kubeconfigs that a replica has: where they lead may change.
func (w *world) sources(l *life) map[string]shard.Source {
	all := map[string]shard.Source{}
	w.pausing.Lock()
	defer w.pausing.Unlock()
	for name, target := range w.kubeconfigs {
		if w.lacks[route{l.replica.name, name}] {
			continue
		}
		all[name] = leading{w: w, l: l, shard: name, to: target}
	}
	return all
}

// leading is a kubeconfig whose content may change.
type leading struct {
	w         *world
	l         *life
	shard, to string
}

func (s leading) Config() (*rest.Config, string, error) {
	s.w.pausing.Lock()
	target := s.w.kubeconfigs[s.shard]
	s.w.pausing.Unlock()
	rt := &link{n: s.w.network, life: s.l, target: func() string { return target }}
	return &rest.Config{
		Host: "https://" + target + ".example.com", Transport: rt,
		ContentConfig: rest.ContentConfig{AcceptContentTypes: "application/json", ContentType: "application/json"},
	}, target, nil
}

// home makes a replica's disk.
func (w *world) homeOf(name string) string {
	dir := filepath.Join(w.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// logbook keeps what a replica logs: only as much as a reader of a failure wants.
type logbook struct {
	mu     sync.Mutex
	name   string
	leaked string // the first line with a secret
	// loud counts the lines that people should read; last is the last of them.
	loud int
	last string
	copy func(line []byte)
}

// Write takes one line.
func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaked == "" && leaks(string(line)) {
		l.leaked = string(line)
	}
	if !bytes.Contains(line, []byte(" level=DEBUG ")) {
		l.loud++
		l.last = string(line)
	}
	if l.copy != nil {
		l.copy(line)
	}
	return len(line), nil
}

// response is an answer of a target.
func response(r *http.Request, code int, body []byte) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: readCloser{bytes.NewReader(body)}, ContentLength: int64(len(body)), Request: r,
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

package shard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/cluster"
)

var fixture = cluster.New(cluster.Options{})

func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }

// patience is how long a test waits for what has to happen.
const patience = time.Minute

// holder is a keeper that holds from the beginning, until it is told otherwise.
type holder struct {
	mu       sync.Mutex
	lease    core.Lease
	deadline time.Time
	changed  chan struct{}
	memory   []string
	released bool
}

func newHolder() *holder {
	return &holder{
		lease: core.Lease{Held: true, Identity: "this-cluster"}, deadline: time.Now().Add(time.Hour), changed: make(chan struct{}, 1),
	}
}

func (h *holder) Run(ctx context.Context, report func(core.Lease)) error {
	for {
		h.mu.Lock()
		l := h.lease
		h.mu.Unlock()
		report(l)
		select {
		case <-ctx.Done():
			h.mu.Lock()
			h.released = true
			h.mu.Unlock()
			return nil
		case <-h.changed:
		}
	}
}

func (h *holder) Deadline() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.lease.Held {
		return time.Time{}
	}
	return h.deadline
}

func (h *holder) Remember(tip, accepted string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.memory = append(h.memory, tip+" "+accepted)
}

func (h *holder) set(l core.Lease) {
	h.mu.Lock()
	h.lease = l
	h.mu.Unlock()
	h.changed <- struct{}{}
}

// edge is a running shard, and what it has reported.
type edge struct {
	t      *testing.T
	shard  *shard.Shard
	keeper *holder
	client *kubernetes.Clientset
	cfg    *rest.Config
	logs   *lockedBuffer

	mu      sync.Mutex
	events  []core.Event
	objects map[string]*core.Object // by ID
	anchors map[string]core.Anchor
	news    chan struct{}
	stop    func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func config(t *testing.T) *rest.Config {
	t.Helper()
	c := fixture.Start(t)
	return c.Shards[0].Config(t)
}

// begin runs a shard against the real cluster until the test ends.
func begin(t *testing.T, cfg *rest.Config) *edge {
	t.Helper()
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "tenantry-system"}}
	if cfg.Dial == nil { // the keeper's job
		_, _ = client.CoreV1().Namespaces().Create(t.Context(), system, metav1.CreateOptions{})
	}
	e := &edge{
		t: t, keeper: newHolder(), client: client, cfg: cfg, logs: &lockedBuffer{},
		objects: map[string]*core.Object{}, anchors: map[string]core.Anchor{}, news: make(chan struct{}, 1),
	}
	e.shard, err = shard.New("eu-1", shard.Fixed(cfg), shard.Options{
		Keeper: func(string, *rest.Config) (shard.Keeper, error) { return e.keeper, nil },
		Log:    slog.New(slog.NewTextHandler(e.logs, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.run()
	return e
}

// run runs the edge's shard in the background.
func (e *edge) run() {
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan core.Event)
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := e.shard.Run(ctx, events); err != nil {
			e.t.Error(err)
		}
	})
	tasks.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-events:
				e.take(event)
			}
		}
	})
	e.stop = sync.OnceFunc(func() { cancel(); tasks.Wait() })
	e.t.Cleanup(e.stop)
}

func (e *edge) take(event core.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
	if o, ok := event.(core.Observed); ok {
		for _, o := range o.Objects {
			e.objects[o.ID.String()] = o
		}
		for _, g := range o.Gone {
			if old := e.objects[g.ID.String()]; old != nil && old.OwnerUID == g.OwnerUID {
				delete(e.objects, g.ID.String())
			}
		}
		for _, a := range o.Anchors {
			e.anchors[a.OwnerUID] = a
		}
	}
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// until waits for what is to be.
func (e *edge) until(what string, so func() bool) {
	e.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		e.mu.Lock()
		ok := so()
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-e.news:
		case <-limit.C:
			e.mu.Lock()
			defer e.mu.Unlock()
			e.t.Fatalf("waited %v for: %s\nevents: %s\nlogs: %s", patience, what, list(e.events), e.logs)
		}
	}
}

// last is the newest event of a type; its zero value when there is none. It is
// for conditions, which hold the lock.
func last[E core.Event](e *edge) (found E) {
	for _, event := range e.events {
		if x, ok := event.(E); ok {
			found = x
		}
	}
	return found
}

func list(events []core.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n  %T %+v", e, e)
	}
	return b.String()
}

// watch asks for kinds, and waits until they are synced.
func (e *edge) watch(kinds []string, judged ...string) core.Synced {
	e.t.Helper()
	e.until("the lease", func() bool {
		for _, event := range e.events {
			if l, ok := event.(core.Lease); ok && l.Held {
				return true
			}
		}
		return false
	})
	from := e.count()
	e.shard.Handle(core.Watch{Shard: "eu-1", Kinds: kinds, Judged: judged})
	var answer core.Synced
	e.until("Synced", func() bool {
		for _, event := range e.events[from:] {
			if s, ok := event.(core.Synced); ok {
				answer = s
				return true
			}
		}
		return false
	})
	return answer
}

func (e *edge) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.events)
}

// do has work done, and gives what failed.
func (e *edge) do(w core.Work) []core.Failure {
	e.t.Helper()
	from := e.count()
	e.shard.Handle(core.Do{Work: w})
	var failures []core.Failure
	e.until("Done", func() bool {
		for _, event := range e.events[from:] {
			if d, ok := event.(core.Done); ok && d.Owner == w.Owner {
				failures = d.Failures
				return true
			}
		}
		return false
	})
	return failures
}

// mustDo has work done without any failure.
func (e *edge) mustDo(w core.Work) {
	e.t.Helper()
	if f := e.do(w); len(f) > 0 {
		e.t.Fatalf("work failed: %+v", f)
	}
}

// seen is an object as reported last, nil when it was not, or is gone.
func (e *edge) seen(id render.ObjectID) *core.Object {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.objects[id.String()]
}

// tenant is an owner with a namespace of its own, for one test.
func (e *edge) tenant(name string) (render.Owner, string) {
	e.t.Helper()
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano()%1_000_000_000)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "tenant-" + name}}
	if _, err := e.client.CoreV1().Namespaces().Create(e.t.Context(), ns, metav1.CreateOptions{}); err != nil {
		e.t.Fatal(err)
	}
	return render.Owner{Kind: render.OwnerTenant, Name: name, UID: "uid-" + name}, ns.Name
}

// configMap is a rendered object, ownership on it.
func configMap(t *testing.T, o render.Owner, ns, name, value string) render.Object {
	t.Helper()
	return rendered(t, o, render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: name},
		map[string]any{"data": map[string]any{"key": value}})
}

func rendered(t *testing.T, o render.Owner, id render.ObjectID, body map[string]any) render.Object {
	t.Helper()
	object := map[string]any{
		"apiVersion": strings.TrimPrefix(id.Group+"/"+id.Version, "/"), "kind": id.Kind,
		"metadata": map[string]any{
			"name": id.Name, "namespace": id.Namespace,
			"labels":      map[string]any{render.LabelUID: o.UID},
			"annotations": map[string]any{render.AnnotationObject: id.String(), render.AnnotationDigest: "0123"},
		},
	}
	if id.Namespace == "" {
		delete(object["metadata"].(map[string]any), "namespace")
	}
	for k, v := range body {
		object[k] = v
	}
	content, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return render.Object{ID: id, Digest: "0123", JSON: content}
}

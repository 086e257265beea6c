package core

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// world plays Git and the shards for one core: what the core asks for is done at
// once, unless a test has broken it. Time passes only by the test's word.
type world struct {
	t    testing.TB
	core *Core
	now  time.Time

	commits  []*commit // the declared branch, oldest first
	head     *commit   // nil: the branch is gone
	problem  Problem   // of the declared branch
	reported string
	ledgers  []*ledger.Ledger // by tip: tip n is "l<n>", "" none
	lastRead string
	read     bool
	newer    string // what of the ledger's newest commit only a newer daemon understands
	status   map[string][]byte
	statuses int       // commits
	lastSeen int       // of the status's commits
	pushes   []int     // files of each PushStatus
	renew    time.Time // when the overview may be written again
	shards   map[string]*fakeShard
	down     bool // Git is unreachable
	refuse   error
	would    []string          // what a read-only core would have done
	blind    map[string]string // by shard, a kind that it does not let us list
	fetches  int
	// watched is called with each effect before it is carried out.
	watched func(Effect)
	// afterFetch is called once, when a fetch has been answered.
	afterFetch func()
	drop       func() bool // an effect is lost with the daemon
	queue      []Event
}

type commit struct {
	id     string
	parent *commit
	files  fstest.MapFS
	fleet  *fleet.Fleet
}

// descends tells whether a commit is another or comes after it.
func (c *commit) descends(id string) bool {
	for ; c != nil; c = c.parent {
		if c.id == id {
			return true
		}
	}
	return false
}

// hashed gives class folders a content hash, as Git does.
type hashed struct{ fstest.MapFS }

func (h hashed) TreeHash(path string) (string, error) {
	sub, err := fs.Sub(h.MapFS, path)
	if err != nil {
		return "", err
	}
	parts := []string{}
	err = fs.WalkDir(sub, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = fs.ReadFile(sub, p)
			parts = append(parts, p, string(data))
		}
		return err
	})
	return ledger.UID(parts...), err
}

func newWorld(t testing.TB, shards ...string) *world {
	t.Helper()
	renderer, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, core: New(Config{StatusInterval: time.Second}, renderer), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		ledgers: []*ledger.Ledger{nil}, status: map[string][]byte{}, shards: map[string]*fakeShard{},
	}
	w.queue = append(w.queue, Kubeconfigs{shards})
	for _, s := range shards {
		w.shards[s] = &fakeShard{
			objects: map[render.ObjectID]*Object{}, anchors: map[string]Anchor{}, judged: map[string]bool{}, identity: "cluster-" + s,
			rivals: map[render.ObjectID]string{}, healed: map[render.ObjectID][]time.Time{},
		}
		w.queue = append(w.queue, Lease{Shard: s, Held: true, Identity: "cluster-" + s})
	}
	return w
}

// restart replaces the core by one that knows nothing.
func (w *world) restart() {
	w.core = New(w.core.cfg, w.core.renderer)
	w.queue, w.reported, w.read = []Event{Kubeconfigs{slices.Collect(maps.Keys(w.shards))}}, "", false
	for _, name := range slices.Sorted(maps.Keys(w.shards)) {
		w.queue = append(w.queue, Lease{Shard: name, Held: true, Identity: w.shards[name].identity})
	}
}

// commit declares files on top of the newest commit; an empty content removes.
func (w *world) commit(files map[string]string) {
	w.t.Helper()
	next := fstest.MapFS{}
	if w.head != nil {
		maps.Copy(next, w.head.files)
	}
	for p, content := range files {
		if content == "" {
			delete(next, p)
		} else {
			next[p] = &fstest.MapFile{Data: []byte(content)}
		}
	}
	loader := fleet.Loader{Judge: w.core.renderer.JudgeProvider}
	loaded, _, err := loader.Load(hashed{next})
	if err != nil {
		w.t.Fatal(err)
	}
	w.head = &commit{id: fmt.Sprintf("c%d", len(w.commits)), parent: w.head, files: next, fleet: loaded}
	w.commits = append(w.commits, w.head)
	w.queue = append(w.queue, Look{})
}

func (w *world) tip() string {
	if len(w.ledgers) == 1 {
		return ""
	}
	return fmt.Sprintf("l%d", len(w.ledgers)-1)
}

func (w *world) ledger() *ledger.Ledger { return w.ledgers[len(w.ledgers)-1] }

// settle lets everything happen that can happen now, and a little later.
func (w *world) settle() {
	w.t.Helper()
	start := w.now
	for range 100000 {
		var event Event = Tick{}
		if len(w.queue) > 0 {
			event, w.queue = w.queue[0], w.queue[1:]
		}
		effects := w.core.Step(event, w.now)
		for _, e := range effects {
			w.do(e)
		}
		if len(effects) > 0 || len(w.queue) > 0 {
			continue
		}
		next := w.core.Next()
		if next.IsZero() || next.Sub(start) > 5*time.Second {
			return
		}
		if next.After(w.now) {
			w.now = next
		}
	}
	w.t.Fatal("the world does not settle")
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	end := w.now.Add(d)
	for w.now.Before(end) {
		w.settle()
		next := w.core.Next()
		if next.IsZero() || next.After(end) {
			break
		}
		w.now = next
	}
	w.now = end
	w.settle()
}

func (w *world) do(e Effect) {
	if w.watched != nil {
		w.watched(e)
	}
	if w.drop != nil && w.drop() {
		return
	}
	switch e := e.(type) {
	case Fetch:
		w.fetch(e)
	case FindLast:
		w.queue = append(w.queue, w.findLast(e))
	case PushLedger:
		switch {
		case w.refuse != nil:
			w.queue = append(w.queue, LedgerPushed{Err: w.refuse})
		case e.Parent != w.tip():
			w.queue = append(w.queue, LedgerPushed{Err: fmt.Errorf("conflict")})
		default:
			if parts, err := e.Ledger.Draft(e.Changes); err != nil || parts.Empty() {
				w.t.Fatalf("an empty or bad decision was pushed: %v %+v", err, e.Changes)
			}
			w.ledgers = append(w.ledgers, w.ledger().With(e.Changes))
			w.lastRead = w.tip()
			w.queue = append(w.queue, LedgerPushed{Tip: w.tip()})
		}
	case PushStatus:
		if len(e.Files) > 0 {
			if w.lastSeen == w.statuses {
				w.lastSeen++
			}
			w.statuses++
		}
		if !w.now.Before(w.renew) {
			w.renew = time.Time{}
		}
		w.pushes = append(w.pushes, len(e.Files))
		for p, content := range e.Files {
			if content == nil {
				delete(w.status, p)
			} else {
				wantConventional(w.t, p, content)
				w.status[p] = content
			}
		}
		w.queue = append(w.queue, StatusPushed{Tip: fmt.Sprintf("s%d", w.statuses), Renew: w.renew})
	case Watch:
		w.watch(e)
	case Do:
		w.carryOut(e.Work)
	case Inspect:
		w.inspect(e)
	case SeeSecrets:
		w.seeSecrets(e)
	case WouldPush:
		w.would = append(w.would, e.Ledger.Message(e.Changes))
	case WouldDo:
		w.would = append(w.would, "work on "+e.Work.Owner.String())
	case Remember:
		w.shards[e.Shard].remembered = e
	}
}

func (w *world) fetch(f Fetch) {
	w.fetches++
	if after := w.afterFetch; after != nil {
		w.afterFetch = nil
		defer after()
	}
	if w.down {
		w.queue = append(w.queue, Fetched{Seq: f.Seq, Err: fmt.Errorf("unreachable")})
		return
	}
	switch {
	case w.head == nil:
		w.queue = append(w.queue, Declared{Problem: Missing, Message: "gone"})
		w.reported = ""
	case w.head.id != f.AcceptRewind && slices.ContainsFunc(f.Accepted, func(id string) bool { return !w.head.descends(id) }):
		w.queue = append(w.queue, Declared{Problem: Rewound, Message: "rewound"})
		w.reported = ""
	case w.problem != "":
		w.queue = append(w.queue, Declared{Problem: w.problem, Message: "broken"})
		w.reported = ""
	case w.head.id != w.reported:
		w.reported = w.head.id
		w.queue = append(w.queue, Declared{Commit: w.head.id, Tree: "t" + w.head.id, Fleet: w.head.fleet})
	}
	fresh := !w.read || w.lastRead != w.tip()
	if w.newer != "" {
		w.queue = append(w.queue, LedgerRead{Tip: w.tip(), Problem: Unreadable, Message: w.newer})
		w.lastRead = "" // it is read again
	} else if fresh {
		w.queue = append(w.queue, w.readLedger())
		w.lastRead = w.tip()
	}
	if w.read = true; fresh || w.lastSeen != w.statuses {
		w.lastSeen = w.statuses
		w.queue = append(w.queue, StatusRead{Tip: fmt.Sprintf("s%d", w.statuses), Files: maps.Clone(w.status)})
	}
	known := TipsKnown{Contains: map[string]bool{}}
	for _, t := range f.Tips {
		n, err := strconv.Atoi(strings.TrimPrefix(t, "l"))
		known.Contains[t] = err == nil && n < len(w.ledgers)
	}
	if len(f.Tips) > 0 {
		w.queue = append(w.queue, known)
	}
	w.queue = append(w.queue, Fetched{Seq: f.Seq})
}

func (w *world) readLedger() LedgerRead {
	read := LedgerRead{Tip: w.tip(), Ledger: w.ledger(), Classes: map[string]*fleet.Class{}, Fleets: map[string]*fleet.Fleet{}}
	if read.Ledger == nil {
		read.Ledger = ledger.Empty()
	}
	for _, c := range w.commits {
		read.Fleets["t"+c.id] = c.fleet
		for _, k := range c.fleet.Classes {
			read.Classes[classKey(k)] = k
		}
	}
	return read
}

func (w *world) findLast(f FindLast) LastFound {
	found := LastFound{Commit: f.Commit, ByRef: map[WantRef]Last{}}
	for _, want := range f.Wants {
		for c := w.head; c != nil; c = c.parent {
			var ok bool
			if want.Ref.Kind == fleet.KindTenant {
				t := c.fleet.Tenants[want.Ref.Name]
				ok = t != nil && t.Dir() == want.Ref.Path && slices.Contains(want.Classes, t.Spec.Class) && !slices.Contains(want.Not, t)
			} else {
				ok = c.fleet.DataStores[want.Ref.Name] != nil
			}
			if ok {
				found.ByRef[want.Ref] = Last{Commit: c.id, Tree: "t" + c.id, Fleet: c.fleet}
				break
			}
		}
	}
	return found
}

// tenant is the status of a tenant as committed, or nil.
func (w *world) tenant(name string) *TenantStatus {
	for _, st := range w.core.Tenants() {
		if st.Name == name {
			return st
		}
	}
	return nil
}

func (w *world) wantPhase(name string, phase Phase) *TenantStatus {
	w.t.Helper()
	st := w.tenant(name)
	if st == nil || st.Phase != phase {
		w.t.Fatalf("tenant %s: want phase %s, got %+v", name, phase, st)
	}
	return st
}

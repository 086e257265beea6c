package repository

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler/core"
)

var (
	branches = Branches{Declared: "main", Ledger: "tenantry-ledger", Status: "tenantry-status"}
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// bench is an edge of a real repository, which a person works on too.
type bench struct {
	*gittest.Fixture
	t    *testing.T
	edge *Edge
	repo *git.Repository
	log  *safeBuffer
	seq  int64
}

// newBench serves a repository with the example fleet "minimal".
func newBench(t *testing.T, options ...func(*git.Options)) *bench {
	t.Helper()
	b := &bench{t: t, Fixture: gittest.New(t, gittest.Options{})}
	b.MustCommit("main", minimal(t))
	b.another(options...)
	return b
}

// another has a new process take over, which remembers nothing.
func (b *bench) another(options ...func(*git.Options)) {
	b.t.Helper()
	opts := git.Options{URL: b.URL}
	for _, set := range options {
		set(&opts)
	}
	repo, err := git.Open(b.t.Context(), opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := repo.Close(); err != nil {
			b.t.Error(err)
		}
	})
	b.log = &safeBuffer{}
	b.repo, b.edge = repo, New(repo, branches, nil, slog.New(slog.NewTextHandler(b.log, nil)))
}

// inPlace opens the repository's folder instead of its URL.
func inPlace(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, Fixture: gittest.New(t, gittest.Options{})}
	b.MustCommit("main", minimal(t))
	b.another(func(o *git.Options) { o.URL = b.Dir })
	return b
}

func minimal(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	dir := os.DirFS("../../examples/minimal")
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, p)
		files[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// do has the edge carry out effects as its loop would, and gives what it reported.
func (b *bench) do(effects ...core.Effect) []core.Event {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	var events []core.Event
	for _, e := range effects {
		if !b.edge.Handle(e) {
			b.t.Fatalf("%T is not for Git", e)
		}
	}
	left := len(effects)
	b.edge.Run(ctx, func(e core.Event) {
		events = append(events, e)
		switch e.(type) {
		case core.Fetched, core.LastFound, core.LedgerPushed, core.StatusPushed:
			if left--; left == 0 {
				cancel()
			}
		}
	})
	return events
}

// fetch carries out a Fetch that has to end well.
func (b *bench) fetch(f core.Fetch) []core.Event {
	b.t.Helper()
	b.seq++
	f.Seq = b.seq
	events := b.do(f)
	if end := only[core.Fetched](b.t, events); end.Err != nil || end.Seq != b.seq {
		b.t.Fatalf("fetch %d ended with %+v", b.seq, end)
	}
	return events
}

// pushLedger commits decisions that have to be accepted.
func (b *bench) pushLedger(f core.PushLedger) string {
	b.t.Helper()
	pushed := only[core.LedgerPushed](b.t, b.do(f))
	if pushed.Err != nil {
		b.t.Fatal(pushed.Err)
	}
	return pushed.Tip
}

// shardEntry is the smallest decision there is.
func shardEntry(name, identity string) ledger.Changes {
	var c ledger.Changes
	c.SetShard(&ledger.Shard{Name: name, Identity: identity})
	return c
}

func decision(parent string, on *ledger.Ledger, changes ledger.Changes) core.PushLedger {
	return core.PushLedger{Parent: parent, Ledger: on, Commit: "c0ffee", Changes: changes, When: noon}
}

// kinds names the types of events, in order.
func kinds(events []core.Event) []string {
	var names []string
	for _, e := range events {
		names = append(names, fmt.Sprintf("%T", e)[len("core."):])
	}
	return names
}

// only gives the one event of a type.
func only[E core.Event](t *testing.T, events []core.Event) E {
	t.Helper()
	var found []E
	for _, e := range events {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		var none E
		t.Fatalf("%d events %T among %v, want one", len(found), none, kinds(events))
	}
	return found[0]
}

func expect(t *testing.T, reason string, events []core.Event, want ...string) {
	t.Helper()
	if got := kinds(events); !slices.Equal(got, want) {
		t.Fatalf("reported %v, want %v: %s", got, want, reason)
	}
}

// safeBuffer is a log that may be written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

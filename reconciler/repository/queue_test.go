package repository

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenantry/tenantry/reconciler/core"
)

// damage loses an object that stands alone in a file, as a broken disk does.
func (b *bench) damage(hash string) {
	b.t.Helper()
	b.MustGit("repack", "-adq")
	packs, err := filepath.Glob(filepath.Join(b.Dir, "objects", "pack", "*.pack"))
	if err != nil || len(packs) == 0 {
		b.t.Fatalf("packs %v, %v", packs, err)
	}
	for _, p := range packs {
		moved := filepath.Join(b.t.TempDir(), filepath.Base(p))
		if err := os.Rename(p, moved); err != nil {
			b.t.Fatal(err)
		}
		for _, ext := range []string{".idx", ".rev", ".pack"} {
			_ = os.Remove(p[:len(p)-len(".pack")] + ext) // not every git writes each
		}
		content, err := os.ReadFile(moved)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.Pipe(content, "unpack-objects", "-q"); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(b.Dir, "objects", hash[:2], hash[2:])); err != nil {
		b.t.Fatal(err)
	}
}

func TestUrgentGoesFirst(t *testing.T) {
	b := newBench(t)
	events := b.do(
		observation("", map[string]string{ours: "1"}),
		core.Fetch{Seq: 1},
		core.FindLast{Commit: b.MustTip("main")},
		decision("", nil, shardEntry("main", "cluster-1")),
	)
	expect(t, "decisions, then reading in its order, then observations", events,
		"LedgerPushed", "Declared", "LedgerRead", "StatusRead", "Fetched", "LastFound", "StatusPushed")
	if b.edge.Handle(core.Do{}) || b.edge.Handle(core.Remember{}) || b.edge.Handle(core.Watch{}) {
		t.Error("took what is for shards")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.edge.Handle(core.Fetch{Seq: 1})
	b.edge.Run(ctx, func(e core.Event) { t.Errorf("reported %T after the end", e) })
}

package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A restart is no event: nothing is written, and what was declared meanwhile is
// done. The cache may be lost with it.
func TestDaemonRestart(t *testing.T) {
	t.Parallel()
	s := take(t)
	f := newFleet(t, "restart", s)
	f.declare("restart-one")
	d := f.start()
	f.reach("Ready", "restart-one")
	before := f.mustEntry("restart-one")
	objects := s.versions(t, before.UID)
	if len(objects) < 15 {
		t.Fatalf("restart-one has only %d objects: %v", len(objects), objects)
	}

	d.stop(t)
	f.cache = t.TempDir()
	commit := f.declare("restart-two")
	f.start()
	f.reach("Ready", "restart-two")
	f.settled(commit, s)

	after := f.mustEntry("restart-one")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the restart changed restart-one's ledger entry (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(objects, s.versions(t, before.UID)); diff != "" {
		t.Errorf("the restart wrote objects of restart-one (-before +after):\n%s", diff)
	}
	if n := f.placings("restart-two"); n != 1 {
		t.Errorf("the ledger brought restart-two in %d times, want once", n)
	}
}

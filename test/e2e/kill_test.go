package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Between deciding and committing: the push is under way, and nothing of it has
// been taken in. The decision is lost, and taken once more.
func TestKillBetweenDecidingAndCommitting(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "undecided")
	tip := f.MustTip(decided)
	open := f.gate("pre-receive", "undecided-two", 1)
	f.declare("undecided-two")
	f.eventually("the decision is being pushed", open.reached)
	f.daemon.kill()
	open.pass(t)
	if got := f.MustTip(decided); got != tip {
		t.Fatalf("the ledger has moved from %s to %s, although its push was refused", tip, got)
	}
	if err := s.absent("Namespace", "tenant-undecided-two"); err != nil {
		t.Errorf("something was done before it was decided: %v", err)
	}
	f.start()
	f.survives(s, "undecided-one", "undecided-two")
}

// Between committing and applying: the ledger has the decision, and the daemon dies
// before it hears so. The next one carries out what stands there.
func TestKillBetweenCommittingAndApplying(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "unheard")
	open := f.gate("post-receive", "unheard-two", 0)
	f.declare("unheard-two")
	f.eventually("the decision is committed", open.reached)
	f.daemon.kill()
	open.pass(t)
	placed := f.mustEntry("unheard-two")
	if err := s.absent("Namespace", "tenant-unheard-two"); err != nil {
		t.Errorf("something was done before the decision was known to be in the ledger: %v", err)
	}
	f.cache = t.TempDir() // the cache is lost with the machine
	f.start()
	f.survives(s, "unheard-one", "unheard-two")
	if e := f.mustEntry("unheard-two"); e.UID != placed.UID || e.Placement != placed.Placement {
		t.Errorf("the tenant was decided anew: %+v, before %+v", e, placed)
	}
}

// In the middle of applying: some objects are there, others not.
func TestKillWhileApplying(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "halfway")
	f.daemon.stop(t)
	way := newProxy(t, s)
	f.know(s.name, way.kubeconfig(t))
	held := way.stall(func(r *http.Request) bool {
		return r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/namespaces/tenant-halfway-two/deployments/control-plane")
	})
	f.start()
	f.declare("halfway-two")
	f.eventually("the Deployment is being applied", func() error {
		select {
		case <-held:
			return nil
		default:
			return errors.New("no such request came")
		}
	})
	f.daemon.kill()
	way.stall(nil)
	placed := f.mustEntry("halfway-two")
	namespace, err := s.there("Namespace", "tenant-halfway-two")
	if err != nil {
		t.Fatalf("applying began with something else than the namespace: %v", err)
	}
	if err := s.absent("Deployment", "tenant-halfway-two/control-plane"); err != nil {
		t.Fatal(err)
	}
	f.start()
	f.survives(s, "halfway-one", "halfway-two")
	if e := f.mustEntry("halfway-two"); e.UID != placed.UID {
		t.Errorf("the tenant was decided anew: uid %s, before %s", e.UID, placed.UID)
	}
	if again, err := s.there("Namespace", "tenant-halfway-two"); err != nil || again.GetUID() != namespace.GetUID() {
		t.Errorf("the namespace was made anew: %v", err)
	}
}

// readyFleet has one tenant, <name>-one, ready on a light shard.
func readyFleet(t *testing.T, name string) (*fleet, *shard) {
	t.Helper()
	s := take(t)
	f := newFleet(t, name, s)
	f.declare(name + "-one")
	f.start()
	f.reach("Ready", name+"-one")
	return f, s
}

// survives waits until the second tenant is ready and asserts that both stand once
// in the ledger and once on the shard.
func (f *fleet) survives(s *shard, first, second string) {
	f.t.Helper()
	f.reach("Ready", first, second)
	for _, name := range []string{first, second} {
		if n := f.placings(name); n != 1 {
			f.t.Errorf("the ledger brought %s in %d times, want once", name, n)
		}
		e := f.mustEntry(name)
		if e.Epoch != 1 || e.Lifecycle != "Living" {
			f.t.Errorf("%s is %s in epoch %d, want Living in 1", name, e.Lifecycle, e.Epoch)
		}
		for kind, want := range map[string]int{"Namespace": 1, "Deployment": 1, "Job": 1} {
			if items, err := s.list(kind, e.UID); err != nil || len(items) != want {
				f.t.Errorf("%s has %d of kind %s on the shard, want %d (%v)", name, len(items), kind, want, err)
			}
		}
	}
	if a, b := f.mustEntry(first), f.mustEntry(second); a.UID == b.UID || a.Placement.Address == b.Placement.Address {
		f.t.Errorf("two tenants share an identity or an address: %+v, %+v", a, b)
	}
}

// gate is a push that a hook holds up.
type gate struct{ dir string }

// gate has a hook hold up the first push of the ledger that holds a tenant, and end
// with code once it may pass.
func (f *fleet) gate(hook, tenant string, code int) gate {
	f.t.Helper()
	g := gate{f.t.TempDir()}
	// It ends also when its folder goes, so that nothing outlives the test.
	script := fmt.Sprintf(`while read -r old new ref; do
	if [ "$ref" = refs/heads/%s ] && [ ! -e %[2]s/arrived ] && git ls-tree -r --name-only "$new" tenants/ | grep -q '/%[3]s\.yaml$'; then
		touch %[2]s/arrived
		while [ -e %[2]s/arrived ] && [ ! -e %[2]s/pass ]; do sleep 0.05; done
		exit %[4]d
	fi
done
`, decided, g.dir, tenant, code)
	if err := f.Hook(hook, script); err != nil {
		f.t.Fatal(err)
	}
	return g
}

// reached tells whether the push has come.
func (g gate) reached() error {
	_, err := os.Stat(filepath.Join(g.dir, "arrived"))
	return err
}

// pass lets it go on.
func (g gate) pass(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, "pass"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

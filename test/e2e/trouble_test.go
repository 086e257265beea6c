package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A shard that cannot be reached stops its own tenants and nobody else's.
func TestShardDownAtStart(t *testing.T) {
	p, q := takeBoth(t)
	f := newFleet(t, "down", p, q)
	files := map[string]string{}
	for _, s := range []*shard{p, q} {
		path, content := tenant("down-"+s.name, "shard: "+s.name)
		files[path] = content
	}
	f.MustCommit(declared, files)
	q.cluster.Down(t, q.name)
	up := func() { q.cluster.Up(t, q.name) }
	defer func() {
		if up != nil {
			up()
		}
	}()
	f.start()
	f.reach("Ready", "down-p")
	f.reach("Pending", "down-q")
	if st, err := f.status("down-q"); err != nil || !strings.Contains(st.because("Placed"), "ShardUnavailable") {
		t.Errorf("down-q waits because of %q (%v), want ShardUnavailable", st.because("Placed"), err)
	}
	if _, err := f.entry("down-q"); err == nil {
		t.Error("down-q was placed on a shard that nobody has ever reached")
	}
	f.declare("down-any")
	f.reach("Ready", "down-any")
	if e := f.mustEntry("down-any"); e.Placement.Shard != p.name {
		t.Errorf("down-any was placed on %s, which is down", e.Placement.Shard)
	}

	up()
	up = nil
	f.reach("Ready", "down-q")
	if n := f.placings("down-q"); n != 1 {
		t.Errorf("the ledger brought down-q in %d times, want once", n)
	}
	if _, err := q.there("Deployment", "tenant-down-q/control-plane"); err != nil {
		t.Error(err)
	}
}

// A remote that refuses pushes stops new decisions only: placed tenants are healed,
// and everything goes on by itself once pushes are let in.
func TestRejectedPush(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "rejected")
	tip := f.MustTip(decided)
	if err := f.Refuse("protected branch: ask the owners"); err != nil {
		t.Fatal(err)
	}
	f.declare("rejected-two")
	f.eventually("readiness tells of it", func() error { return f.unready("LedgerNotWritable") })
	if err := f.unready("protected branch"); err != nil {
		t.Errorf("what the remote said is not passed on: %v", err)
	}
	s.delete(t, "ConfigMap", "tenant-rejected-one/kubeconfigs")
	f.eventually("the placed tenant is healed", func() error {
		_, err := s.there("ConfigMap", "tenant-rejected-one/kubeconfigs")
		return err
	})
	if err := s.absent("Namespace", "tenant-rejected-two"); err != nil {
		t.Errorf("something was done that is not in the ledger: %v", err)
	}
	if got := f.MustTip(decided); got != tip {
		t.Errorf("the ledger has moved to %s", got)
	}
	if err := f.Refuse(""); err != nil {
		t.Fatal(err)
	}
	f.survives(s, "rejected-one", "rejected-two")
	f.eventually("readiness is back", func() error { return f.unready("") })
}

// Somebody else's commit on the ledger between reading and pushing: the decision is
// taken again on what is there now, and both are in the history.
func TestLedgerMovedByAnother(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "moved")
	gate := f.gate("pre-receive", "moved-two", 0)
	f.declare("moved-two")
	f.eventually("the decision is being pushed", gate.reached)
	note := f.MustCommit(decided, map[string]string{"README.md": "Written by the machine; ask the platform team.\n"})
	gate.pass(t)
	f.survives(s, "moved-one", "moved-two")
	if base := strings.TrimSpace(f.MustGit("merge-base", note, decided)); base != note {
		t.Error("the other's commit was overwritten")
	}
	if files := f.MustFiles(decided); files["README.md"] == "" {
		t.Error("the other's file was removed")
	}
}

// The status branch is the daemon's to write; what people do to it has no effect on
// the fleet and does not last, but what is theirs is left alone.
func TestStatusEditedByAPerson(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "edited")
	was := f.mustEntry("edited-one")
	objects := s.versions(t, was.UID)
	path := ""
	for p := range f.MustFiles(observed) {
		if strings.HasSuffix(p, "/edited-one.yaml") {
			path = p
		}
	}
	good := f.MustFiles(observed)[path]
	f.MustCommit(observed, map[string]string{
		path:                               strings.Replace(good, "phase: Ready", "phase: Failed", 1),
		"NOTES.md":                         "edited-one: call the team before five.\n",
		"status/_unplaced/edited-two.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: TenantStatus\nname: edited-two\nphase: Ready\n",
	})
	f.eventually("the observation is written again", func() error {
		files, err := f.Files(observed)
		switch {
		case err != nil:
			return err
		case files[path] != good:
			return fmt.Errorf("%s is\n%s\nwant\n%s", path, files[path], good)
		case files["status/_unplaced/edited-two.yaml"] != "":
			return errors.New("a status of a tenant that is not there has stayed")
		case files["NOTES.md"] == "":
			return errors.New("the person's own file is gone")
		}
		return nil
	})
	f.MustCommit(observed, map[string]string{path: "{ not: [yaml"})
	f.reach("Ready", "edited-one")
	// Lost altogether, it is begun anew.
	if err := f.SetBranch(observed, ""); err != nil {
		t.Fatal(err)
	}
	f.reach("Ready", "edited-one")
	if e := f.mustEntry("edited-one"); e != was {
		t.Errorf("an edit of the status changed the decision: %+v, before %+v", e, was)
	}
	if _, err := f.entry("edited-two"); err == nil {
		t.Error("an edit of the status made a tenant")
	}
	for name, version := range s.versions(t, was.UID) {
		if objects[name] != version {
			t.Errorf("an edit of the status had %s written", name)
		}
	}
}

// What is wrong with one tenant is said with its place, and stops nobody else.
func TestBadTenantBesideGoodOnes(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "bad")
	f.declare("bad-two")
	f.reach("Ready", "bad-two")
	was := f.mustEntry("bad-two")
	two, content := tenant("bad-two", "version: newest")
	three, _ := tenant("bad-three")
	four, good := tenant("bad-four")
	f.MustCommit(declared, map[string]string{
		two: content, four: good,
		three: "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata:\n  name: bad-three\nspec:\n  size: standard\n",
	})
	f.reach("Ready", "bad-one", "bad-four")
	f.reach("Held", "bad-two", "bad-three")
	for name, place := range map[string]string{"bad-two": two + ":7:12", "bad-three": three + ":6:3"} {
		st, err := f.status(name)
		if why := st.because("Held") + st.because("Placed"); err != nil || !strings.Contains(why, place) {
			t.Errorf("%s is held because of %q (%v), want a message with %s", name, why, err, place)
		}
	}
	out, errs, code := f.command("validate", f.checkout())
	if all := out + errs; code != 1 || !strings.Contains(all, two+":7:12") || !strings.Contains(all, three+":6:3") || strings.Contains(all, four) {
		t.Errorf("validate ended with %d and said\n%s\nwant 1 and the two places only", code, all)
	}
	// It is kept as it was, and healed from the last good declaration.
	s.delete(t, "ConfigMap", "tenant-bad-two/kubeconfigs")
	f.eventually("what is held is healed", func() error {
		_, err := s.there("ConfigMap", "tenant-bad-two/kubeconfigs")
		return err
	})
	if e := f.mustEntry("bad-two"); e.UID != was.UID || e.Lifecycle != "Living" || e.Held == nil || e.Held.Reason != "Invalid" {
		t.Errorf("the ledger says %+v, want it living and held", e)
	}
	if _, err := f.entry("bad-three"); err == nil {
		t.Error("a tenant was placed whose declaration is invalid")
	}

	path, fixed := tenant("bad-two")
	_, third := tenant("bad-three")
	f.MustCommit(declared, map[string]string{path: fixed, three: third})
	f.reach("Ready", "bad-two", "bad-three")
	if e := f.mustEntry("bad-two"); e.UID != was.UID || e.Held != nil {
		t.Errorf("the ledger says %+v, want the same tenant, not held", e)
	}
}

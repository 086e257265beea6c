package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What can happen to the declared branch as a whole.

func TestFault21TenantRemoved(t *testing.T) {
	o := newOrdeal(t, "fault21")
	was := o.mustEntry(o.bad)
	objects := o.shard.versions(t, was.UID)
	good, content := tenant(o.good, "replicas: 2")
	bad, _ := tenant(o.bad)
	o.MustCommit(declared, map[string]string{bad: "", good: content})

	o.reach("Removed", o.bad)
	o.eventually("it is stopped", func() error { return o.shard.replicas(o.bad, 0) })
	o.eventually("the neighbour's change arrives", func() error { return o.shard.replicas(o.good, 2) })
	if e := o.mustEntry(o.bad); e.Lifecycle != "Tombstoned" || e.Tombstone == nil || !e.Tombstone.PurgeAfter.After(e.Tombstone.Since) {
		t.Errorf("the ledger says %+v, want a tombstone with a retention", e)
	}
	left := o.shard.versions(t, was.UID)
	for name, version := range objects {
		uid, _, _ := strings.Cut(version, " ")
		if !strings.HasPrefix(left[name], uid+" ") {
			t.Errorf("%s is %q, before %q: nothing of a removed tenant goes before its retention", name, left[name], version)
		}
	}
}

func TestFault22AllTenantsRemoved(t *testing.T) {
	o := newOrdeal(t, "fault22")
	o.deletion("limit: 100, percent: 100") // the last tenant is no matter of numbers
	before := o.everything()
	o.withdraw(o.bad, o.good)
	o.reach("Held", o.bad, o.good)
	for _, name := range []string{o.bad, o.good} {
		st, err := o.status(name)
		if held := st.because("Held"); err != nil || !strings.HasPrefix(held, "True DeletionBrake: ") || !strings.Contains(held, "spec.deletion.allowLast") {
			t.Errorf("%s is held because of %q (%v), want the brake and what to do", name, held, err)
		}
		if err := o.lifecycle(name, "Living"); err != nil {
			t.Error(err)
		}
	}
	o.unchanged(before)
	o.revert()
	o.reach("Ready", o.bad, o.good)
}

func TestFault23ForcedPush(t *testing.T) {
	o := newOrdeal(t, "fault23")
	past := o.MustTip(declared)
	now := o.declare("fault23-new")
	o.reach("Ready", "fault23-new")
	ledger, before := o.MustTip(decided), o.everything("fault23-new")

	if err := o.SetBranch(declared, past); err != nil {
		t.Fatal(err)
	}
	o.eventually("readiness says so", func() error { return o.unready("DeclaredRewound") })
	if err := o.unready(now[:12]); err != nil {
		t.Errorf("the commit that is gone is not named: %v", err)
	}
	o.reach("Held", o.bad, o.good, "fault23-new")
	// What is held is healed all the same.
	o.shard.delete(t, "ConfigMap", "tenant-"+o.bad+"/kubeconfigs")
	o.eventually("what was deleted is there again", func() error {
		_, err := o.shard.there("ConfigMap", "tenant-"+o.bad+"/kubeconfigs")
		return err
	})
	delete(before, "ConfigMap tenant-"+o.bad+"/kubeconfigs")
	o.unchanged(before, "fault23-new")
	if got := o.MustTip(decided); got != ledger {
		t.Errorf("a decision was taken on a rewound branch:\n%s", o.MustGit("log", "-p", "--format=%B", ledger+".."+got))
	}

	// A person who meant it says so. Of the tenant that the branch has forgotten no
	// declaration is left, so it is kept until it is declared again.
	was := o.mustEntry("fault23-new")
	o.daemon.stop(t)
	o.start("--accept-rewind", past)
	o.reach("Ready", o.bad, o.good)
	o.reach("Held", "fault23-new")
	o.declare("fault23-new")
	o.reach("Ready", "fault23-new")
	if e := o.mustEntry("fault23-new"); e.UID != was.UID || e.Placement != was.Placement {
		t.Errorf("the ledger says %+v, want the same tenant as %+v", e, was)
	}
}

func TestFault24BranchDeleted(t *testing.T) {
	o := newOrdeal(t, "fault24")
	was, ledger, before := o.MustTip(declared), o.MustTip(decided), o.everything()
	if err := o.SetBranch(declared, ""); err != nil {
		t.Fatal(err)
	}
	o.reach("Held", o.bad, o.good)
	o.eventually("readiness says so", func() error { return o.unready("DeclaredMissing") })
	o.shard.delete(t, "ConfigMap", "tenant-"+o.bad+"/kubeconfigs")
	o.eventually("what was deleted is there again", func() error {
		_, err := o.shard.there("ConfigMap", "tenant-"+o.bad+"/kubeconfigs")
		return err
	})
	delete(before, "ConfigMap tenant-"+o.bad+"/kubeconfigs")
	o.unchanged(before)
	if got := o.MustTip(decided); got != ledger {
		t.Errorf("a decision was taken without a declared branch:\n%s", o.MustGit("log", "-p", "--format=%B", ledger+".."+got))
	}
	if err := o.SetBranch(declared, was); err != nil {
		t.Fatal(err)
	}
	o.reach("Ready", o.bad, o.good)
	o.eventually("it is ready again", func() error { return o.unready("") })
}

// everything is what both tenants, and others, have on the shard.
func (o *ordeal) everything(others ...string) map[string]string {
	o.t.Helper()
	all := map[string]string{}
	for _, name := range append(others, o.bad, o.good) {
		for object, version := range o.shard.versions(o.t, o.mustEntry(name).UID) {
			all[object] = version
		}
	}
	return all
}

// unchanged asserts that nothing of what was there was written or removed.
func (o *ordeal) unchanged(before map[string]string, others ...string) {
	o.t.Helper()
	after := o.everything(others...)
	for name := range after {
		if before[name] == "" {
			delete(after, name)
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		o.t.Errorf("objects were touched (-before +after):\n%s", diff)
	}
}

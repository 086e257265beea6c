package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Within its retention a removed tenant is stopped and nothing of it is lost; a
// revert brings the same one back. After it, all is gone but the record.
func TestRemovalWithinAndAfterRetention(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "removal")
	f.declare("removal-two")
	f.reach("Ready", "removal-two")
	was := f.mustEntry("removal-two")
	namespace, err := s.there("Namespace", "tenant-removal-two")
	if err != nil {
		t.Fatal(err)
	}
	authority, err := s.there("Secret", "tenant-removal-two/removal-two-ca")
	if err != nil {
		t.Fatal(err)
	}

	commit := f.withdraw("removal-two")
	f.reach("Removed", "removal-two")
	f.eventually("the control plane is stopped", func() error { return s.replicas("removal-two", 0) })
	gone := f.mustEntry("removal-two")
	switch {
	case gone.Lifecycle != "Tombstoned" || gone.Tombstone == nil:
		t.Fatalf("the ledger says %+v, want a tombstone", gone)
	case gone.Tombstone.PurgeAfter.Sub(gone.Tombstone.Since) != 72*time.Hour:
		t.Errorf("it may be purged %v after its removal, want the default of 72h", gone.Tombstone.PurgeAfter.Sub(gone.Tombstone.Since))
	case gone.Tombstone.Commit != commit || !strings.Contains(gone.Tombstone.Declaration, "name: removal-two"):
		t.Errorf("the tombstone names commit %s and declaration %q, want %s and the last one", gone.Tombstone.Commit, gone.Tombstone.Declaration, commit)
	case gone.UID != was.UID || gone.Placement != was.Placement || gone.Epoch <= was.Epoch:
		t.Errorf("the removal changed identity or place, or kept the epoch: %+v, before %+v", gone, was)
	}
	if st, err := f.status("removal-two"); err != nil || st.PurgeAfter == nil || !st.PurgeAfter.Equal(gone.Tombstone.PurgeAfter) {
		t.Errorf("its status says that it goes at %v (%v), want %v", st.PurgeAfter, err, gone.Tombstone.PurgeAfter)
	}

	f.revert()
	f.reach("Ready", "removal-two")
	back := f.mustEntry("removal-two")
	if back.UID != was.UID || back.Placement != was.Placement || back.Lifecycle != "Living" || back.Tombstone != nil || back.Epoch <= gone.Epoch {
		t.Errorf("the revert brought %+v back, want the same tenant as %+v in a later epoch", back, was)
	}
	if err := s.replicas("removal-two", 1); err != nil {
		t.Error(err)
	}
	if o, err := s.there("Namespace", "tenant-removal-two"); err != nil || o.GetUID() != namespace.GetUID() {
		t.Errorf("the namespace was made anew (%v)", err)
	}
	if o, err := s.there("Secret", "tenant-removal-two/removal-two-ca"); err != nil || o.GetResourceVersion() != authority.GetResourceVersion() {
		t.Errorf("the tenant's authority was touched (%v)", err)
	}

	f.deletion("retention: 2s, limit: 5")
	f.withdraw("removal-two")
	f.eventually("the ledger says that it is purged", func() error { return f.lifecycle("removal-two", "Purged") })
	if err := errors.Join(s.absent("Namespace", "tenant-removal-two"), s.absent("Job", "datastore-"+was.Placement.DataStore+"/add-t-"+was.UID)); err != nil {
		t.Error(err)
	}
	f.eventually("nothing of it is left on the shard", func() error {
		for _, kind := range []string{"Namespace", "Job", "Certificate", "Deployment"} {
			if items, err := s.list(kind, was.UID); err != nil || len(items) > 0 {
				return errors.Join(err, fmt.Errorf("%d of kind %s", len(items), kind))
			}
		}
		return nil
	})
	end := f.mustEntry("removal-two")
	if end.Tombstone == nil || end.Tombstone.PurgedAt == nil || end.Tombstone.PurgedAt.Before(end.Tombstone.PurgeAfter) || end.Tombstone.Declaration == "" {
		t.Errorf("the final record is %+v, want the declaration, and a purge after the retention", end.Tombstone)
	}
	f.eventually("its status is gone", func() error {
		if st, err := f.status("removal-two"); err == nil {
			return fmt.Errorf("it is %s", st.Phase)
		}
		return nil
	})

	// The name is free now, and means another tenant.
	f.declare("removal-two")
	f.reach("Ready", "removal-two")
	if e := f.mustEntry("removal-two"); e.UID == was.UID {
		t.Errorf("the new tenant has the uid %s of the one that is gone", e.UID)
	}
	if e := f.mustEntry("removal-one"); e.Epoch != 1 || e.Lifecycle != "Living" {
		t.Errorf("its neighbour is %+v, want it untouched", e)
	}
}

// More removals than allowed wait for a person: a revert, or a raised limit.
func TestBrake(t *testing.T) {
	t.Parallel()
	f, s := readyFleet(t, "brake")
	f.deletion("limit: 1, percent: 0")
	f.declare("brake-two", "brake-three")
	f.reach("Ready", "brake-two", "brake-three")

	f.withdraw("brake-two", "brake-three")
	f.reach("Held", "brake-two", "brake-three")
	for _, name := range []string{"brake-two", "brake-three"} {
		if st, err := f.status(name); err != nil || !strings.Contains(st.because("Held"), "DeletionBrake") {
			t.Errorf("%s is held because of %q (%v), want DeletionBrake", name, st.because("Held"), err)
		}
		if err := errors.Join(f.lifecycle(name, "Living"), s.replicas(name, 1)); err != nil {
			t.Error(err)
		}
	}
	f.revert()
	f.reach("Ready", "brake-two", "brake-three")

	f.withdraw("brake-two", "brake-three")
	f.reach("Held", "brake-two", "brake-three")
	f.deletion("limit: 2")
	f.reach("Removed", "brake-two", "brake-three")
	for _, name := range []string{"brake-two", "brake-three"} {
		f.eventually(name+" is stopped", func() error { return s.replicas(name, 0) })
	}
	if err := errors.Join(f.lifecycle("brake-one", "Living"), s.replicas("brake-one", 1)); err != nil {
		t.Error(err)
	}
}

// replicas tells whether a tenant's control plane has that many.
func (s *shard) replicas(tenant string, want int64) error {
	o, err := s.there("Deployment", "tenant-"+tenant+"/control-plane")
	if err == nil && field(o, "spec", "replicas") != want {
		err = fmt.Errorf("%s has %v replicas, want %d", tenant, field(o, "spec", "replicas"), want)
	}
	return err
}

// lifecycle tells whether the ledger says so.
func (f *fleet) lifecycle(name, want string) error {
	e, err := f.entry(name)
	if err == nil && e.Lifecycle != want {
		err = fmt.Errorf("the ledger says that %s is %s, want %s", name, e.Lifecycle, want)
	}
	return err
}

// unready tells whether the daemon's readiness names a reason; with "" it is ready.
func (f *fleet) unready(reason string) error {
	code, body, err := f.daemon.ask("/readyz")
	switch {
	case err != nil:
		return err
	case reason == "" && code != 200, reason != "" && (code != 503 || !strings.Contains(body, reason)):
		return fmt.Errorf("readiness is %d: %s", code, body)
	}
	return nil
}

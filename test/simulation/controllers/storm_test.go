package controllers

import (
	"slices"
	"testing"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// TestStorm: whatever is done meanwhile, in the end all is well and at rest.
func TestStorm(t *testing.T) {
	for provider := range scenes() {
		t.Run(provider, func(t *testing.T) {
			store, tenant := unitsOf(t, provider)
			var keys, troubles []apiserver.Key
			for _, o := range slices.Concat(store.Objects, tenant.Objects) {
				keys = append(keys, apiserver.Key(o.ID))
				troubles = append(troubles, apiserver.Key{Kind: o.ID.Kind}, apiserver.Key{Namespace: o.ID.Namespace})
			}
			for seed := range uint64(20) {
				w := newWorld(t, seed)
				w.given()
				w.storm(keys, troubles, store, tenant)
				w.mend(troubles, store, tenant)
				w.wantCurrent(store, tenant)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// storm does this and that between the controllers' steps.
func (w *world) storm(keys, troubles []apiserver.Key, units ...*render.Unit) {
	random := w.play.random
	for range 60 {
		key := keys[random.IntN(len(keys))]
		switch random.IntN(12) {
		case 0:
			w.applyWhatMayBe(units...)
		case 1:
			_ = w.server.Delete(key) // it may not be there
		case 2:
			if secrets := w.server.List(core("Secret", "tenant-acme", "")); len(secrets) > 0 {
				w.remove(keyOf(secrets[random.IntN(len(secrets))]))
			}
		case 3:
			w.play.Fail(troubles[random.IntN(len(troubles))], Trouble(random.IntN(3)))
		case 4:
			w.play.Rotate(key)
		case 5:
			w.play.Stop(random.IntN(4) == 0)
		default:
			for range random.IntN(12) {
				w.step()
			}
		}
	}
}

// mend ends all trouble, and wants what was wanted.
func (w *world) mend(troubles []apiserver.Key, units ...*render.Unit) {
	w.t.Helper()
	w.play.Stop(false)
	for _, which := range troubles {
		w.play.Fail(which, Well)
	}
	w.settle()
	for _, job := range w.server.List(apiserver.Key{Group: "batch", Version: "v1", Kind: "Job"}) {
		if holds(job, "Failed") {
			w.remove(keyOf(job))
		}
	}
	// A datastore that somebody deleted waits for its control planes.
	for _, store := range w.server.List(apiserver.Key{Group: group, Version: version, Kind: "DataStore"}) {
		if user, used := w.play.user(text(store, "metadata", "name")); used && deleting(store) {
			w.remove(user)
		}
	}
	w.settle()
	for _, unit := range units {
		w.apply(unit)
	}
	w.settle()
}

// applyWhatMayBe applies what has a namespace that lives.
func (w *world) applyWhatMayBe(units ...*render.Unit) {
	for _, unit := range units {
		for _, o := range unit.Objects {
			space := w.server.Get(core("Namespace", "", o.ID.Namespace))
			if o.ID.Namespace == "" || space != nil && !deleting(space) {
				w.put("tenantry", string(o.JSON))
			}
		}
	}
}

package render

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// names draws what fleet accepts as a name; short ones meet more often.
func names() *rapid.Generator[string] {
	return rapid.StringMatching(`[a-z]([a-z0-9-]{0,4}[a-z0-9])?`)
}

// TestTenantsShareNothing: two tenants of one datastore have no object in common,
// nor anything that tells them apart in the datastore.
func TestTenantsShareNothing(t *testing.T) {
	r := newRenderer(t)
	rapid.Check(t, func(t *rapid.T) {
		one, two := acme(), acme()
		// The ledger gives each name and each uid once.
		called := rapid.SliceOfNDistinct(names(), 2, 2, rapid.ID).Draw(t, "names")
		uids := rapid.SliceOfNDistinct(names(), 2, 2, rapid.ID).Draw(t, "uids")
		one.Name, two.Name, one.UID, two.UID = called[0], called[1], uids[0], uids[1]
		seen := map[ObjectID]bool{}
		for _, in := range []TenantInput{one, two} {
			for _, render := range []func(TenantInput) (*Unit, error){r.Tenant, r.Teardown} {
				unit, err := render(in)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range unit.Objects {
					if seen[o.ID] {
						t.Errorf("both have %s", o.ID)
					}
					seen[o.ID] = true
				}
				for _, d := range unit.Derived {
					if seen[d.ID] {
						t.Errorf("both have %s", d.ID)
					}
					seen[d.ID] = true
				}
			}
		}
	})
}

// TestDataStoresShareNothing: nor do two datastores of one shard, cluster-wide
// objects and those in cert-manager's namespace included.
func TestDataStoresShareNothing(t *testing.T) {
	r := newRenderer(t)
	rapid.Check(t, func(t *rapid.T) {
		seen := map[ObjectID]bool{}
		one := names().Draw(t, "name")
		// The other name is built from the first, where suffixes might meet.
		suffix := rapid.SampledFrom([]string{"-ca", "-selfsigned", "-requests", "-signer", "-x"}).Draw(t, "suffix")
		for _, n := range []string{one, one + suffix} {
			unit, err := r.DataStore(DataStoreInput{Name: n, UID: n, BaseVersion: "1", Spec: fleet.DataStoreSpec{
				Provider: "native", Driver: "etcd", Managed: &fleet.ManagedDataStore{Replicas: 1, Storage: "1Gi"},
			}})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range unit.Objects {
				if seen[o.ID] {
					t.Errorf("both have %s", o.ID)
				}
				seen[o.ID] = true
			}
		}
	})
}

// TestNothingButTheInputCounts renders the same input a hundred times: by one
// renderer and by new ones, from many goroutines, with the class's files put
// into their map in another order each time.
func TestNothingButTheInputCounts(t *testing.T) {
	shared := newRenderer(t)
	for file, in := range inputs(t) {
		t.Run(file, func(t *testing.T) {
			want, err := in.render(shared)
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for i := range 100 {
				r := shared
				if i%20 == 0 {
					r = newRenderer(t)
				}
				in := shuffled(in)
				all.Go(func() {
					got, err := in.render(r)
					if err != nil {
						t.Error(err)
						return
					}
					if got.Digest != want.Digest || !slices.EqualFunc(got.Objects, want.Objects, sameObject) {
						t.Errorf("render %d differs (-first +this):\n%s", i, cmp.Diff(show(t, want), show(t, got)))
					}
				})
			}
			all.Wait()
		})
	}
}

func sameObject(a, b Object) bool {
	return a.ID == b.ID && a.Digest == b.Digest && bytes.Equal(a.JSON, b.JSON)
}

// shuffled is the same input with its maps filled in another order.
func shuffled(in inputFile) inputFile {
	if in.Tenant == nil {
		return in
	}
	tenant := *in.Tenant
	names := make([]string, 0, len(tenant.Class.Files))
	for n := range tenant.Class.Files {
		names = append(names, n)
	}
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	files := map[string]string{}
	for _, n := range names {
		files[n] = tenant.Class.Files[n]
	}
	tenant.Class.Files = files
	in.Tenant = &tenant
	return in
}

// TestDigests: what changes an object changes its digest and the unit's, and
// nothing else's.
func TestDigests(t *testing.T) {
	r := newRenderer(t)
	before, err := r.Tenant(acme())
	if err != nil {
		t.Fatal(err)
	}
	in := acme()
	in.Spec.Version = "v1.36.4"
	after, err := r.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	for i, o := range after.Objects {
		if o.Digest != before.Objects[i].Digest {
			changed = append(changed, o.ID.String())
		}
		if same := bytes.Equal(o.JSON, before.Objects[i].JSON); same != (o.Digest == before.Objects[i].Digest) {
			t.Errorf("%s: the bytes are the same: %t, but the digests say otherwise", o.ID, same)
		}
	}
	if diff := cmp.Diff([]string{"Deployment.apps/tenant-acme/control-plane"}, changed); diff != "" {
		t.Errorf("a new version changes (-want +got):\n%s", diff)
	}
	if before.Digest == after.Digest {
		t.Error("the unit's digest did not change")
	}
}

// TestJobsAreReplaced: a Job whose spec changes gets another name, and only then.
func TestJobsAreReplaced(t *testing.T) {
	render := func(change func(*TenantInput), image string) string {
		t.Helper()
		r, err := New(Options{Image: image})
		if err != nil {
			t.Fatal(err)
		}
		in := acme()
		change(&in)
		unit, err := r.Tenant(in)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(find(t, unit, "Job", "*")["metadata"].(map[string]any)["name"])
	}
	same := func(*TenantInput) {}
	first := render(same, testImage)
	if again := render(func(in *TenantInput) { in.Spec.Version = "v1.37.0"; in.Lifecycle = ledger.Tombstoned }, testImage); again != first {
		t.Errorf("the Job became %s, was %s: its spec has not changed", again, first)
	}
	if other := render(same, "ghcr.io/tenantry/tenantry:v0.2.0"); other == first {
		t.Errorf("the Job stayed %s: its image has changed", first)
	}
}

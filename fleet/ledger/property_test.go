package ledger_test

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet/ledger"
)

var (
	names  = rapid.StringMatching(`[a-z]([a-z0-9-]{0,20}[a-z0-9])?`)
	hashes = rapid.StringMatching(`[0-9a-f]{40}`)
	words  = rapid.StringMatching(`[A-Z][A-Za-z]{0,10}`)
	times  = rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "seconds"), 0).UTC()
	})
)

func drawHeld(t *rapid.T) *ledger.Held {
	if rapid.Bool().Draw(t, "not held") {
		return nil
	}
	return &ledger.Held{Commit: hashes.Draw(t, "commit"), Tree: hashes.Draw(t, "tree"), Reason: words.Draw(t, "reason")}
}

func drawTenant(t *rapid.T) *ledger.Tenant {
	e := &ledger.Tenant{
		Name: names.Draw(t, "name"), UID: ledger.UID(hashes.Draw(t, "uid")),
		Source:   "tenants/" + names.Draw(t, "team") + "/" + names.Draw(t, "folder"),
		Provider: names.Draw(t, "provider"), Epoch: rapid.Int64Range(1, 1<<62).Draw(t, "epoch"),
		Lifecycle: rapid.SampledFrom([]ledger.Lifecycle{ledger.Living, ledger.Tombstoned, ledger.Purging, ledger.Purged}).Draw(t, "lifecycle"),
		Placement: ledger.Placement{Shard: names.Draw(t, "shard"), DataStore: names.Draw(t, "store")},
	}
	if rapid.Bool().Draw(t, "host") {
		e.Placement.Host = names.Draw(t, "host") + ".example.com"
	} else {
		e.Placement.Address = fmt.Sprintf("10.%d.%d.1", rapid.IntRange(0, 255).Draw(t, "b"), rapid.IntRange(0, 255).Draw(t, "c"))
	}
	if rapid.Bool().Draw(t, "adopted") {
		e.Adopted = &ledger.Adopted{Namespace: names.Draw(t, "namespace"), Name: names.Draw(t, "called"), Schema: names.Draw(t, "schema")}
		if rapid.Bool().Draw(t, "adopting") {
			e.Adopted.Objects = map[string]string{"Cluster.k0smotron.io/" + e.Adopted.Namespace + "/" + e.Adopted.Name: hashes.Draw(t, "object")}
		}
	}
	if e.Lifecycle == ledger.Living {
		e.Held = drawHeld(t)
		return e
	}
	since := times.Draw(t, "since")
	e.Tombstone = &ledger.Tombstone{
		Since: since, PurgeAfter: since.Add(time.Hour), Commit: hashes.Draw(t, "commit"),
		// Whatever people write in a declaration comes back as they wrote it.
		Declaration: rapid.StringOfN(rapid.RuneFrom([]rune("ab:#'\"-|>\\ \t\r\n{}[]*&!%@é漢\U0001F600\u2028\u0085\x00\x07\uFEFF")), 1, 40, -1).Draw(t, "declaration"),
	}
	if e.Lifecycle == ledger.Purged {
		at := since.Add(2 * time.Hour)
		e.Tombstone.PurgedAt = &at
	} else {
		e.Tombstone.Tree = hashes.Draw(t, "tree")
	}
	return e
}

func drawChanges(t *rapid.T) (c ledger.Changes) {
	for range rapid.IntRange(0, 4).Draw(t, "tenants") {
		c.SetTenant(drawTenant(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "datastores") {
		c.SetDataStore(&ledger.DataStore{
			Name: names.Draw(t, "name"), UID: ledger.UID(hashes.Draw(t, "uid")), Source: "datastores/x.yaml", Provider: names.Draw(t, "provider"),
			BaseVersion: rapid.StringMatching(`[0-9]{1,3}(\.[0-9]{1,2})?`).Draw(t, "base"), Shard: names.Draw(t, "shard"), Epoch: 1, Held: drawHeld(t),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "classes") {
		c.SetClass(&ledger.Class{
			Name: names.Draw(t, "name"), Provider: names.Draw(t, "provider"), BaseVersion: "1",
			Commit: hashes.Draw(t, "commit"), Tree: hashes.Draw(t, "tree"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "shards") {
		c.SetShard(&ledger.Shard{Name: names.Draw(t, "name"), Identity: ledger.UID(hashes.Draw(t, "identity"))})
	}
	return c
}

// A branch to which drafts are applied one after the other reads as the ledger
// with the same changes, and holds exactly the trees that its entries name.
func TestDraftsOnABranchAreTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		branch, mounts, l := fstest.MapFS{}, map[string]string{}, ledger.Empty()
		for range rapid.IntRange(1, 4).Draw(t, "commits") {
			c := drawChanges(t)
			for name := range l.Tenants {
				if rapid.IntRange(0, 3).Draw(t, "forget "+name) == 0 {
					c.SetTenant(&ledger.Tenant{Name: name})
					c.Tenants[name] = nil
				}
			}
			parts, err := l.Draft(c)
			if err != nil {
				t.Fatal(err)
			}
			for path, data := range parts.Files {
				if data == nil {
					delete(branch, path)
				} else {
					branch[path] = &fstest.MapFile{Data: data}
				}
			}
			for path, tree := range parts.Mounts {
				if tree == "" {
					delete(mounts, path)
				} else {
					mounts[path] = tree
				}
			}
			l = l.With(c)
		}
		got, err := ledger.Read(branch)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l, got); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
		// A ledger that begins with everything mounts everything that is named.
		whole, err := ledger.Empty().Draft(ledger.Changes{Tenants: l.Tenants, DataStores: l.DataStores, Classes: l.Classes, Shards: l.Shards})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole.Mounts, mounts); diff != "" {
			t.Fatalf("mounts: want (-) got (+):\n%s", diff)
		}
	})
}

// Read gives a ledger or an error, whatever stands in a file.
func FuzzRead(f *testing.F) {
	for _, e := range []*ledger.Tenant{acme(), heldTenant(), tombstoned(), purged()} {
		data, err := ledger.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ledger.Read(fstest.MapFS{ledger.TenantPath("acme"): {Data: data}})
		if err != nil {
			return
		}
		again, err := ledger.Encode(l.Tenants["acme"])
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if l2, err := ledger.Read(fstest.MapFS{ledger.TenantPath("acme"): {Data: again}}); err != nil || !cmp.Equal(l, l2) {
			t.Fatalf("read, written and read it is another: %v\n%s", err, cmp.Diff(l, l2))
		}
	})
}

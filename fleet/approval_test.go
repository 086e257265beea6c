package fleet_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/fleet"
)

// An approval's name is that of its items in any order, and of no others.
func TestApprovalsAreNamedByTheirItems(t *testing.T) {
	a := fleet.ApprovalItem{Action: fleet.ActionMigrate, Tenant: "acme", UID: "u1", Target: "b"}
	b := fleet.ApprovalItem{Action: fleet.ActionMigrate, Tenant: "globex", UID: "u2", Target: "b"}
	elsewhere, another := a, a
	elsewhere.Target, another.UID = "c", "u3"
	seen := map[string]int{}
	for i, items := range [][]fleet.ApprovalItem{{a}, {b}, {a, b}, {elsewhere}, {another}, {a, elsewhere}} {
		name := fleet.ApprovalName(items)
		slices.Reverse(items)
		if again := fleet.ApprovalName(items); again != name {
			t.Errorf("%v is called %s in one order and %s in the other", items, name, again)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%d and %d have one name", i, other)
		}
		seen[name] = i
	}
	f := loadApprovals(t, []fleet.ApprovalItem{a})
	for item, want := range map[fleet.ApprovalItem]bool{a: true, b: false, elsewhere: false, another: false} {
		if got := f.Approves(item); got != want {
			t.Errorf("%v is approved: %t", item, got)
		}
	}
}

// Many approvals may have been left where they are, and many tenants may wait: whoever
// looks through all of them for each is not done in a minute.
func TestManyApprovals(t *testing.T) {
	var all []fleet.ApprovalItem
	for i := range 20_000 {
		all = append(all, fleet.ApprovalItem{Action: fleet.ActionMigrate, Tenant: "acme", UID: fmt.Sprint("u", i), Target: "b"})
	}
	f := loadApprovals(t, slices.Collect(slices.Chunk(all, fleet.MaxItems))...)
	for _, item := range all {
		other := item
		other.Target = "c"
		if !f.Approves(item) || f.Approves(other) {
			t.Fatalf("%v is approved: %t, another one: %t", item, f.Approves(item), f.Approves(other))
		}
	}
}

func loadApprovals(t *testing.T, approvals ...[]fleet.ApprovalItem) *fleet.Fleet {
	t.Helper()
	files := fstest.MapFS{"fleet.yaml": {Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n")}}
	for _, items := range approvals {
		text := "apiVersion: tenantry.io/v1alpha1\nkind: Approval\nmetadata: {name: " + fleet.ApprovalName(items) + "}\nspec:\n  items:\n"
		for _, i := range items {
			text += fmt.Sprintf("  - {action: %s, tenant: %s, uid: %s, target: %s}\n", i.Action, i.Tenant, i.UID, i.Target)
		}
		files[fleet.ApprovalPath(items)] = &fstest.MapFile{Data: []byte(text)}
	}
	f, findings, err := fleet.Load(files)
	if err != nil || len(findings) > 0 {
		t.Fatalf("load: %v %v", err, findings)
	}
	return f
}

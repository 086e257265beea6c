package fleet_test

import (
	"slices"
	"testing"

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
	f := &fleet.Fleet{Approvals: map[string]*fleet.Approval{"x": {Spec: fleet.ApprovalSpec{Items: []fleet.ApprovalItem{a}}}}}
	for item, want := range map[fleet.ApprovalItem]bool{a: true, b: false, elsewhere: false, another: false} {
		if got := f.Approves(item); got != want {
			t.Errorf("%v is approved: %t", item, got)
		}
	}
}

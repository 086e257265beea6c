package simulation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// migrate tenant= [how=approved|late|unasked|another] [for=]: a tenant of Kamaji's asks for
// the other one of its shard's two datastores. People say yes in the same commit or a while
// later, or never, or by mistake to somebody of that name who is another one.
func (w *world) migrate(a Act) {
	name := a.Args["tenant"]
	files, e := w.filesOf(name), w.judge.tip().Tenants[name]
	if len(files) != 1 || e == nil || e.Provider != "kamaji" || e.Lifecycle != ledger.Living {
		return
	}
	shard := e.Placement.Shard
	target := "spare-" + shard
	if e.Placement.DataStore == target {
		target = "sql-" + shard
	}
	asks := asking(w.files()[files[0]], target)
	if asks == nil {
		return
	}
	changed := map[string][]byte{files[0]: asks, storeFile("spare-" + shard): storeDeclared("spare-" + shard)}
	item := fleet.ApprovalItem{Action: fleet.ActionMigrate, Tenant: name, UID: e.UID, Target: target}
	path, yes := approvalDeclared(item)
	switch a.Args["how"] {
	case "unasked":
	case "another":
		item.UID = "another-" + item.UID[:8]
		path, yes = approvalDeclared(item)
		changed[path] = yes
	case "late":
		w.lasts(a, func() { w.commit("approve "+name, map[string][]byte{path: yes}) })
	default:
		changed[path] = yes
	}
	w.commit(a.String(), changed)
}

var (
	askedStore = regexp.MustCompile(`, dataStore: [a-z-]+`)
	classSaid  = regexp.MustCompile(`spec: \{class: [a-z]+`)
)

// asking is a declaration with another datastore; nil of what is none.
func asking(declared []byte, store string) []byte {
	text := askedStore.ReplaceAllString(string(declared), "")
	at := classSaid.FindStringIndex(text)
	if at == nil {
		return nil
	}
	return []byte(text[:at[1]] + ", dataStore: " + store + text[at[1]:])
}

func approvalDeclared(items ...fleet.ApprovalItem) (path string, content []byte) {
	text := fmt.Sprintf(head+"Approval\nmetadata: {name: %s}\nspec:\n  items:\n", fleet.ApprovalName(items))
	for _, i := range items {
		text += fmt.Sprintf("  - {action: %s, tenant: %s, uid: %s, target: %s}\n", i.Action, i.Tenant, i.UID, i.Target)
	}
	return fleet.ApprovalPath(items), []byte(text)
}

// migrates judges a change of where a tenant's state is: only a person moves it, and says so
// of this very tenant. Nothing else of its place ever changes, since its objects are there.
func (j *judge) migrates(v *verdict, was, is *ledger.Tenant) bool {
	if was.Placement == is.Placement {
		return false
	}
	stays := was.Placement
	stays.DataStore = is.Placement.DataStore
	t, ds := v.declared.Tenants[is.Name], v.is.DataStores[is.Placement.DataStore]
	if stays != is.Placement || was.Lifecycle != ledger.Living || is.Lifecycle != ledger.Living || !declares(v.declared, is) ||
		t != nil && t.Spec.DataStore != stays.DataStore || ds == nil || ds.Shard != is.Placement.Shard || ds.Provider != is.Provider {
		return false
	}
	for _, a := range v.declared.Approvals {
		if slices.ContainsFunc(a.Spec.Items, func(i fleet.ApprovalItem) bool {
			return i.Action == "migrate" && i.UID == is.UID && i.Tenant == is.Name && i.Target == stays.DataStore
		}) && strings.HasSuffix(a.Source.Path, "/"+fleet.ApprovalName(a.Spec.Items)+".yaml") {
			return true
		}
	}
	return false
}

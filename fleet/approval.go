package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ActionMigrate brings a living tenant's state to another datastore.
const ActionMigrate = "migrate"

// Actions are all that are done with a person's approval only.
func Actions() []string { return []string{ActionMigrate} }

// Approval is a person's yes to what is never done unasked (approvals/<name>.yaml). Each
// of its items counts for itself, from the commit that brings it to the one that removes it.
type Approval struct {
	Metadata Metadata     `json:"metadata"`
	Spec     ApprovalSpec `json:"spec"`
	Source   Source       `json:"-"`
}

// ApprovalSpec is what is approved.
type ApprovalSpec struct {
	// Items are what may be done. The approval's name is made of them (ApprovalName), so
	// that nobody changes one that others have agreed to.
	Items []ApprovalItem `json:"items"`
}

// ApprovalItem is one action on one tenant.
type ApprovalItem struct {
	// Action is what may be done: "migrate".
	Action string `json:"action"`
	// Tenant is the tenant's name, for whoever reads it; it has to be that of UID.
	Tenant string `json:"tenant"`
	// UID is the tenant's identity in the ledger: a later tenant of that name is not meant.
	UID string `json:"uid"`
	// Target is where that leads: of "migrate" the datastore.
	Target string `json:"target"`
}

// ApprovalName is the name that an approval of these items has, in whatever order: the
// first 32 hex digits of the SHA-256 of their sorted lines "<action> <uid> <target>".
func ApprovalName(items []ApprovalItem) string {
	lines := make([]string, len(items))
	for i, item := range items {
		lines[i] = fmt.Sprintf("%s %s %s\n", item.Action, item.UID, item.Target)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:16])
}

// ApprovalPath is where the approval of these items stands.
func ApprovalPath(items []ApprovalItem) string {
	return approvalFolder + "/" + ApprovalName(items) + ".yaml"
}

// Approves tells whether a valid approval has this item.
func (f *Fleet) Approves(item ApprovalItem) bool {
	return f.Approved[item]
}

// MaxItems bounds an approval: more than a person looks through.
const MaxItems = 1000

// approval checks the items, and that the name is theirs.
func (c check) approval(a *Approval) {
	name, at, before := metaPath.Child("name"), specPath.Child("items"), len(c.l.findings)
	switch items := a.Spec.Items; {
	case len(items) == 0:
		c.add(field.Required(at, ""), "tenantry approve writes them")
	case len(items) > MaxItems:
		c.add(field.TooMany(at, len(items), MaxItems), "write several approvals")
	default:
		said := map[ApprovalItem]bool{}
		for i, item := range items {
			c.item(at.Index(i), item)
			if said[item] {
				c.add(field.Duplicate(at.Index(i), item.Tenant), "")
			}
			said[item] = true
		}
	}
	c.labels(a.Metadata.Labels)
	want := ApprovalName(a.Spec.Items)
	switch {
	case a.Metadata.Name == "":
		c.add(field.Required(name, ""), "name it like its file: "+c.e.ref.Name)
	case a.Metadata.Name != c.e.ref.Name:
		c.add(field.Invalid(name, a.Metadata.Name, fmt.Sprintf("want %s, as in %s", c.e.ref.Name, c.e.path)), "")
	case a.Metadata.Name != want && len(c.l.findings) == before:
		c.add(field.Invalid(name, a.Metadata.Name, fmt.Sprintf("is not the name of these items, which is %s", want)),
			"what others agreed to is not changed: write another approval, with tenantry approve")
	}
}

func (c check) item(at *field.Path, item ApprovalItem) {
	switch action := at.Child("action"); {
	case item.Action == "":
		c.add(field.Required(action, ""), strings.Join(Actions(), ", "))
	case !slices.Contains(Actions(), item.Action):
		c.add(field.NotSupported(action, item.Action, Actions()), meant(item.Action, Actions()))
	}
	for _, f := range []struct{ name, value string }{{"tenant", item.Tenant}, {"target", item.Target}} {
		switch at := at.Child(f.name); {
		case f.value == "":
			c.add(field.Required(at, ""), "")
		case nameFault(f.value, maxObjectName) != "":
			c.add(field.Invalid(at, f.value, nameFault(f.value, maxObjectName)), "")
		}
	}
	switch uid := at.Child("uid"); {
	case item.UID == "":
		c.add(field.Required(uid, ""), "the tenant's uid in the ledger; tenantry approve writes it")
	case !uidForm.MatchString(item.UID):
		c.add(field.Invalid(uid, item.UID, "is no uid"), "the tenant's uid in the ledger")
	}
}

package shard

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/tenantry/tenantry/render"
)

// Action is what would be done about an object; empty is nothing.
type Action string

// Actions.
const (
	Missing     Action = "missing"     // it would be made
	Drifted     Action = "drifted"     // somebody has changed it; it would be put right
	Outdated    Action = "outdated"    // it would be brought to what is declared
	Extra       Action = "extra"       // it would be removed
	Adopts      Action = "adopts"      // it runs already and would be taken over, if nothing would be changed of it
	Foreign     Action = "foreign"     // somebody else's object stands there; it would be left alone
	Terminating Action = "terminating" // it is on its way out
	Refused     Action = "refused"     // the shard says no, or does not answer
)

// Difference is how one object differs from what it should be.
type Difference struct {
	Object string `json:"object"`
	Action Action `json:"action,omitempty"`
	// Changes are what would be changed of it, by path.
	Changes []Change `json:"changes,omitempty"`
	// Others are fields that we do not own and others do. They stay, and are no
	// difference.
	Others  []Other `json:"others,omitempty"`
	Message string  `json:"message,omitempty"`
}

// Differs tells whether the object is not as it should be. To be taken over as it is makes
// no difference to it.
func (d Difference) Differs() bool {
	return d.Action != "" && (d.Action != Adopts || len(d.Changes) > 0)
}

// Change is one field that is From and would be To; nil is absent. Of a Secret both
// are hidden.
type Change struct {
	Field string `json:"field"`
	From  any    `json:"from,omitempty"`
	To    any    `json:"to,omitempty"`
}

// Other is another manager of an object's fields.
type Other struct {
	Manager string   `json:"manager"`
	Fields  []string `json:"fields"`
}

// Hidden stands for a Secret's values.
const Hidden = "(hidden)"

func refused(id render.ObjectID, err error) Difference {
	f := failure(id, err)
	return Difference{Object: id.String(), Action: Refused, Message: f.Reason + ": " + f.Message}
}

// hide takes all values out of a Secret's changes but those that say what it is.
func hide(all []Change) {
	for i, c := range all {
		if c.Field == "type" || strings.HasPrefix(c.Field, "metadata.labels") {
			continue
		}
		if c.From != nil {
			all[i].From = Hidden
		}
		if c.To != nil {
			all[i].To = Hidden
		}
	}
}

// others are the fields of an object that other managers own and we do not, its
// status and other parts of its own aside.
func others(entries []metav1.ManagedFieldsEntry) (all []Other) {
	ours := setOf(entryOf(entries))
	for _, e := range entries {
		if e.Subresource != "" || e.Manager == render.FieldManager {
			continue
		}
		o := Other{Manager: fmt.Sprintf("%s (%s)", e.Manager, e.Operation)}
		setOf(&e).Difference(ours).Leaves().Iterate(func(p fieldpath.Path) {
			if name := nameOf(p); !slices.Contains(o.Fields, name) && !strings.HasPrefix(name, "status") {
				o.Fields = append(o.Fields, name)
			}
		})
		if len(o.Fields) > 0 {
			all = append(all, o)
		}
	}
	return all
}

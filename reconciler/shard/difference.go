package shard

import (
	"fmt"
	"maps"
	"reflect"
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

// changes compares an object with what it would become, status and what the server
// keeps of it aside.
func changes(live, become map[string]any) (found []Change) {
	compareMaps("", declared(live), declared(become), &found)
	return found
}

// declared is an object without what nobody declares.
func declared(object map[string]any) map[string]any {
	c := maps.Clone(object)
	delete(c, "status")
	metadata, _ := c["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"} {
		delete(metadata, field)
	}
	c["metadata"] = metadata
	return c
}

func compareValues(path string, from, to any, found *[]Change) {
	switch {
	case reflect.DeepEqual(from, to):
		return
	case from != nil && to != nil:
		switch from := from.(type) {
		case map[string]any:
			if to, ok := to.(map[string]any); ok {
				compareMaps(path, from, to, found)
				return
			}
		case []any:
			if to, ok := to.([]any); ok && compareItems(path, from, to, found) {
				return
			}
		}
	}
	*found = append(*found, Change{path, from, to})
}

func compareMaps(path string, from, to map[string]any, found *[]Change) {
	keys := map[string]bool{}
	for k := range from {
		keys[k] = true
	}
	for k := range to {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		at := k
		if strings.ContainsAny(k, "./") {
			at = "[" + k + "]"
		} else if path != "" {
			at = "." + k
		}
		compareValues(path+at, from[k], to[k], found)
	}
}

// compareItems compares lists whose items have names; other lists are one value.
func compareItems(path string, from, to []any, found *[]Change) bool {
	a, okA := named(from)
	b, okB := named(to)
	if !okA || !okB {
		return false
	}
	names := map[string]bool{}
	for n := range a {
		names[n] = true
	}
	for n := range b {
		names[n] = true
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		compareValues(fmt.Sprintf("%s[name=%s]", path, n), a[n], b[n], found)
	}
	return true
}

// named gives a list's items by their names, if all have one of their own.
func named(list []any) (items map[string]any, ok bool) {
	items = map[string]any{}
	for _, item := range list {
		fields, _ := item.(map[string]any)
		name, is := fields["name"].(string)
		if _, twice := items[name]; !is || twice {
			return nil, false
		}
		items[name] = item
	}
	return items, true
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

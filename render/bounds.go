package render

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/utils"

	"github.com/tenantry/tenantry/fleet"
)

// bounds are what a tenant's own Component may do, as its class says. They are held
// against what came out: how a Component got there does not matter.
type bounds struct {
	class     string
	allow     fleet.Allow
	namespace string // the tenant's, outside of which nothing may change
	adopted   bool   // it ran before it was declared
}

func newBounds(in TenantInput, namespace string) bounds {
	b := bounds{class: in.Class.Metadata.Name, namespace: namespace, adopted: in.Adopted != nil}
	if in.Class.Spec.Allow != nil {
		b.allow = *in.Class.Spec.Allow
	}
	return b
}

// check compares the objects before and after; all that is wrong comes in one error.
// What nothing changed in is nil in before.
func (b bounds) check(before map[ObjectID]content, after []content) error {
	var errs []error
	left := maps.Clone(before)
	for _, c := range after {
		id := idOf(c)
		was, ok := left[id]
		delete(left, id)
		var err error
		switch {
		case !ok:
			err = b.checkAdded(id)
		case was != nil:
			err = b.checkChanged(id, was, c)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(left), func(a, b ObjectID) int { return strings.Compare(a.String(), b.String()) }) {
		errs = append(errs, fmt.Errorf("%s: a tenant may not remove or rename it", id))
	}
	return errors.Join(errs...)
}

func (b bounds) checkAdded(id ObjectID) error {
	switch {
	case !slices.Contains(b.allow.Resources, id.KindName()):
		return fmt.Errorf("class %s does not let tenants add %s: it allows %s", b.class, id.KindName(), either(b.allow.Resources))
	case id.Namespace != b.namespace:
		return fmt.Errorf("a tenant may not add objects outside of its namespace: want namespace %s", b.namespace)
	}
	return nil
}

func (b bounds) checkChanged(id ObjectID, was, is content) error {
	if id.Namespace != b.namespace {
		return errors.New("a tenant may not change it: it is the provider's alone")
	}
	var fields []string
	for _, p := range b.allow.Patches {
		if p.Kind == id.KindName() && matchName(p.Name, id.Name) {
			fields = append(fields, p.Fields...)
		}
	}
	var errs []error
	differences(nil, was, is, func(path []string) {
		if commands(path, id) {
			errs = append(errs, fmt.Errorf("%s: a tenant may not change it: it tells the controller of %s what to do", join(path), id.Kind))
			return
		}
		if !slices.ContainsFunc(fields, func(field string) bool { return below(path, field) }) {
			errs = append(errs, fmt.Errorf("%s: class %s does not let tenants change it: it allows %s", join(path), b.class, either(fields)))
		}
	})
	return errors.Join(errs...)
}

// commands tells whether path is an annotation by which people order the controller of
// an object's kind about, such as Kamaji's "paused": whoever may set it could keep a
// removed tenant running. Its domain is the kind's group, or one below or above it:
// cluster.x-k8s.io/paused is heard by all of Cluster API's.
func commands(path []string, id ObjectID) bool {
	if len(path) < 3 || path[0] != "metadata" || path[1] != "annotations" || id.Group == "" {
		return false
	}
	domain, _, found := strings.Cut(path[2], "/")
	above := strings.Contains(domain, ".") && strings.HasSuffix(id.Group, "."+domain)
	return found && (above || within(domain, id.Group) || within(domain, handedTo[id.Kind]))
}

// handedTo are the groups whose controllers are ordered about by the annotations of
// another kind, because its own controller hands them on.
var handedTo = map[string]string{"KamajiControlPlane": "kamaji.clastix.io"}

// within tells whether domain is group, or below it.
func within(domain, group string) bool {
	return group != "" && (domain == group || strings.HasSuffix(domain, "."+group))
}

func either(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// below tells whether path is field or below it.
func below(path []string, field string) bool {
	prefix := utils.SmarterPathSplitter(field, ".")
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

// join writes a path as Kustomize reads it.
func join(path []string) string {
	out := make([]string, len(path))
	for i, p := range path {
		out[i] = p
		if strings.Contains(p, ".") && !strings.HasPrefix(p, "[") {
			out[i] = "[" + p + "]"
		}
	}
	return strings.Join(out, ".")
}

// differences reports the paths of what is not the same. Elements of lists are told
// apart by their names where they have some; other lists are the same or not.
func differences(path []string, was, is any, report func(path []string)) {
	oldMap, ok1 := was.(content)
	newMap, ok2 := is.(content)
	if ok1 && ok2 {
		for _, key := range keys(oldMap, newMap) {
			before, had := oldMap[key]
			after, has := newMap[key]
			switch below := append(slices.Clone(path), key); {
			case had && has:
				differences(below, before, after, report)
			case had:
				leaves(below, before, report)
			default:
				leaves(below, after, report)
			}
		}
		return
	}
	if reflect.DeepEqual(was, is) {
		return
	}
	oldNames, oldElements := named(was)
	newNames, newElements := named(is)
	if oldElements == nil || newElements == nil || !sameOrder(oldNames, newNames) {
		report(path)
		return
	}
	for _, name := range keys(oldElements, newElements) {
		before, had := oldElements[name]
		after, has := newElements[name]
		if below := append(slices.Clone(path), "[name="+name+"]"); had != has {
			report(below)
		} else {
			differences(below, before, after, report)
		}
	}
}

// leaves reports everything that came or went with a node: what may be changed below
// it may be made below it.
func leaves(path []string, node any, report func(path []string)) {
	m, ok := node.(content)
	if !ok || len(m) == 0 {
		report(path)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		leaves(append(slices.Clone(path), key), m[key], report)
	}
}

func keys[T any](a, b map[string]T) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]T{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// named gives a list's elements by name; nil when one has none, or two the same.
func named(node any) (names []string, elements map[string]any) {
	list, ok := node.([]any)
	if !ok {
		return nil, nil
	}
	elements = map[string]any{}
	for _, item := range list {
		m, _ := item.(content)
		name, ok := m["name"].(string)
		if _, twice := elements[name]; !ok || twice {
			return nil, nil
		}
		names = append(names, name)
		elements[name] = item
	}
	return names, elements
}

// sameOrder tells whether what is in both lists stands in the same order.
func sameOrder(a, b []string) bool {
	common := func(list, other []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !slices.Contains(other, s) })
	}
	return slices.Equal(common(a, b), common(b, a))
}

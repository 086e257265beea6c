package controllers

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// at is what stands at a path, nil when nothing does.
func at(o map[string]any, path ...string) any {
	var node any = o
	for _, field := range path {
		fields, _ := node.(map[string]any)
		node = fields[field]
	}
	return node
}

func text(o map[string]any, path ...string) string {
	s, _ := at(o, path...).(string)
	return s
}

func mapping(o map[string]any, path ...string) map[string]any {
	m, _ := at(o, path...).(map[string]any)
	return m
}

func list(o map[string]any, path ...string) []any {
	l, _ := at(o, path...).([]any)
	return l
}

// number is a whole number at a path, other when there is none.
func number(other int64, o map[string]any, path ...string) int64 {
	if n, ok := whole(at(o, path...)); ok {
		return n
	}
	return other
}

// whole reads a number as whatever JSON was decoded to.
func whole(value any) (int64, bool) {
	switch n := value.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// with is a copy of an object with another value at a path; nil removes what is there.
// What is not on the path is shared.
func with(o map[string]any, value any, path ...string) map[string]any {
	changed := maps.Clone(o)
	if changed == nil {
		changed = map[string]any{}
	}
	switch {
	case len(path) > 1:
		changed[path[0]] = with(mapping(o, path[0]), value, path[1:]...)
	case value == nil:
		delete(changed, path[0])
	default:
		changed[path[0]] = value
	}
	return changed
}

// same tells whether two values are the same JSON.
func same(a, b any) bool {
	if x, ok := whole(a); ok {
		y, ok := whole(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	}
	return a == b
}

// keyOf names an object.
func keyOf(o apiserver.Object) apiserver.Key {
	key := apiserver.Key{Kind: text(o, "kind"), Namespace: text(o, "metadata", "namespace"), Name: text(o, "metadata", "name")}
	key.Group, key.Version = splitVersion(text(o, "apiVersion"))
	return key
}

func splitVersion(apiVersion string) (group, version string) {
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		return "", apiVersion
	}
	return group, version
}

// named begins an object.
func named(key apiserver.Key, metadata map[string]any) apiserver.Object {
	meta := map[string]any{"name": key.Name}
	if key.Namespace != "" {
		meta["namespace"] = key.Namespace
	}
	maps.Copy(meta, metadata)
	return apiserver.Object{"apiVersion": path.Join(key.Group, key.Version), "kind": key.Kind, "metadata": meta}
}

func core(kind, namespace, name string) apiserver.Key {
	return apiserver.Key{Version: "v1", Kind: kind, Namespace: namespace, Name: name}
}

func compareKeys(a, b apiserver.Key) int {
	return cmp.Or(
		cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
	)
}

func deleting(o apiserver.Object) bool { return at(o, "metadata", "deletionTimestamp") != nil }

// withoutFinalizer is an object with one finalizer less; ok is false when it has not got
// it.
func withoutFinalizer(o apiserver.Object, name string) (changed apiserver.Object, ok bool) {
	have := list(o, "metadata", "finalizers")
	left := slices.DeleteFunc(slices.Clone(have), func(f any) bool { return f == name })
	if len(left) == len(have) {
		return o, false
	}
	return with(o, left, "metadata", "finalizers"), true
}

func withFinalizer(o apiserver.Object, name string) apiserver.Object {
	return with(o, append(slices.Clone(list(o, "metadata", "finalizers")), name), "metadata", "finalizers")
}

func hasFinalizer(o apiserver.Object, name string) bool {
	return slices.Contains(list(o, "metadata", "finalizers"), any(name))
}

// condition is one of a status. The time of its last change is kept while its status is
// the same.
func (c *Controllers) condition(o apiserver.Object, kind, status, reason, message string) map[string]any {
	since := c.now()
	for _, have := range list(o, "status", "conditions") {
		if have, ok := have.(map[string]any); ok && have["type"] == kind && have["status"] == status {
			since = text(have, "lastTransitionTime")
		}
	}
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
}

// holds tells whether a condition is True.
func holds(o apiserver.Object, kind string) bool {
	return slices.ContainsFunc(list(o, "status", "conditions"), func(have any) bool {
		condition, _ := have.(map[string]any)
		return condition["type"] == kind && condition["status"] == "True"
	})
}

// now is the time as objects have it.
func (c *Controllers) now() string { return c.options.Now().UTC().Format(time.RFC3339) }

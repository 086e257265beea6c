package apiserver

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// When the last child of a mapping is applied no more, and somebody else owns the mapping
// itself, the library of server-side apply that is used here leaves null there. So do
// newer API servers, which then refuse their own null by the custom resource's schema;
// older ones leave an empty mapping.

// nulls gives the paths of mappings that have become null.
func nulls(was, is Object, path []string) (all [][]string) {
	for _, name := range slices.Sorted(maps.Keys(was)) {
		before, ok := was[name].(Object)
		after, there := is[name]
		if !ok || !there {
			continue
		}
		at := append(slices.Clone(path), name)
		if after == nil {
			all = append(all, at)
		} else if after, ok := after.(Object); ok && !same(before, after) {
			all = append(all, nulls(before, after, at)...)
		}
	}
	return all
}

// mend puts an empty mapping where one has become null, or says what refuses that.
func (s *Server) mend(was, is Object) (Object, field.ErrorList) {
	var wrong field.ErrorList
	for _, path := range nulls(was, is, nil) {
		name := strings.Join(path, ".")
		switch {
		case path[0] == "metadata":
			is = set(is, nil, path...)
		case s.options.RefuseNull:
			wrong = append(wrong, field.TypeInvalid(field.NewPath(name), "null", name+` in body must be of type object: "null"`))
		default:
			is = set(is, Object{}, path...)
		}
	}
	return is, wrong
}

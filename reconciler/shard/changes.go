package shard

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	jsonpatch "github.com/wI2L/jsondiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// changes are jsondiff's patch for people. Of metadata the patch has labels and
// annotations that are added or replaced only, so that is compared once more.
func changes(patch jsonpatch.Patch, live, become *unstructured.Unstructured) ([]Change, error) {
	content := slices.DeleteFunc(slices.Clone(patch), func(o jsonpatch.Operation) bool { return strings.HasPrefix(o.Path, "/metadata") })
	was := declared(live)
	metadata, err := jsondiff.DiffUnstructured(was, declared(become))
	if err != nil {
		return nil, fmt.Errorf("compare metadata: %w", err)
	}
	return append(told("", live.Object, content), told("metadata", was.Object, metadata)...), nil
}

// declared is an object's metadata without what the server keeps of it.
func declared(object *unstructured.Unstructured) *unstructured.Unstructured {
	metadata, _ := object.Object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"} {
		delete(metadata, field)
	}
	return &unstructured.Unstructured{Object: metadata}
}

// told are a patch's operations on what lies at path.
func told(path string, live map[string]any, patch jsonpatch.Patch) []Change {
	var all []Change
	same := map[string]int{} // operations on the same place so far
	for _, o := range patch {
		all = append(all, Change{fieldOf(path, live, o, same[o.Path]), o.OldValue, o.Value})
		same[o.Path]++
	}
	return all
}

// fieldOf is the path of an operation for people, below one that leads to at. One that
// adds to a list's end, or removes what has moved up there, names the same place as
// those before it.
func fieldOf(path string, at any, o jsonpatch.Operation, same int) string {
	steps := strings.Split(strings.TrimPrefix(o.Path, "/"), "/")
	for n, step := range steps {
		switch here := at.(type) {
		case map[string]any:
			step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
			path, at = join(path, step), here[step]
		case []any:
			i, err := strconv.Atoi(step)
			switch last := n == len(steps)-1; {
			case err != nil: // "-", the list's end
				i, at = len(here)+same, o.Value
			case last && o.Type == jsonpatch.OperationRemove:
				i, at = i+same, o.OldValue
			default:
				at = here[i]
			}
			if _, named := places(here); named {
				if name, ok := nameIn(at); ok {
					path += "[name=" + name + "]"
					continue
				}
			}
			path += fmt.Sprintf("[%d]", i)
		}
	}
	return path
}

func join(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./"):
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// align puts the items of become's lists in the places where live has those of the
// same names, new ones at the end, and null where there is none any more.
func align(live, become map[string]any) {
	for key, value := range become {
		become[key] = aligned(live[key], value)
	}
}

func aligned(live, become any) any {
	switch become := become.(type) {
	case map[string]any:
		if live, ok := live.(map[string]any); ok {
			align(live, become)
		}
	case []any:
		live, _ := live.([]any)
		was, named := places(live)
		if _, too := places(become); !named || !too {
			for i := range min(len(live), len(become)) {
				become[i] = aligned(live[i], become[i])
			}
			break
		}
		kept, fresh := make([]any, len(live)), []any(nil)
		for _, item := range become {
			name, _ := nameIn(item)
			if i, known := was[name]; known {
				kept[i] = aligned(live[i], item)
			} else {
				fresh = append(fresh, item)
			}
		}
		return slices.Concat(kept, fresh)
	}
	return become
}

// places says where a list's items stand by their names, if all have one of their own.
func places(list []any) (all map[string]int, ok bool) {
	all = make(map[string]int, len(list))
	for i, item := range list {
		name, is := nameIn(item)
		if _, twice := all[name]; !is || twice {
			return nil, false
		}
		all[name] = i
	}
	return all, true
}

func nameIn(item any) (name string, ok bool) {
	fields, _ := item.(map[string]any)
	name, ok = fields["name"].(string)
	return name, ok
}

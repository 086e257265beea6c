package trial

import (
	"maps"

	"k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/render"
)

// newborn is a unit as an API server holds it right after it was applied: every object is
// there, of the first generation, and has no status.
func newborn(unit *render.Unit) []render.Judged {
	var out []render.Judged
	for _, o := range unit.Objects {
		j := render.Judged{ID: o.ID, Present: true}
		var content map[string]any
		if unit.Provider.Judges(o.ID) && json.Unmarshal(o.JSON, &content) == nil {
			j.Content = merge(content, map[string]any{"metadata": map[string]any{"generation": int64(1)}})
		}
		out = append(out, j)
	}
	return out
}

// merge lays a patch over an object, as RFC 7386 has it. Neither is changed.
func merge(object, patch map[string]any) map[string]any {
	out := maps.Clone(object)
	if out == nil {
		out = map[string]any{}
	}
	for key, value := range patch {
		below, isObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(out, key)
		case isObject:
			have, _ := out[key].(map[string]any)
			out[key] = merge(have, below)
		default:
			out[key] = value
		}
	}
	return out
}

package render

import (
	"fmt"
	"math"

	"github.com/tenantry/tenantry/fleet"
)

// parameters are a tenant's as the document carries them: strings, int64s, booleans
// and lists of strings.
func parameters(in map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(in))
	for name, v := range in {
		typed, ok := parameter(v)
		if !ok {
			return nil, fmt.Errorf("spec.parameters.%s: a %T is no text, whole number, boolean or list of texts", name, v)
		}
		out[name] = typed
	}
	return out, nil
}

func parameter(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool, int64, []string:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			list[i] = text
		}
		return list, true
	default:
		return nil, false
	}
}

// samples adds values for parameters without one, where a class is judged and no
// tenant is there to ask. They are as small as the schema lets them be.
func samples(said map[string]any, schema *fleet.Schema) map[string]any {
	if schema == nil {
		return said
	}
	out := map[string]any{}
	for name, p := range schema.Properties {
		v, ok := said[name]
		if !ok {
			v = sample(p)
		}
		out[name] = v
	}
	return out
}

func sample(p fleet.Parameter) any {
	switch {
	case p.Default != nil:
		return p.Default
	case len(p.Enum) > 0 && p.Type == "array":
		return []any{p.Enum[0]}
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Type == "integer" && p.Minimum != nil:
		return *p.Minimum
	case p.Type == "integer":
		return int64(1)
	case p.Type == "boolean":
		return false
	case p.Type == "array":
		return []string{"sample"}
	default:
		return "sample"
	}
}

package strict

import (
	"fmt"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// free reads a value whose type somebody else knows: a string, an int64, a bool, or
// a []string. What YAML reads as something else (1.30, 2026-03-01, a mapping) is
// refused, so that nothing is guessed.
func (d *decoder) free(n *yaml.Node, v reflect.Value, field string) {
	set := func(value any) { v.Set(reflect.ValueOf(value)) }
	switch {
	case n.Kind == yaml.SequenceNode:
		list := reflect.New(reflect.TypeFor[[]string]()).Elem()
		found := len(d.problems)
		d.texts(n, list, field)
		if len(d.problems) == found {
			v.Set(list)
		}
	case n.Kind != yaml.ScalarNode:
		d.invalid(n, field, freeValue, "")
	case n.Tag == "!!str":
		set(n.Value)
	case n.Tag == "!!bool" && (n.Value == "true" || n.Value == "false"):
		set(n.Value == "true")
	case n.Tag == "!!int" && decimal.MatchString(n.Value):
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			d.invalid(n, field, "is too large", "")
			return
		}
		set(i)
	default:
		d.invalid(n, field, freeValue, fmt.Sprintf("quote it if it is a string: %q", n.Value))
	}
}

const freeValue = "want a string, a whole number, true or false, or a list of strings"

// texts reads a list of strings that may be empty.
func (d *decoder) texts(n *yaml.Node, v reflect.Value, field string) {
	out := make([]string, len(n.Content))
	for i, item := range n.Content {
		path := field + "[" + strconv.Itoa(i) + "]"
		d.doc.remember(path, item, item)
		if d.isString(item, path) {
			out[i] = item.Value
		}
	}
	v.Set(reflect.ValueOf(out))
}

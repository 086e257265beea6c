package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Decode fills the struct that into points to. A type that reads YAML itself
// (yaml.Unmarshaler) is handed its node: it takes what this package knows no form of. defaults, when not nil, is called
// with a pointer to each struct before anything is read into it, also for structs
// that are not written; pointers to structs stay nil until written.
func (d *Document) Decode(into any, defaults func(any)) []Problem {
	v := reflect.ValueOf(into).Elem()
	dec := &decoder{doc: d, defaults: defaults}
	dec.prefill(v)
	dec.object(d.root, v, "")
	return dec.problems
}

// UnknownField is the message of a Problem about a key that the struct lacks.
const UnknownField = "unknown field"

type decoder struct {
	doc      *Document
	defaults func(any)
	problems []Problem
}

func (d *decoder) add(n *yaml.Node, field, message, hint string) {
	d.problems = append(d.problems, Problem{Position{n.Line, n.Column}, field, message, hint})
}

// form says in words what a node is.
func form(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!str":
		return "a string"
	}
	return "a plain value"
}

func (d *decoder) invalid(n *yaml.Node, field, want, hint string) {
	value := n.Value
	switch {
	case n.Kind != yaml.ScalarNode:
		value = form(n)
	case n.Tag == "!!str":
		value = strconv.Quote(value)
	}
	d.add(n, field, fmt.Sprintf("Invalid value: %s: %s", value, want), hint)
}

// prefill hands every struct to defaults, parents before children.
func (d *decoder) prefill(v reflect.Value) {
	if d.defaults == nil || v.Kind() != reflect.Struct || isScalar(v.Type()) {
		return
	}
	d.defaults(v.Addr().Interface())
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			d.prefill(v.Field(i))
		}
	}
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	decimal      = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
)

func isScalar(t reflect.Type) bool {
	return t == durationType || reflect.PointerTo(t).Implements(textType)
}

// value reads n into v.
func (d *decoder) value(n *yaml.Node, v reflect.Value, field string) {
	t := v.Type()
	if own, ok := reflect.TypeAssert[yaml.Unmarshaler](v.Addr()); ok {
		if err := own.UnmarshalYAML(n); err != nil {
			d.add(n, field, err.Error(), "")
		}
		return
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		d.add(n, field, "Invalid value: null: want a value", "leave the field out for its default")
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
			d.prefill(v.Elem())
		}
		d.value(n, v.Elem(), field)
	case isScalar(t):
		d.text(n, v, field)
	case t.Kind() == reflect.Struct:
		d.object(n, v, field)
	case t.Kind() == reflect.Map:
		d.table(n, v, field)
	case t.Kind() == reflect.Interface:
		d.free(n, v, field)
	case t.Kind() == reflect.Slice:
		d.list(n, v, field)
	case t.Kind() == reflect.String:
		if !d.isString(n, field) {
			return
		}
		if n.Value == "" {
			d.invalid(n, field, "must not be empty", "leave the field out for its default")
			return
		}
		v.SetString(n.Value)
	case t.Kind() == reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 || n.Value != "true" && n.Value != "false" {
			d.invalid(n, field, "want true or false", "")
			return
		}
		v.SetBool(n.Value == "true")
	case v.CanInt():
		d.integer(n, v, field)
	default:
		panic(fmt.Sprintf("strict: type %s is not supported", t))
	}
}

func (d *decoder) isString(n *yaml.Node, field string) bool {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		return true
	}
	hint := ""
	if n.Kind == yaml.ScalarNode {
		hint = fmt.Sprintf("quote it: %q", n.Value)
	}
	d.invalid(n, field, "want a string", hint)
	return false
}

func (d *decoder) integer(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || !decimal.MatchString(n.Value) {
		d.invalid(n, field, "want a whole number", "")
		return
	}
	i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
	if err != nil {
		d.invalid(n, field, "is too large", "")
		return
	}
	v.SetInt(i)
}

// text reads durations and types that read themselves (time.Time).
func (d *decoder) text(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		if v.Type() == durationType {
			d.invalid(n, field, "want a duration", `give the number its unit: "72h"`)
		} else {
			d.isString(n, field)
		}
		return
	}
	if v.Type() == durationType {
		duration, err := time.ParseDuration(n.Value)
		if err != nil {
			d.invalid(n, field, "want a duration", `write hours, minutes and seconds: "72h", "1h30m"`)
			return
		}
		v.SetInt(int64(duration))
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		d.invalid(n, field, err.Error(), "")
	}
}

// object reads a mapping into a struct.
func (d *decoder) object(n *yaml.Node, v reflect.Value, field string) {
	known := fieldsOf(v)
	d.mapping(n, field, func(key, value *yaml.Node) {
		path := join(field, key.Value)
		i := slices.IndexFunc(known, func(f member) bool { return f.name == key.Value })
		if i < 0 {
			names := make([]string, len(known))
			for i, f := range known {
				names[i] = f.name
			}
			d.add(key, path, UnknownField, suggest(key.Value, names))
			return
		}
		d.doc.remember(path, key, value)
		d.value(value, known[i].value, path)
	})
}

// table reads a mapping whose keys people choose.
func (d *decoder) table(n *yaml.Node, v reflect.Value, field string) {
	out := reflect.MakeMap(v.Type())
	d.mapping(n, field, func(key, value *yaml.Node) {
		path := field + "[" + key.Value + "]"
		d.doc.remember(path, key, value)
		item := reflect.New(v.Type().Elem()).Elem()
		if item.Kind() == reflect.String {
			// A label without a value is one: texts may be empty here.
			if d.isString(value, path) {
				item.SetString(value.Value)
				out.SetMapIndex(reflect.ValueOf(key.Value), item)
			}
			return
		}
		d.prefill(item)
		found := len(d.problems)
		d.value(value, item, path)
		if len(d.problems) == found || item.Kind() == reflect.Struct {
			out.SetMapIndex(reflect.ValueOf(key.Value), item)
		}
	})
	v.Set(out)
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.SequenceNode {
		d.invalid(n, field, "want a list", "")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		path := field + "[" + strconv.Itoa(i) + "]"
		d.doc.remember(path, item, item)
		d.value(item, out.Index(i), path)
	}
	v.Set(out)
}

// mapping visits a mapping's pairs, each key once.
func (d *decoder) mapping(n *yaml.Node, field string, visit func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		// What stands in the place of a reference may be a password: it is not shown.
		d.add(n, field, fmt.Sprintf("Invalid value: %s: want a mapping", form(n)), "")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" && key.Tag != "!!merge" {
			d.add(key, field, "has a key that is not a string", "quote it")
			continue
		}
		if line, again := first[key.Value]; again {
			d.add(key, join(field, key.Value), fmt.Sprintf("is written twice, first in line %d", line), "keep one of them")
			continue
		}
		first[key.Value] = key.Line
		visit(key, value)
	}
}

type member struct {
	name      string
	omitEmpty bool
	value     reflect.Value
}

// fieldsOf lists a struct's members by their json names; embedded structs are
// laid flat, as encoding/json does.
func fieldsOf(v reflect.Value) []member {
	var out []member
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && tag == "":
			out = append(out, fieldsOf(v.Field(i))...)
		case f.IsExported() && tag != "-" && tag != "":
			out = append(out, member{tag, strings.Contains(options, "omitempty"), v.Field(i)})
		}
	}
	return out
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

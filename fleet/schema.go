package fleet

import (
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/tenantry/tenantry/fleet/strict"
)

// Bounds of a class's parameters: a handful of knobs, not a language.
const (
	maxParameters  = 64
	maxPattern     = 256
	maxParamLength = 63
)

var (
	parametersPath = specPath.Child("parameters")
	parameterName  = regexp.MustCompile(`^[a-z][a-zA-Z0-9]*$`)
)

// schema checks what a class lets its tenants say.
func (c check) schema(s *Schema) {
	if s == nil {
		return
	}
	properties := parametersPath.Child("properties")
	switch {
	case s.Type == "":
		c.add(field.Required(parametersPath.Child("type"), ""), "type: object")
	case s.Type != "object":
		c.add(field.NotSupported(parametersPath.Child("type"), s.Type, []string{"object"}), "parameters have names: they are properties of an object")
	}
	switch n := len(s.Properties); {
	case n == 0:
		c.add(field.Required(properties, ""), "declare a parameter, or leave spec.parameters out")
	case n > maxParameters:
		c.add(field.TooMany(properties, n, maxParameters), "")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		at := properties.Key(name)
		if !parameterName.MatchString(name) || len(name) > maxParamLength {
			c.addKey(field.Invalid(at, name, fmt.Sprintf("want a name of letters and digits, first a lower-case letter, of at most %d", maxParamLength)), "for example nodePool")
		}
		c.parameter(at, s.Properties[name])
	}
	c.required(s)
}

// required checks the names that tenants have to give a value.
func (c check) required(s *Schema) {
	at := parametersPath.Child("required")
	for i, name := range s.Required {
		p, ok := s.Properties[name]
		switch {
		case slices.Contains(s.Required[:i], name):
			c.add(field.Duplicate(at.Index(i), name), "")
		case !ok:
			c.add(field.NotFound(at.Index(i), name), nearestOf(name, slices.Sorted(maps.Keys(s.Properties)), "properties"))
		case p.Default != nil:
			c.add(field.Invalid(at.Index(i), name, "has a default: nobody has to say it"), "remove the default, or the name here")
		}
	}
}

// nearestOf makes a hint of the names that there are.
func nearestOf(name string, known []string, what string) string {
	if hint := meant(name, known); hint != "" || len(known) == 0 {
		return hint
	}
	return what + ": " + strings.Join(known[:min(len(known), 10)], ", ")
}

// meant makes a hint of the name that was probably meant, if there is one.
func meant(name string, known []string) string {
	if best := strict.Nearest(name, known); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return ""
}

// Types of parameters.
const (
	typeString  = "string"
	typeInteger = "integer"
	typeBoolean = "boolean"
	typeArray   = "array"
)

// parameter checks the schema of one parameter.
func (c check) parameter(at *field.Path, p Parameter) {
	switch p.Type {
	case typeString, typeInteger, typeBoolean, typeArray:
	case "":
		c.add(field.Required(at.Child("type"), ""), "string, integer, boolean or array (of strings)")
		return
	default:
		hint := ""
		if p.Type == "number" {
			hint = "floating-point numbers do not come back as they were written: take integer, or string"
		}
		c.add(field.NotSupported(at.Child("type"), p.Type, []string{typeString, typeInteger, typeBoolean, typeArray}), hint)
		return
	}
	text, whole, list := p.Type == typeString || p.Type == typeArray, p.Type == typeInteger, p.Type == typeArray
	c.keyword(at.Child("pattern"), p.Pattern != "", text, p.Type)
	c.bounds(at, bound{"minLength", p.MinLength}, bound{"maxLength", p.MaxLength}, text, true, p.Type)
	c.bounds(at, bound{"minimum", p.Minimum}, bound{"maximum", p.Maximum}, whole, false, p.Type)
	c.bounds(at, bound{"minItems", p.MinItems}, bound{"maxItems", p.MaxItems}, list, true, p.Type)
	if text && p.Pattern != "" {
		c.pattern(at.Child("pattern"), p.Pattern)
	}
	c.enum(at.Child("enum"), p)
	if p.Default == nil {
		return
	}
	for _, f := range judge(p, compile(p), p.Default) {
		c.add(field.Invalid(f.at(at.Child("default")), f.value, f.message), f.hint)
	}
}

// bound is one end of a range.
type bound struct {
	keyword string
	value   *int64
}

// bounds checks a pair of keywords; counts are not negative.
func (c check) bounds(at *field.Path, low, high bound, fits, count bool, kind string) {
	for _, b := range []bound{low, high} {
		c.keyword(at.Child(b.keyword), b.value != nil, fits, kind)
		if count && b.value != nil && *b.value < 0 {
			c.add(field.Invalid(at.Child(b.keyword), *b.value, "must not be negative"), "")
		}
	}
	if low.value != nil && high.value != nil && *low.value > *high.value {
		c.add(field.Invalid(at.Child(high.keyword), *high.value, fmt.Sprintf("is less than %s, %d", low.keyword, *low.value)), "")
	}
}

// keyword refuses one that says nothing about values of this type.
func (c check) keyword(at *field.Path, said, fits bool, kind string) {
	if said && !fits {
		c.addKey(field.Forbidden(at, "says nothing of type "+kind), "remove it")
	}
}

func (c check) pattern(at *field.Path, pattern string) {
	if len(pattern) > maxPattern {
		c.add(field.TooLong(at, "", maxPattern), "")
		return
	}
	if _, err := syntax.Parse(pattern, syntax.Perl); err != nil {
		c.add(field.Invalid(at, pattern, "is not a regular expression of RE2: "+err.Error()), "RE2 has no look-around and no back references")
	}
}

func (c check) enum(at *field.Path, p Parameter) {
	if p.Enum != nil && len(p.Enum) == 0 {
		c.add(field.Required(at, "nothing would be allowed"), "list values, or leave it out")
	}
	single := Parameter{Type: p.Type}
	if p.Type == typeArray {
		single.Type = typeString
	}
	for i, value := range p.Enum {
		for _, f := range judge(single, nil, value) {
			c.add(field.Invalid(at.Index(i), value, f.message), f.hint)
		}
		if slices.ContainsFunc(p.Enum[:i], func(other any) bool { return equal(value, other) }) {
			c.add(field.Duplicate(at.Index(i), value), "")
		}
	}
}

// keywordHint says what to do instead of a keyword of OpenAPI that parameters lack.
func keywordHint(keyword string) string {
	switch keyword {
	case "items":
		return "leave it out: the items of an array are strings"
	case "additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties", "minProperties", "maxProperties", "x-kubernetes-preserve-unknown-fields":
		return "leave it out: parameters that are not declared are always refused"
	case "nullable":
		return "leave it out: a parameter without a value is left out"
	case "format":
		return "write a pattern"
	case "const":
		return "write an enum with one value"
	case "exclusiveMinimum", "exclusiveMaximum":
		return "write minimum or maximum: integers have a next one"
	case "multipleOf", "uniqueItems", "contains":
		return "values are bounded by enum, pattern, length, range and number only"
	case "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref", "$defs", "definitions", "properties", "required":
		return "a parameter is a single value: declare several parameters"
	case "title", "example", "examples", "externalDocs", "deprecated", "readOnly", "writeOnly", "discriminator", "xml":
		return "write it into the description"
	}
	return ""
}

// openAPI explains an unknown field that OpenAPI has and parameters do not. It
// gives the message and the hint, or nothing.
func openAPI(path string) (message, hint string) {
	if !strings.HasPrefix(path, parametersPath.String()+".") {
		return "", ""
	}
	keyword := path[strings.LastIndexByte(path, '.')+1:]
	if hint := keywordHint(keyword); hint != "" {
		return "is not supported: parameters know a part of OpenAPI", hint
	}
	return "", ""
}

package fleet

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// fault says why a value does not fit a parameter.
type fault struct {
	// item is the index of the string at fault in an array, -1 for the value itself.
	item          int
	value         any
	message, hint string
}

// at gives the fault's place below the value's.
func (f fault) at(value *field.Path) *field.Path {
	if f.item < 0 {
		return value
	}
	return value.Index(f.item)
}

// judge compares a value with the schema of its parameter; pattern is the schema's,
// compiled.
func judge(p Parameter, pattern *regexp.Regexp, value any) []fault {
	wrong := func(message, hint string) []fault { return []fault{{-1, value, message, hint}} }
	switch p.Type {
	case typeString:
		s, ok := value.(string)
		if !ok {
			return wrong("want a string", quoted(value))
		}
		return judgeText(p, pattern, s, -1)
	case typeInteger:
		i, ok := value.(int64)
		switch {
		case !ok:
			return wrong("want a whole number", unquoted(value))
		case p.Minimum != nil && i < *p.Minimum:
			return wrong(fmt.Sprintf("is less than %d", *p.Minimum), "")
		case p.Maximum != nil && i > *p.Maximum:
			return wrong(fmt.Sprintf("is more than %d", *p.Maximum), "")
		}
	case typeBoolean:
		if _, ok := value.(bool); !ok {
			return wrong("want true or false", unquoted(value))
		}
	case typeArray:
		return judgeList(p, pattern, value)
	}
	return judgeEnum(p, value, -1)
}

func judgeList(p Parameter, pattern *regexp.Regexp, value any) []fault {
	list, ok := value.([]string)
	n := int64(len(list))
	switch {
	case !ok:
		return []fault{{-1, value, "want a list of strings", fmt.Sprintf("write [%v]", value)}}
	case p.MinItems != nil && n < *p.MinItems:
		return []fault{{-1, value, fmt.Sprintf("has fewer than %d items", *p.MinItems), ""}}
	case p.MaxItems != nil && n > *p.MaxItems:
		return []fault{{-1, value, fmt.Sprintf("has more than %d items", *p.MaxItems), ""}}
	}
	var out []fault
	for i, s := range list {
		out = append(out, judgeText(p, pattern, s, i)...)
	}
	return out
}

func judgeText(p Parameter, pattern *regexp.Regexp, s string, item int) []fault {
	wrong := func(format string, args ...any) []fault { return []fault{{item, s, fmt.Sprintf(format, args...), ""}} }
	n := int64(utf8.RuneCountInString(s))
	switch {
	case p.MinLength != nil && n < *p.MinLength:
		return wrong("has fewer than %d characters", *p.MinLength)
	case p.MaxLength != nil && n > *p.MaxLength:
		return wrong("has more than %d characters", *p.MaxLength)
	case pattern != nil && !pattern.MatchString(s):
		return wrong("does not match %s", p.Pattern)
	}
	return judgeEnum(p, s, item)
}

func judgeEnum(p Parameter, value any, item int) []fault {
	if p.Enum == nil || slices.ContainsFunc(p.Enum, func(other any) bool { return equal(value, other) }) {
		return nil
	}
	var values, texts []string
	for _, v := range p.Enum {
		values = append(values, fmt.Sprintf("%#v", v))
		texts = append(texts, fmt.Sprint(v))
	}
	hint := ""
	if s, ok := value.(string); ok {
		hint = meant(s, texts)
	}
	return []fault{{item, value, "want one of " + strings.Join(values, ", "), hint}}
}

// equal compares two values as documents give them; lists are never equal.
func equal(a, b any) bool {
	_, listA := a.([]string)
	_, listB := b.([]string)
	return !listA && !listB && a == b
}

func quoted(value any) string {
	switch value.(type) {
	case int64, bool:
		return fmt.Sprintf("quote it: %q", fmt.Sprint(value))
	}
	return ""
}

func unquoted(value any) string {
	if _, ok := value.(string); ok {
		return "write it without quotes"
	}
	return ""
}

// compile gives the parameter's pattern, or nil when it has none that can be used.
func compile(p Parameter) *regexp.Regexp {
	if p.Pattern == "" || len(p.Pattern) > maxPattern {
		return nil
	}
	pattern, err := regexp.Compile(p.Pattern)
	if err != nil {
		return nil // said at the class
	}
	return pattern
}

// patterns compiles a schema's patterns by the names of parameters.
func patterns(s *Schema) map[string]*regexp.Regexp {
	out := map[string]*regexp.Regexp{}
	if s == nil {
		return out
	}
	for name, p := range s.Properties {
		if pattern := compile(p); pattern != nil {
			out[name] = pattern
		}
	}
	return out
}

// values checks what a tenant says against its class's schema.
func (c check) values(said map[string]any, class *Class, patterns map[string]*regexp.Regexp) {
	s := class.Spec.Parameters
	if s == nil {
		s = &Schema{}
	}
	if s.fits(said, patterns) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		at := parametersPath.Key(name)
		p, ok := s.Properties[name]
		if !ok {
			what := fmt.Sprintf("class %s (%s) has no such parameter", class.Metadata.Name, class.Source.Path)
			c.addKey(field.Forbidden(at, what), nearestOf(name, slices.Sorted(maps.Keys(s.Properties)), "it has"))
			continue
		}
		for _, f := range judge(p, patterns[name], said[name]) {
			c.add(field.Invalid(f.at(at), f.value, f.message+saidIn(class)), f.hint)
		}
	}
	for _, name := range s.Required {
		if _, ok := said[name]; !ok {
			c.add(field.Required(parametersPath.Key(name), fmt.Sprintf("class %s asks for it (%s)", class.Metadata.Name, class.Source.Path)),
				s.Properties[name].Description)
		}
	}
}

// fits says whether values fit the schema, and nothing of why not.
func (s *Schema) fits(said map[string]any, patterns map[string]*regexp.Regexp) bool {
	for name, value := range said {
		if p, ok := s.Properties[name]; !ok || judge(p, patterns[name], value) != nil {
			return false
		}
	}
	for _, name := range s.Required {
		if _, ok := said[name]; !ok {
			return false
		}
	}
	return true
}

// saidIn names the file that a rule comes from: it may have changed after the tenant.
func saidIn(class *Class) string { return ", as " + class.Source.Path + " says" }

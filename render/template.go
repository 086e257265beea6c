package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// template is what a stamp makes of a shape when every value of the document is a
// mark that names its place in the document. Filling the marks in gives what the
// stamp itself would have made, without Kustomize: a test holds both together.
type template struct{ objects []content }

// A mark is opened and closed by characters for private use, which no declaration
// may hold.
const markOpen, markClose = "\uE000", "\uE001"

// markNumber is where marks for numbers begin: a number that nobody writes.
const markNumber = int64(8_131_775_310_945_017)

func mark(place string) string { return markOpen + place + markClose }

// values are a document's leaves by place (spec.network.domain): strings, ints and
// lists of strings.
type values map[string]any

func (d document) values() values {
	v := values{}
	meta, _ := d["metadata"].(map[string]any)
	v["metadata.name"], v["metadata.uid"] = meta["name"], meta["uid"]
	v.add("spec", d["spec"])
	return v
}

func (v values) add(place string, node any) {
	if m, ok := node.(map[string]any); ok {
		for key, child := range m {
			v.add(place+"."+key, child)
		}
		return
	}
	v[place] = node
}

// numbers are the places of the numbers; a number's mark is markNumber plus its index.
func (v values) numbers() []string {
	var places []string
	for _, place := range slices.Sorted(maps.Keys(v)) {
		if _, ok := v[place].(int); ok {
			places = append(places, place)
		}
	}
	return places
}

// marked is the document with marks for values.
func (d document) marked() document {
	numbers := d.values().numbers()
	kind, _ := d["kind"].(string)
	spec, _ := markNode("spec", d["spec"], numbers).(map[string]any)
	return newDocument(kind, mark("metadata.name"), mark("metadata.uid"), spec)
}

func markNode(place string, node any, numbers []string) any {
	switch n := node.(type) {
	case map[string]any:
		out := make(map[string]any, len(n))
		for key, child := range n {
			out[key] = markNode(place+"."+key, child, numbers)
		}
		return out
	case []string:
		return []string{mark(place)}
	case int:
		return markNumber + int64(slices.Index(numbers, place))
	default:
		return mark(place)
	}
}

// template stamps the shape with marks, once for each set of the stamp's variants.
func (s *shape) template(home string, doc document) (*template, error) {
	key := strings.Join(doc.variants(), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.templates[key]; t != nil {
		return t, nil
	}
	resources, err := s.stamp(home, doc.marked())
	if err != nil {
		return nil, err
	}
	objects, err := decodeAll(resources)
	if err != nil {
		return nil, err
	}
	t := &template{objects}
	s.templates[key] = t
	return t, nil
}

// fill gives the objects with doc's values; the template itself stays as it is.
func (t *template) fill(doc document) ([]content, error) {
	f := filling{values: doc.values()}
	f.numbers = f.values.numbers()
	out := make([]content, len(t.objects))
	for i, c := range t.objects {
		out[i], _ = f.node(c).(content)
	}
	return out, f.err
}

// filling replaces marks by values, and remembers the first that has none.
type filling struct {
	values  values
	numbers []string
	err     error
}

func (f *filling) node(node any) any {
	switch n := node.(type) {
	case content:
		out := make(content, len(n)+1) // labels or annotations may come
		for key, child := range n {
			out[key] = f.node(child)
		}
		return out
	case []any:
		if list, ok := f.list(n); ok {
			return list
		}
		out := make([]any, len(n))
		for i, child := range n {
			out[i] = f.node(child)
		}
		return out
	case string:
		return f.text(n)
	case int64:
		if i := n - markNumber; i >= 0 && i < int64(len(f.numbers)) {
			return int64(f.values[f.numbers[i]].(int))
		}
	}
	return node
}

// list is the value of a list that is one mark and nothing else.
func (f *filling) list(n []any) ([]any, bool) {
	if len(n) != 1 {
		return nil, false
	}
	text, _ := n[0].(string)
	place, ok := strings.CutPrefix(text, markOpen)
	if !ok {
		return nil, false
	}
	list, ok := f.values[strings.TrimSuffix(place, markClose)].([]string)
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out, ok
}

// text replaces every mark in a text.
func (f *filling) text(text string) string {
	before, rest, found := strings.Cut(text, markOpen)
	if !found {
		return text
	}
	var out strings.Builder
	for found {
		out.WriteString(before)
		place, after, _ := strings.Cut(rest, markClose)
		value, ok := f.values[place].(string)
		if !ok && f.err == nil {
			f.err = fmt.Errorf("fill in %s: the document has no such text", place)
		}
		out.WriteString(value)
		before, rest, found = strings.Cut(after, markOpen)
	}
	out.WriteString(before)
	return out.String()
}

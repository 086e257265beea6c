package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A mark stands for a value of a document while a shape is stamped: the number of the
// value's place between two characters for private use, which no declaration may hold.
const markOpen, markClose = "\uE000", "\uE001"

// The holes of no place: a Job's hash, and what ownership's annotations say.
const (
	holeJob    = -1
	holeDigest = -2
	holeObject = -3
)

// The places that every document has, because marked begins with them.
const (
	placeName = iota
	placeUID
)

func mark(hole int) string { return markOpen + strconv.Itoa(hole) + markClose }

// checkMarks refuses what would be taken for a mark of ours.
func checkMarks(text string) error {
	if strings.Contains(text, markOpen) || strings.Contains(text, markClose) {
		return errors.New("characters for private use are not allowed")
	}
	return nil
}

// typedMark is a mark where the target wants another type than a text: tag is YAML's.
func typedMark(text, tag string) string {
	return strings.TrimSuffix(text, markClose) + tag + markClose
}

// cutMark reads the mark that text begins with; tag is empty in a text.
func cutMark(text string) (hole int, tag, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, markOpen)
	if !ok {
		return 0, "", text, false
	}
	inner, rest, ok := strings.Cut(text, markClose)
	if !ok {
		return 0, "", text, false
	}
	number, tag := inner, ""
	if i := strings.IndexByte(inner, '!'); i >= 0 {
		number, tag = inner[:i], inner[i:]
	}
	hole, err := strconv.Atoi(number)
	return hole, tag, rest, err == nil
}

// isMark tells whether text is one mark and nothing else.
func isMark(text string) bool {
	_, _, rest, ok := cutMark(text)
	return ok && rest == ""
}

// isTyped tells whether text is a mark for what is no text.
func isTyped(text string) bool {
	_, tag, _, ok := cutMark(text)
	return ok && tag != ""
}

// place is where a document holds a value.
type place struct {
	path []string
	// tag is the value's type in YAML: of each element when it is a list.
	tag  string
	list bool
}

func (p place) String() string { return strings.Join(p.path, ".") }

// places of a document; a mark's number is an index.
type places []place

// marked is the document with marks for values, and where the values are.
func (d document) marked() (document, places) {
	ps := ownPlaces()
	kind, _ := d["kind"].(string)
	spec, _ := ps.mark([]string{"spec"}, d["spec"]).(map[string]any)
	return newDocument(kind, mark(placeName), mark(placeUID), spec), ps
}

// ownPlaces are those that ownership needs.
func ownPlaces() places {
	return places{
		placeName: {path: []string{"metadata", "name"}, tag: "!!str"},
		placeUID:  {path: []string{"metadata", "uid"}, tag: "!!str"},
	}
}

func (ps *places) mark(path []string, node any) any {
	p := place{path: path, tag: "!!str"}
	switch n := node.(type) {
	case map[string]any:
		out := make(map[string]any, len(n))
		for _, key := range slices.Sorted(maps.Keys(n)) {
			out[key] = ps.mark(append(slices.Clone(path), key), n[key])
		}
		return out
	case []string:
		p.list = true
	case int, int64:
		p.tag = "!!int"
	case bool:
		p.tag = "!!bool"
	}
	*ps = append(*ps, p)
	text := mark(len(*ps) - 1)
	if p.list {
		return []string{text}
	}
	return text
}

// tag gives every mark in a document's node the type of its value: where Kustomize
// takes a node as a whole, it takes the type along.
func (ps places) tag(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && isMark(node.Value) {
		hole, _, _, _ := cutMark(node.Value)
		node.Tag = ps[hole].tag
	}
	for _, child := range node.Content {
		ps.tag(child)
	}
}

// replicas is the place that a lifecycle sets to nothing, to stop a control plane.
const replicas = "spec.replicas"

// ofData are the places that say where a tenant's data is. What is taken over may do without
// the latter two, which its operator has chosen.
var ofData = []string{"spec.dataStore.name", "spec.dataStore.schema", "spec.dataStore.username"}

// fixed is a field that no class lets tenants patch, and the place that it is filled from.
type fixed struct{ path, place string }

// wrong says why a tenant may not make what it is of what it was.
func (f fixed) wrong(was, is any, adopted bool) error {
	switch {
	case was == is, adopted && is == nil && slices.Contains(ofData[1:], f.place):
		return nil
	case f.place == replicas:
		return fmt.Errorf("%s comes from the declaration: say %s in tenant.yaml", f.path, replicas)
	}
	return fmt.Errorf("%s says where the tenant's data is: no class can let a tenant change it", f.path)
}

// holds adds the fields below node, but for those in lists, that are fixed.
func (ps places) holds(found []fixed, path string, node any) []fixed {
	switch n := node.(type) {
	case content:
		for _, key := range slices.Sorted(maps.Keys(n)) {
			found = ps.holds(found, strings.TrimPrefix(path+"."+key, "."), n[key])
		}
	case string:
		if hole, _, _, ok := cutMark(n); ok && hole >= 0 {
			if place := ps[hole].String(); place == replicas || slices.Contains(ofData, place) {
				found = append(found, fixed{path, place})
			}
		}
	}
	return found
}

// show names places instead of marks, for people.
func (ps places) show(text string) string {
	var out strings.Builder
	for {
		before, _, found := strings.Cut(text, markOpen)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		hole, _, rest, ok := cutMark(text[len(before):])
		if ok && hole >= 0 {
			out.WriteString("{" + ps[hole].String() + "}")
		} else {
			out.WriteString("*")
		}
		text = rest
	}
}

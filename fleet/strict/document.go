package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is far deeper than any declaration nests, and shallow enough for
// every recursion over one.
const maxDepth = 32

// Position is a place in a file, both counted from 1; the zero value is none.
type Position struct{ Line, Column int }

// Problem is one thing that is wrong with a document.
type Problem struct {
	Position
	// Field is the field's path (spec.version), empty when it is about the whole.
	Field string
	// Message says what is wrong, Hint what to do; Hint may be empty.
	Message, Hint string
}

// Document is one parsed document. After Decode it knows where fields stand.
type Document struct {
	data   []byte
	root   *yaml.Node
	keys   map[string]Position
	values map[string]*yaml.Node
}

// Parse reads data as exactly one YAML document whose root is a mapping.
func Parse(data []byte) (*Document, []Problem) {
	if problems := append(checkText(data), checkIndent(data)...); len(problems) > 0 {
		return nil, problems
	}
	nodes, problems := parseAll(data)
	if len(problems) > 0 {
		return nil, problems
	}
	if len(nodes) == 0 || nodes[0].Kind == yaml.ScalarNode && nodes[0].Tag == "!!null" && nodes[0].Value == "" {
		return nil, []Problem{at(1, 1, "is empty", "write the declaration, or remove the file")}
	}
	if len(nodes) > 1 {
		return nil, []Problem{at(max(nodes[1].Line, 1), max(nodes[1].Column, 1), "has more than one document", "write one declaration a file")}
	}
	if nodes[0].Kind != yaml.MappingNode {
		return nil, []Problem{at(nodes[0].Line, nodes[0].Column, "is not a mapping", "start with apiVersion: and kind:")}
	}
	return &Document{data: data, root: nodes[0], keys: map[string]Position{}, values: map[string]*yaml.Node{}}, nil
}

// Scan checks a file that others will read (a Kustomize overlay, a patch): any
// number of documents, but readable and without anchors, aliases and deep nests,
// which are fatal to readers that resolve them.
func Scan(data []byte) []Problem {
	if problems := checkText(data); len(problems) > 0 {
		return problems
	}
	_, problems := parseAll(data)
	return problems
}

// parseAll gives every document's root, after looking at each node.
func parseAll(data []byte) (roots []*yaml.Node, problems []Problem) {
	lines := bytes.Count(data, []byte("\n")) + 1
	defer func() {
		// The parser has panicked on odd input before; a file must never end the process.
		if r := recover(); r != nil {
			roots, problems = nil, []Problem{at(1, 1, fmt.Sprintf("cannot be parsed: %v", r), "")}
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return roots, problems
		}
		if err != nil {
			return nil, append(problems, syntaxProblem(err, data, lines))
		}
		root := &node
		if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
			root = node.Content[0]
		}
		problems = append(problems, scanNode(root, 0)...)
		roots = append(roots, root)
	}
}

var conflict = regexp.MustCompile(`(?m)^(<<<<<<<|>>>>>>>) `)

var lineInError = regexp.MustCompile(`^line (\d+): `)

// syntaxProblem takes the line out of the parser's error; it knows no column.
func syntaxProblem(err error, data []byte, lines int) Problem {
	if i := conflict.FindIndex(data); i != nil {
		return at(1+bytes.Count(data[:i[0]], []byte("\n")), 1, "has a merge conflict", "resolve it: keep one side and remove the markers")
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := lineInError.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		line = min(max(line, 1), lines)
		text = text[len(m[0]):]
	}
	return at(line, 1, "is not YAML: "+text, "")
}

// scanNode finds what is refused wherever it stands.
func scanNode(n *yaml.Node, depth int) []Problem {
	switch {
	case depth > maxDepth:
		return []Problem{at(n.Line, n.Column, fmt.Sprintf("is nested more than %d deep", maxDepth), "")}
	case n.Kind == yaml.AliasNode:
		return []Problem{at(n.Line, n.Column, fmt.Sprintf("has the YAML alias *%s", n.Value), "write the value out: a reviewer must see it where it counts")}
	}
	var out []Problem
	if n.Anchor != "" {
		out = append(out, at(n.Line, n.Column, fmt.Sprintf("has the YAML anchor &%s", n.Anchor), "remove it"))
	}
	if n.Style&yaml.TaggedStyle != 0 {
		out = append(out, at(n.Line, n.Column, fmt.Sprintf("has the YAML tag %s", n.Tag), "remove it: fields have fixed types"))
	}
	for _, child := range n.Content {
		out = append(out, scanNode(child, depth+1)...)
	}
	return out
}

// Header gives apiVersion and kind as written, empty when they are not strings.
func (d *Document) Header() (apiVersion, kind string) {
	for i := 0; i+1 < len(d.root.Content); i += 2 {
		k, v := d.root.Content[i], d.root.Content[i+1]
		if v.Kind != yaml.ScalarNode {
			continue
		}
		switch k.Value {
		case "apiVersion":
			apiVersion = v.Value
			d.remember("apiVersion", k, v)
		case "kind":
			kind = v.Value
			d.remember("kind", k, v)
		}
	}
	return apiVersion, kind
}

// Written says whether the field stands in the document. It answers after Decode.
func (d *Document) Written(field string) bool {
	_, ok := d.values[field]
	return ok
}

// Position gives the place of the field's value. A field that is not written is
// at the key of its nearest written parent, or at the document's start.
func (d *Document) Position(field string) Position {
	if n, ok := d.values[field]; ok {
		return Position{n.Line, n.Column}
	}
	for field != "" {
		cut := strings.LastIndexAny(field, ".[")
		if cut < 0 {
			break
		}
		field = field[:cut]
		if p, ok := d.keys[field]; ok {
			return p
		}
	}
	return Position{d.root.Line, d.root.Column}
}

// Key gives the place of the field's key, or what Position gives.
func (d *Document) Key(field string) Position {
	if p, ok := d.keys[field]; ok {
		return p
	}
	return d.Position(field)
}

func (d *Document) remember(field string, key, value *yaml.Node) {
	d.keys[field] = Position{key.Line, key.Column}
	d.values[field] = value
}

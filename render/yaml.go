package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// refusedAnnotations steer Kustomize instead of Kubernetes.
var refusedAnnotations = []string{
	"config.kubernetes.io/function",
	"config.k8s.io/function",
	"internal.config.kubernetes.io/",
	"kustomize.config.k8s.io/",
}

// documents parses a YAML stream and refuses what Kustomize cannot be trusted with:
// anchors and aliases (it expands them without limit, and for ever if they form a
// cycle), duplicate keys, annotations that run functions, and what its parsers do not
// read alike (merge keys, base64).
func documents(data []byte) ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var out []*yaml.Node
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("parse YAML: %w", err)
		}
		if err := checkNode(&node, 0); err != nil {
			return nil, err
		}
		if len(node.Content) == 1 {
			out = append(out, node.Content[0])
		}
	}
}

// maxDepth is how deep YAML may be nested: Kustomize's work grows with its square, and more.
const maxDepth = 100

func checkNode(node *yaml.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("line %d: YAML is nested deeper than %d levels", node.Line, maxDepth)
	}
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return fmt.Errorf("line %d: YAML anchors and aliases are not allowed", node.Line)
	}
	if err := checkMarks(node.Value); err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	if tag := node.ShortTag(); tag == "!!binary" {
		return fmt.Errorf("line %d: YAML tag %s is not allowed", node.Line, tag)
	}
	if node.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for key := range entries(node) {
			if seen[key] {
				return fmt.Errorf("line %d: key %q is there twice", node.Line, key)
			}
			seen[key] = true
			if key == "<<" {
				return fmt.Errorf("line %d: YAML merge keys are not allowed", node.Line)
			}
			for _, refused := range refusedAnnotations {
				if strings.HasPrefix(key, refused) {
					return fmt.Errorf("line %d: annotation %q is not allowed", node.Line, key)
				}
			}
		}
	}
	for _, child := range node.Content {
		if err := checkNode(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// field is the text under key; empty when there is none.
func field(node *yaml.Node, key string) string {
	for k, v := range entries(node) {
		if k == key {
			return v.Value
		}
	}
	return ""
}

// entries are a mapping's keys and values, in order.
func entries(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

// decodeNode turns YAML into JSON values without the detour through text that
// Kustomize's own encoder takes, which cost more than all replacements of a stamp.
func decodeNode(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.DocumentNode:
		if len(node.Content) != 1 {
			return nil, errors.New("want one value in a document")
		}
		return decodeNode(node.Content[0])
	case yaml.MappingNode:
		out := make(map[string]any, len(node.Content)/2)
		for key, child := range entries(node) {
			v, err := decodeNode(child)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out[key] = v
		}
		return out, nil
	case yaml.SequenceNode:
		out := make([]any, len(node.Content))
		for i, child := range node.Content {
			v, err := decodeNode(child)
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
			out[i] = v
		}
		return out, nil
	case yaml.ScalarNode:
		return decodeScalar(node)
	default:
		return nil, fmt.Errorf("line %d: YAML aliases are not allowed", node.Line)
	}
}

// tagMade is our own, of a scalar that Kustomize made: it has no type there but what
// its value reads as, and in a later layer of a build it is a text.
const tagMade = "!made"

// typedTags are of scalars that may be no text in JSON.
var typedTags = []string{"!!null", "!!bool", "!!int", "!!float", tagMade}

// decodeScalar reads what JSON has; everything else (dates) is the text it was
// written as.
func decodeScalar(node *yaml.Node) (any, error) {
	if strings.Contains(node.Value, markOpen) {
		tag := node.Tag
		if tag == "" && node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
			tag = tagMade
		}
		if !slices.Contains(typedTags, tag) {
			return node.Value, nil
		}
		if !isMark(node.Value) {
			if tag == tagMade && strings.ContainsAny(node.Value, "/:=, ") {
				return node.Value, nil // which no number or boolean holds
			}
			return nil, errors.New("only a text can be put together from parts: want quotes around it")
		}
		return typedMark(node.Value, tag), nil
	}
	switch node.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var v bool
		err := node.Decode(&v)
		return v, err
	case "!!int":
		var v int64
		err := node.Decode(&v)
		return v, err
	case "!!float":
		var v float64
		if err := node.Decode(&v); err != nil {
			return nil, err
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("line %d: %s is no number in JSON", node.Line, node.Value)
		}
		return v, nil
	default:
		return node.Value, nil
	}
}

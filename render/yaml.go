package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
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
// cycle), duplicate keys and annotations that run functions.
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
		if err := checkNode(&node); err != nil {
			return nil, err
		}
		if len(node.Content) == 1 {
			out = append(out, node.Content[0])
		}
	}
}

func checkNode(node *yaml.Node) error {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return fmt.Errorf("line %d: YAML anchors and aliases are not allowed", node.Line)
	}
	if node.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for key := range entries(node) {
			if seen[key] {
				return fmt.Errorf("line %d: key %q is there twice", node.Line, key)
			}
			seen[key] = true
			for _, refused := range refusedAnnotations {
				if strings.HasPrefix(key, refused) {
					return fmt.Errorf("line %d: annotation %q is not allowed", node.Line, key)
				}
			}
		}
	}
	for _, child := range node.Content {
		if err := checkNode(child); err != nil {
			return err
		}
	}
	return nil
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

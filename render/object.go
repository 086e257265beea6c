package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
)

// content is an object's body as JSON values; integers are int64.
type content = map[string]any

// decode reads a Kustomize resource as plain JSON values.
func decode(r *resource.Resource) (content, error) {
	v, err := decodeNode(r.YNode())
	if err != nil {
		return nil, fmt.Errorf("decode %s %s: %w", r.GetKind(), r.GetName(), err)
	}
	c, ok := v.(content)
	if !ok {
		return nil, fmt.Errorf("decode %s %s: it is not a mapping", r.GetKind(), r.GetName())
	}
	return c, nil
}

// canonical encodes a value with sorted keys, no spaces and no HTML escapes.
func canonical(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode object: %w", err)
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// idOf reads an object's own name.
func idOf(c content) ObjectID {
	version, _ := c["apiVersion"].(string)
	group := ""
	if i := strings.IndexByte(version, '/'); i >= 0 {
		group, version = version[:i], version[i+1:]
	}
	id := ObjectID{Group: group, Version: version}
	id.Kind, _ = c["kind"].(string)
	meta, _ := c["metadata"].(content)
	id.Name, _ = meta["name"].(string)
	id.Namespace, _ = meta["namespace"].(string)
	return id
}

// child is the mapping under key, made when it is absent.
func child(c content, key string) content {
	if m, ok := c[key].(content); ok {
		return m
	}
	m := content{}
	c[key] = m
	return m
}

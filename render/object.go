package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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

// digest is the first 32 hex digits of a SHA-256.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
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

// nameJob ends a Job's name with the hash of its spec. Jobs are immutable: a changed
// one is another one, and the old one is pruned.
func nameJob(c content) error {
	data, err := canonical(c["spec"])
	if err != nil {
		return err
	}
	meta, _ := c["metadata"].(content)
	meta["name"] = fmt.Sprintf("%v-%s", meta["name"], digest(data)[:10])
	return nil
}

// own writes ownership on the object and closes it. The digest is over everything
// but our annotations; one of them is the digest.
func own(c content, owner Owner) (Object, error) {
	id := idOf(c)
	meta, _ := c["metadata"].(content)
	labels := child(meta, "labels")
	labels[LabelUID] = owner.UID
	labels[LabelManagedBy] = FieldManager
	if owner.Kind == OwnerDataStore {
		labels[LabelDataStore] = owner.Name
	} else {
		labels[LabelTenant] = owner.Name
	}
	data, err := canonical(c)
	if err != nil {
		return Object{}, err
	}
	sum := digest(data)
	annotations := child(meta, "annotations")
	annotations[AnnotationObject] = id.String()
	annotations[AnnotationDigest] = sum
	if data, err = canonical(c); err != nil {
		return Object{}, err
	}
	return Object{ID: id, Digest: sum, JSON: data}, nil
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

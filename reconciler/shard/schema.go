package shard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/tenantry/tenantry/render"
)

// Schemas are the types by which API servers tell an object's fields apart. They
// are kept by the servers' own content hashes, so shards of one version share
// them. Any goroutine may use it.
type Schemas struct {
	mu    sync.Mutex
	types map[typeKey]managedfields.TypeConverter
}

type typeKey struct {
	gvk  schema.GroupVersionKind
	hash string // of the document of its group and version
}

// most bounds the types kept: a fleet writes some twenty kinds, and a shard's
// upgrade brings each of them once more. Beyond it they are read anew.
const most = 256

// NewSchemas makes an empty store.
func NewSchemas() *Schemas { return &Schemas{types: map[typeKey]managedfields.TypeConverter{}} }

func (s *Schemas) get(k typeKey) managedfields.TypeConverter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.types[k]
}

func (s *Schemas) put(k typeKey, t managedfields.TypeConverter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.types) >= most {
		clear(s.types)
	}
	s.types[k] = t
}

const (
	// schemaTimeout bounds the reading of a schema: without one an object is
	// written all the same.
	schemaTimeout = 10 * time.Second
	// schemaPause is how long a server that does not give its schemas is not asked.
	schemaPause = time.Minute
)

// typeFinder finds the types of one server's kinds, and asks it as little as can be.
type typeFinder struct {
	schemas *Schemas
	get     func(ctx context.Context, path string, params url.Values) ([]byte, error)

	// asking holds a token while the server is asked: who waits for it waits for the
	// same answer.
	asking chan struct{}

	mu     sync.Mutex
	index  map[string]string // hashes of documents, by group and version; nil: to be read
	asked  int               // how often it was to be read anew
	failed time.Time
	cause  error
}

func newTypeFinder(schemas *Schemas, get func(ctx context.Context, path string, params url.Values) ([]byte, error)) *typeFinder {
	return &typeFinder{schemas: schemas, get: get, asking: make(chan struct{}, 1)}
}

// forget has the index of documents read anew. It does not wait for an answer under way.
func (t *typeFinder) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.index, t.failed = nil, time.Time{}
	t.asked++
}

// of gives the type of a kind. A kind without a schema has the type that its
// objects show.
func (t *typeFinder) of(ctx context.Context, id render.ObjectID) (managedfields.TypeConverter, error) {
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if cause := t.failedLately(); cause != nil {
		return nil, cause
	}
	converter, err := t.ask(ctx, id)
	if err != nil {
		err = fmt.Errorf("read the schema of %s: %w", id.KindName(), err)
		if ctx.Err() == nil {
			t.mu.Lock()
			t.failed, t.cause = time.Now(), err
			t.mu.Unlock()
		}
	}
	return converter, err
}

func (t *typeFinder) failedLately() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.failed) < schemaPause {
		return t.cause
	}
	return nil
}

// documents gives the index, as it was read before or from the server.
func (t *typeFinder) documents(ctx context.Context) (map[string]string, error) {
	t.mu.Lock()
	index, asked := t.index, t.asked
	t.mu.Unlock()
	if index != nil {
		return index, nil
	}
	content, err := t.get(ctx, "/openapi/v3", nil)
	if err != nil {
		return nil, err
	}
	if index, err = readIndex(content); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked == asked {
		t.index = index
	}
	return index, nil
}

func (t *typeFinder) ask(ctx context.Context, id render.ObjectID) (managedfields.TypeConverter, error) {
	ctx, cancel := context.WithTimeout(ctx, schemaTimeout)
	defer cancel()
	index, err := t.documents(ctx)
	if err != nil {
		return nil, err
	}
	gv := schema.GroupVersion{Group: id.Group, Version: id.Version}
	document := path.Join(root(gv)...)[1:]
	hash, there := index[document]
	if !there {
		return managedfields.NewDeducedTypeConverter(), nil
	}
	key := typeKey{gv.WithKind(id.Kind), hash}
	if known := t.schemas.get(key); known != nil {
		return known, nil
	}
	params := url.Values{}
	if hash != "" {
		params.Set("hash", hash)
	}
	content, err := t.get(ctx, "/openapi/v3/"+document, params)
	if err != nil {
		return nil, err
	}
	converter, err := typeOf(content, key.gvk)
	if err == nil {
		t.schemas.put(key, converter)
	}
	return converter, err
}

// readIndex reads the index of a server's schemas: their hashes by path.
func readIndex(content []byte) (map[string]string, error) {
	var index struct {
		Paths map[string]struct{ ServerRelativeURL string }
	}
	if err := json.Unmarshal(content, &index); err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	found := map[string]string{}
	for p, entry := range index.Paths {
		at, err := url.Parse(entry.ServerRelativeURL)
		if err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		found[p] = at.Query().Get("hash")
	}
	return found, nil
}

var reference = regexp.MustCompile(`"\$ref": *"#/components/schemas/([^"]+)"`)

// typeOf reads one kind's type out of the document of its group and version. Only
// what the kind is made of is read: a document holds some hundred definitions.
func typeOf(content []byte, gvk schema.GroupVersionKind) (managedfields.TypeConverter, error) {
	var document struct {
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	all := document.Components.Schemas
	waiting, read := []string{}, map[string]*spec.Schema{}
	for name, definition := range all {
		is, err := describes(definition, gvk)
		if err != nil {
			return nil, fmt.Errorf("read definition %s: %w", name, err)
		}
		if is {
			waiting = append(waiting, name)
		}
	}
	if len(waiting) == 0 {
		return managedfields.NewDeducedTypeConverter(), nil
	}
	for len(waiting) > 0 {
		name := waiting[0]
		waiting = waiting[1:]
		if read[name] != nil {
			continue
		}
		definition, there := all[name]
		if !there {
			return nil, errors.New("definition " + name + " is missing")
		}
		read[name] = &spec.Schema{}
		if err := json.Unmarshal(definition, read[name]); err != nil {
			return nil, fmt.Errorf("read definition %s: %w", name, err)
		}
		for _, match := range reference.FindAllSubmatch(definition, -1) {
			waiting = append(waiting, string(match[1]))
		}
	}
	return managedfields.NewTypeConverter(read, false)
}

// describes tells whether a definition is that of a kind.
func describes(definition json.RawMessage, gvk schema.GroupVersionKind) (bool, error) {
	const mark = "x-kubernetes-group-version-kind"
	if !bytes.Contains(definition, []byte(mark)) {
		return false, nil
	}
	var head struct {
		Kinds []schema.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
	}
	if err := json.Unmarshal(definition, &head); err != nil {
		return false, err
	}
	return slices.Contains(head.Kinds, gvk), nil
}

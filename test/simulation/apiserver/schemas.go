package apiserver

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// documents are the OpenAPI documents of a real API server, cut down to the kinds that
// are served here and to what tells fields apart.
//
//go:embed schemas/*.json
var documents embed.FS

// document gives the document of a group and version; nil when there is none.
func document(gv schema.GroupVersion) []byte {
	content, err := documents.ReadFile("schemas/" + strings.ReplaceAll(documentPath(gv), "/", "_") + ".json")
	if err != nil {
		return nil
	}
	return content
}

func documentPath(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "api/" + gv.Version
	}
	return "apis/" + gv.Group + "/" + gv.Version
}

// all are the types of all documents, read once: they are what a binary carries, and
// never change.
var all = sync.OnceValue(func() map[schema.GroupVersion]managedfields.TypeConverter {
	found := map[schema.GroupVersion]managedfields.TypeConverter{}
	for _, k := range slices.Concat(builtin(), CertManager(), Kamaji()) {
		gv := schema.GroupVersion{Group: k.Group, Version: k.Version}
		if found[gv] != nil {
			continue
		}
		types, err := read(document(gv))
		if err != nil {
			panic(fmt.Sprintf("read the schema of %s: %v", gv, err)) // a test reads them all
		}
		found[gv] = types
	}
	return found
})

func read(content []byte) (managedfields.TypeConverter, error) {
	var d struct {
		Components struct{ Schemas map[string]*spec.Schema }
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return nil, err
	}
	return managedfields.NewTypeConverter(d.Components.Schemas, false)
}

// typing gives what tells the fields of a kind apart: its schema, or, for want of one,
// the shape of its objects.
func typing(gvk schema.GroupVersionKind) managedfields.TypeConverter {
	if types := all()[gvk.GroupVersion()]; types != nil {
		if _, err := types.ObjectToTyped(&unstructured.Unstructured{Object: bare(gvk)}); err == nil {
			return types
		}
	}
	return managedfields.NewDeducedTypeConverter()
}

func (s *Server) openAPIIndex() []byte {
	paths := Object{}
	for apiVersion := range s.versions {
		gv, _ := schema.ParseGroupVersion(apiVersion)
		if content := document(gv); content != nil {
			sum := sha256.Sum256(content)
			path := documentPath(gv)
			paths[path] = Object{"serverRelativeURL": "/openapi/v3/" + path + "?hash=" + strings.ToUpper(hex.EncodeToString(sum[:16]))}
		}
	}
	return encode(Object{"paths": paths})
}

// Documents are the paths of the documents that there are, with the kinds that each
// describes.
func Documents() map[string][]string {
	found := map[string][]string{}
	for _, k := range slices.Concat(builtin(), CertManager(), Kamaji()) {
		path := documentPath(schema.GroupVersion{Group: k.Group, Version: k.Version})
		found[path] = append(found[path], k.Kind)
	}
	return found
}

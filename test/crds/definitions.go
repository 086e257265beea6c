package crds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// definitionKind is a custom resource definition's own kind.
var definitionKind = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// settleLimit bounds how long an API server may take to serve a new kind.
const settleLimit = time.Minute

// Definition is a custom resource definition.
type Definition struct {
	File   string
	Object *unstructured.Unstructured
}

// Kind is what it defines.
func (d Definition) Kind() schema.GroupKind {
	group, _, _ := unstructured.NestedString(d.Object.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(d.Object.Object, "spec", "names", "kind")
	return schema.GroupKind{Group: group, Kind: kind}
}

// Read reads the definitions in folders; each has to hold some.
func Read(folders ...string) ([]Definition, error) {
	var all []Definition
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", folder, err)
		}
		before := len(all)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read definitions: %w", err)
			}
			objects, err := Documents(data)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", file, err)
			}
			for _, o := range objects {
				if o.GetKind() == "CustomResourceDefinition" {
					all = append(all, Definition{file, o})
				}
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("%s holds no CustomResourceDefinition", folder)
		}
	}
	return all, nil
}

// Documents reads the YAML documents of a file.
func Documents(data []byte) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		o := &unstructured.Unstructured{}
		switch err := decoder.Decode(&o.Object); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(o.Object) > 0:
			all = append(all, o)
		}
	}
}

// Install applies a definition as it is, and waits until its kind is served. The
// conversion webhooks that some declare are never called: nothing asks for another
// version than the stored one.
func (d Definition) Install(ctx context.Context, client dynamic.Interface) error {
	to := client.Resource(definitionKind)
	_, err := to.Apply(ctx, d.Object.GetName(), d.Object, metav1.ApplyOptions{FieldManager: "test", Force: true})
	if err != nil {
		return fmt.Errorf("apply %s: %w", d.File, err)
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := to.Get(ctx, d.Object.GetName(), metav1.GetOptions{})
		if err == nil && established(found) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("apply %s: the API server does not serve it: %w", d.File, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// established tells that a definition's kind is served.
func established(o *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
			return true
		}
	}
	return false
}

package kamaji

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

//go:embed definitions.yaml
var definitions []byte

const group, version = "kamaji.clastix.io", "v1alpha1"

// The kinds, as an API server serves them.
func controlPlanes() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: "tenantcontrolplanes"}
}

func dataStores() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: "datastores"}
}

// Install has an API server serve Kamaji's kinds, and returns when it does.
func Install(ctx context.Context, cfg *rest.Config) error {
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("install kinds: %w", err)
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(definitions), 4096)
	for {
		crd := &unstructured.Unstructured{}
		if err := decoder.Decode(&crd.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("install kinds: %w", err)
		}
		if err := install(ctx, crds, crd); err != nil {
			return fmt.Errorf("install %s: %w", crd.GetName(), err)
		}
	}
}

func install(ctx context.Context, crds dynamic.ResourceInterface, crd *unstructured.Unstructured) error {
	if _, err := crds.Apply(ctx, crd.GetName(), crd, metav1.ApplyOptions{FieldManager: "test", Force: true}); err != nil {
		return err
	}
	news, err := crds.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + crd.GetName()})
	if err != nil {
		return err
	}
	defer news.Stop()
	for event := range news.ResultChan() {
		if established(event) {
			return nil
		}
	}
	return fmt.Errorf("wait until it is served: %w", errors.Join(ctx.Err(), io.ErrUnexpectedEOF))
}

// established tells that a definition's kind is served.
func established(event watch.Event) bool {
	o, ok := event.Object.(*unstructured.Unstructured)
	if !ok {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
			return true
		}
	}
	return false
}

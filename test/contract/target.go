package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/crds"
)

// target is the API server that has to take what is rendered.
type target struct {
	dynamic   dynamic.Interface
	discovery discovery.DiscoveryInterface
	kinds     meta.RESTMapper

	// written is what the controllers that are played write, by kind.
	written map[schema.GroupKind]fields

	objects  int
	accepted map[schema.GroupKind]bool
}

func newTarget(cfg *rest.Config) (*target, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	cfg.WarningHandlerWithContext = rest.NoWarnings{} // for who writes manifests by hand
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	served, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &target{dynamic: d, discovery: served, written: writtenBack, accepted: map[schema.GroupKind]bool{}}, nil
}

// settleLimit bounds how long an API server may take to tell of a new kind.
const settleLimit = time.Minute

// discover asks which kinds are served, until those are that were defined: an API server
// takes a moment to tell.
func (t *target) discover(ctx context.Context, definitions []crds.Definition) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		groups, err := restmapper.GetAPIGroupResources(t.discovery)
		if err == nil {
			t.kinds = restmapper.NewDiscoveryRESTMapper(groups)
			untold := slices.IndexFunc(definitions, func(d crds.Definition) bool {
				_, err := t.kinds.RESTMapping(d.Kind())
				return err != nil
			})
			if untold < 0 {
				return nil
			}
			err = fmt.Errorf("%s is not served", definitions[untold].Kind())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("discover kinds: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// missing names the kinds of histories that are not served.
func (t *target) missing(histories []history) error {
	var lack []string
	for _, h := range histories {
		for _, objects := range h.steps {
			for _, o := range objects {
				k := o.GroupVersionKind()
				if _, err := t.kinds.RESTMapping(k.GroupKind(), k.Version); err != nil {
					line := fmt.Sprintf("%s %s is rendered, but no CRD of that kind is there", k.GroupVersion(), k.Kind)
					if !slices.Contains(lack, line) {
						lack = append(lack, line)
					}
				}
			}
		}
	}
	if len(lack) == 0 {
		return nil
	}
	slices.Sort(lack)
	return errors.New(strings.Join(lack, "\n"))
}

// live applies a history's steps one over the other, and takes its objects away
// afterwards, so that the next one begins anew. Namespaces stay: they go slowly.
func (t *target) live(ctx context.Context, h history) (errs []error) {
	var made []*unstructured.Unstructured
	for i, objects := range h.steps {
		for _, o := range objects {
			err := t.take(ctx, o)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, step %d: %s %s: %w", h.name, i+1, o.GetKind(), o.GetName(), err))
				continue
			}
			t.objects++
			t.accepted[o.GroupVersionKind().GroupKind()] = true
			made = append(made, o)
		}
	}
	slices.Reverse(made)
	for _, o := range made {
		if o.GetKind() == "Namespace" {
			continue
		}
		if err := t.remove(ctx, o); err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("%s: delete %s %s: %w", h.name, o.GetKind(), o.GetName(), err))
		}
	}
	return errs
}

// remove takes an object away, without waiting for the controllers that were played.
func (t *target) remove(ctx context.Context, o *unstructured.Unstructured) error {
	to, background := t.resource(o), metav1.DeletePropagationBackground
	if err := to.Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		return err
	}
	free := []byte(`{"metadata":{"finalizers":null}}`)
	_, err := to.Patch(ctx, o.GetName(), types.MergePatchType, free, metav1.PatchOptions{FieldManager: played})
	return err
}

// take applies one object, in its namespace, which some other unit may have made. It has
// to be at rest then.
func (t *target) take(ctx context.Context, o *unstructured.Unstructured) error {
	if err := t.namespace(ctx, o); err != nil {
		return err
	}
	made, err := t.apply(ctx, t.resource(o), o)
	if err != nil {
		return err
	}
	return t.again(ctx, o, made)
}

// namespace makes that of an object, if it has one.
func (t *target) namespace(ctx context.Context, o *unstructured.Unstructured) error {
	if o.GetNamespace() == "" {
		return nil
	}
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": o.GetNamespace()}}}
	_, err := t.resource(namespace).Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make its namespace: %w", err)
	}
	return nil
}

func (t *target) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	k := o.GroupVersionKind()
	mapping, err := t.kinds.RESTMapping(k.GroupKind(), k.Version)
	if err != nil {
		panic(err) // missing was asked before
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return t.dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace())
	}
	return t.dynamic.Resource(mapping.Resource)
}

// apply writes an object as the daemon does, and has unknown fields refused.
func (t *target) apply(ctx context.Context, to dynamic.ResourceInterface, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	force := true
	return to.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
		FieldManager: render.FieldManager, Force: &force, FieldValidation: metav1.FieldValidationStrict,
	})
}

// tally says what was accepted, and how many of the definitions took part.
func (t *target) tally(definitions []crds.Definition) string {
	took := 0
	for _, d := range definitions {
		if t.accepted[d.Kind()] {
			took++
		}
	}
	return fmt.Sprintf("%d objects of %d kinds accepted by %d CRDs", t.objects, len(t.accepted), took)
}

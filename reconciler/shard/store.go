package shard

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// lister is what the dynamic and the metadata client have in common.
type lister[L runtime.Object] interface {
	List(ctx context.Context, opts metav1.ListOptions) (L, error)
	Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
}

// listKind lists and watches all objects of a kind that carry our label.
func (c *client) listKind(id render.ObjectID, r resource, full bool) *cache.ListWatch {
	gvr := schema.GroupVersionResource{Group: id.Group, Version: id.Version, Resource: r.name}
	if full {
		return listWatch(c.dynamic.Resource(gvr), render.LabelUID)
	}
	return listWatch(c.metadata.Resource(gvr), render.LabelUID)
}

func (c *client) listAnchors() *cache.ListWatch {
	gvr := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	return listWatch(c.dynamic.Resource(gvr).Namespace(namespace), labelAnchor)
}

func listWatch[L runtime.Object](l lister[L], label string) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = label
			return l.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = label
			w, err := l.Watch(ctx, o)
			if err != nil && o.SendInitialEvents != nil && !hasStatus(err) {
				// The reflector would wait for a server that does not answer without
				// looking at its context. A plain failure comes back to us.
				return nil, fmt.Errorf("watch: %v", err)
			}
			return w, err
		},
	}
}

// objectStore is where a reflector puts what it sees: it goes on into the view.
type objectStore struct {
	view   *view
	term   int
	kind   render.ObjectID
	judged bool
	synced func()
}

var _ cache.TransformingStore = (*objectStore)(nil)

// Transformer has objects cut down while they are being listed.
func (s *objectStore) Transformer() cache.TransformFunc {
	return func(o any) (any, error) { return s.observe(o) }
}

func (s *objectStore) observe(o any) (*core.Object, error) {
	switch o := o.(type) {
	case *core.Object:
		return o, nil
	case metav1.Object:
		return observe(s.kind, o, s.judged), nil
	}
	return nil, errors.New("watch " + s.kind.KindName() + ": what came is no object")
}

func (s *objectStore) Add(o any) error {
	seen, err := s.observe(o)
	if err == nil {
		s.view.put(s.term, seen)
	}
	return err
}

func (s *objectStore) Update(o any) error { return s.Add(o) }

func (s *objectStore) Delete(o any) error {
	seen, err := s.observe(o)
	if err == nil {
		s.view.remove(s.term, seen.ID, seen.ResourceVersion)
	}
	return err
}

func (s *objectStore) Replace(all []any, version string) error {
	objects := make([]*core.Object, 0, len(all))
	for _, o := range all {
		seen, err := s.observe(o)
		if err != nil {
			return err
		}
		objects = append(objects, seen)
	}
	s.view.replace(s.term, s.kind, objects, version)
	s.synced()
	return nil
}

func (s *objectStore) Resync() error { return nil }

// anchorStore is where the reflector of the anchors puts what it sees.
type anchorStore struct {
	view   *view
	term   int
	synced func()
}

func (s *anchorStore) Add(o any) error {
	if u, ok := o.(*unstructured.Unstructured); ok {
		if a, ok := anchorOf(u); ok {
			s.view.putAnchor(s.term, a)
		}
	}
	return nil
}

func (s *anchorStore) Update(o any) error { return s.Add(o) }

func (s *anchorStore) Delete(o any) error {
	if u, ok := o.(*unstructured.Unstructured); ok {
		if a, ok := anchorOf(u); ok {
			s.view.removeAnchor(s.term, a.OwnerUID, a.ResourceVersion)
		}
	}
	return nil
}

func (s *anchorStore) Replace(all []any, version string) error {
	var found []core.Anchor
	for _, o := range all {
		if u, ok := o.(*unstructured.Unstructured); ok {
			if a, ok := anchorOf(u); ok {
				found = append(found, a)
			}
		}
	}
	s.view.replaceAnchors(s.term, found, version)
	s.synced()
	return nil
}

func (s *anchorStore) Resync() error { return nil }

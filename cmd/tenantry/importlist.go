package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

const (
	// page is how many objects are asked for at once; listTimeout bounds one such request.
	page        = 500
	listTimeout = time.Minute
)

// listed are all objects of some kinds, and the kinds of which nothing can be told.
type listed struct {
	objects             []map[string]any
	unserved, forbidden []string
}

// list reads all objects of some kinds from the shard. Nothing is written.
func (i *importer) list(ctx context.Context, kinds []render.ObjectID) (*listed, error) {
	config, err := i.reach(i.shard)
	if err != nil {
		return nil, err
	}
	config.Timeout = listTimeout
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach shard %s: %w", i.shard, err)
	}
	known, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach shard %s: %w", i.shard, err)
	}
	task := i.progress.begin("read the shard")
	defer task.end()
	found := &listed{}
	for _, kind := range kinds {
		resource, err := resourceOf(known, kind)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", kind.KindName(), err)
		}
		if resource == nil {
			found.unserved = append(found.unserved, kind.KindName())
			continue
		}
		at := client.Resource(schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: resource.Name})
		from := []dynamic.ResourceInterface{at}
		if len(i.namespaces) > 0 && resource.Namespaced {
			from = nil
			for _, namespace := range i.namespaces {
				from = append(from, at.Namespace(namespace))
			}
		}
		for _, at := range from {
			some, err := all(ctx, at)
			if apierrors.IsForbidden(err) {
				found.forbidden = append(found.forbidden, kind.KindName())
				break
			}
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", kind.KindName(), err)
			}
			found.objects = append(found.objects, some...)
		}
	}
	return found, nil
}

// reach gives how a shard is reached, by the daemon's own rules.
func (c *config) reach(name string) (*rest.Config, error) {
	sources, err := shard.FromKubeconfigDir(c.kubeconfigs)
	source := sources[name]
	if source == nil && err != nil {
		return nil, err
	}
	if source == nil {
		return nil, hint(fmt.Errorf("no kubeconfig of shard %q in %s", name, c.kubeconfigs),
			"a file there is named after its shard: eu-1.kubeconfig")
	}
	config, _, err := source.Config()
	if err != nil {
		return nil, fmt.Errorf("reach shard %s: %w", name, err)
	}
	return rest.CopyConfig(config), nil
}

// resourceOf is what a shard calls a kind in its paths; nil when it does not serve it.
func resourceOf(known *discovery.DiscoveryClient, kind render.ObjectID) (*metav1.APIResource, error) {
	all, err := known.ServerResourcesForGroupVersion(schema.GroupVersion{Group: kind.Group, Version: kind.Version}.String())
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, r := range all.APIResources {
		if r.Kind == kind.Kind && !strings.Contains(r.Name, "/") {
			return &r, nil
		}
	}
	return nil, nil
}

// all gives every object of a list, page by page.
func all(ctx context.Context, from dynamic.ResourceInterface) (objects []map[string]any, err error) {
	options := metav1.ListOptions{Limit: page}
	for {
		list, err := from.List(ctx, options)
		if err != nil {
			return nil, err
		}
		for _, o := range list.Items {
			objects = append(objects, o.Object)
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return objects, nil
		}
	}
}

package lease

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// remote is a real API server.
type remote struct {
	leases     coordinationclient.LeaseInterface
	namespaces coreclient.NamespaceInterface
}

// connect makes clients with a connection of their own: a renewal must not queue
// behind ten thousand listed objects.
func connect(cfg *rest.Config) (*remote, error) {
	http, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	leases, err := coordinationclient.NewForConfigAndClient(cfg, http)
	if err != nil {
		return nil, err
	}
	core, err := coreclient.NewForConfigAndClient(cfg, http)
	if err != nil {
		return nil, err
	}
	return &remote{leases: leases.Leases(Namespace), namespaces: core.Namespaces()}, nil
}

func (c *remote) identity(ctx context.Context) (string, error) {
	ns, err := c.namespaces.Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read the cluster's identity (namespace kube-system): %w", err)
	}
	return string(ns.UID), nil
}

func (c *remote) get(ctx context.Context) (*coordinationv1.Lease, error) {
	l, err := c.leases.Get(ctx, Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read lease %s/%s: %w", Namespace, Name, err)
	}
	return l, nil
}

func (c *remote) put(ctx context.Context, l *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	var stored *coordinationv1.Lease
	var err error
	if l.UID == "" {
		stored, err = c.create(ctx, l)
	} else {
		stored, err = c.leases.Update(ctx, l, metav1.UpdateOptions{FieldManager: manager})
		if apierrors.IsNotFound(err) {
			return nil, errConflict // it was deleted
		}
	}
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return nil, errConflict
	case err != nil:
		return nil, fmt.Errorf("write lease %s/%s: %w", Namespace, Name, err)
	}
	return stored, nil
}

func (c *remote) create(ctx context.Context, l *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	options := metav1.CreateOptions{FieldManager: manager}
	stored, err := c.leases.Create(ctx, l, options)
	if !apierrors.IsNotFound(err) {
		return stored, err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: map[string]string{labelManagedBy: manager}}}
	if _, err := c.namespaces.Create(ctx, ns, options); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("create namespace %s: %w", Namespace, err)
	}
	return c.leases.Create(ctx, l, options)
}

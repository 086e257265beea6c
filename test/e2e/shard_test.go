package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/test/cluster"
)

// shard is a management cluster as its administrator sees it.
type shard struct {
	name    string
	pool    string
	cluster *cluster.Cluster
	config  *rest.Config
	client  dynamic.Interface
	// kubeconfig is the file that the daemon is given, with no more rights than
	// examples/install/shard gives.
	kubeconfig string
}

func open(t *testing.T, c *cluster.Cluster, name string) *shard {
	t.Helper()
	info := c.Shard(t, name)
	s := &shard{name: name, pool: info.AddressPool, cluster: c, config: info.Config(t), kubeconfig: c.Admit(t, name)}
	client, err := dynamic.NewForConfig(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	return s
}

// resources of the kinds that tests look at, by kind.
func resource(kind string) schema.GroupVersionResource {
	group, version := "", "v1"
	switch kind {
	case "Deployment", "StatefulSet":
		group = "apps"
	case "Job":
		group = "batch"
	case "Lease":
		group = "coordination.k8s.io"
	case "Certificate", "Issuer", "ClusterIssuer":
		group = "cert-manager.io"
	case "TenantControlPlane", "DataStore":
		group, version = "kamaji.clastix.io", "v1alpha1"
	case "NetworkPolicy":
		return schema.GroupVersionResource{Group: "networking.k8s.io", Version: version, Resource: "networkpolicies"}
	}
	return schema.GroupVersionResource{Group: group, Version: version, Resource: strings.ToLower(kind) + "s"}
}

// get reads an object; nil when it is not there. The name is NAMESPACE/NAME, or
// NAME of a cluster's own.
func (s *shard) get(kind, name string) (*unstructured.Unstructured, error) {
	namespace, name := split(name)
	got, err := s.client.Resource(resource(kind)).Namespace(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return got, err
}

// there reads an object that has to be there.
func (s *shard) there(kind, name string) (*unstructured.Unstructured, error) {
	got, err := s.get(kind, name)
	if err == nil && got == nil {
		err = fmt.Errorf("there is no %s %s on shard %s", kind, name, s.name)
	}
	return got, err
}

// absent tells whether an object is gone.
func (s *shard) absent(kind, name string) error {
	got, err := s.get(kind, name)
	if err == nil && got != nil {
		err = fmt.Errorf("%s %s is still on shard %s", kind, name, s.name)
	}
	return err
}

// list gives the objects of a kind that carry a tenant's or datastore's uid.
func (s *shard) list(kind, uid string) ([]unstructured.Unstructured, error) {
	l, err := s.client.Resource(resource(kind)).List(context.Background(), metav1.ListOptions{LabelSelector: "tenantry.io/uid=" + uid})
	if err != nil {
		return nil, err
	}
	return l.Items, nil
}

// delete removes an object as a person would.
func (s *shard) delete(t *testing.T, kind, name string) {
	t.Helper()
	namespace, name := split(name)
	err := s.client.Resource(resource(kind)).Namespace(namespace).Delete(context.Background(), name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
}

// forget has the shard's Lease deleted, which remembers another test's ledger.
func (s *shard) forget(t *testing.T) {
	t.Helper()
	s.delete(t, "Lease", "tenantry-system/tenantry")
}

// versions gives the uid and resourceVersion of everything that a tenant has, by
// kind and name: nothing was written when they are the same later.
func (s *shard) versions(t *testing.T, uid string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, kind := range []string{"Namespace", "ConfigMap", "Service", "Deployment", "Job", "Certificate", "Issuer", "NetworkPolicy"} {
		items, err := s.list(kind, uid)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range items {
			if o.GetNamespace() != "tenantry-system" {
				all[kind+" "+o.GetNamespace()+"/"+o.GetName()] = string(o.GetUID()) + " " + ownWrite(o)
			}
		}
	}
	return all
}

// ownWrite is when the product last wrote an object: others write statuses.
func ownWrite(o unstructured.Unstructured) string {
	for _, f := range o.GetManagedFields() {
		if f.Manager == "tenantry" && f.Subresource == "" {
			return f.Time.UTC().Format("15:04:05")
		}
	}
	return "never"
}

func split(name string) (namespace, rest string) {
	if namespace, rest, found := strings.Cut(name, "/"); found {
		return namespace, rest
	}
	return "", name
}

// field reads a value of an object; nil when there is none.
func field(o *unstructured.Unstructured, path ...string) any {
	v, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...) // of another shape: not there
	return v
}

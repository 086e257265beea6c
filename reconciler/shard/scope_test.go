package shard_test

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// A class may bring kinds of which nobody could tell beforehand that they belong to the
// whole cluster: an API server would drop the namespace without a word.
func TestNothingLeavesItsNamespace(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	id := render.ObjectID{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass", Namespace: ns, Name: ns}
	object := rendered(t, owner, id, map[string]any{"provisioner": "example.com/none"})
	f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	if len(f) != 1 || f[0].ID != id || f[0].Reason != shard.ReasonInvalid {
		t.Errorf("failures are %+v", f)
	}
	if _, err := e.client.StorageV1().StorageClasses().Get(t.Context(), ns, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("looking for it gives %v", err)
	}
}

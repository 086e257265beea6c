package simulation

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

var leaseKey = apiserver.Key{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Namespace: lease.Namespace, Name: lease.Name}

// asks takes in what a replica asks of a cluster, as it is sent. Some of what must hold
// shows there alone: what would have gone wrong had somebody else been faster.
func (j *judge) asks(x *exchange) {
	c := j.w.clusters[x.target]
	if c == nil || !x.writes() {
		return
	}
	if !strings.Contains(x.req.URL.Path, "/leases") && !strings.HasSuffix(x.req.URL.Path, "/api/v1/namespaces") {
		j.guarded(c, x)
	}
	switch {
	case x.req.Method == http.MethodDelete:
		var o metav1.DeleteOptions
		if json.Unmarshal(x.body, &o) != nil || o.Preconditions == nil || o.Preconditions.UID == nil || o.Preconditions.ResourceVersion == nil {
			j.violate("Preconditions", "%s names neither uid nor resourceVersion", x)
		}
	case x.req.Method == http.MethodPatch && x.req.URL.Query().Get("force") == "true":
		var o metav1.PartialObjectMetadata
		if json.Unmarshal(x.body, &o) != nil || o.UID == "" {
			j.violate("Preconditions", "%s is forced upon whatever is there", x)
		}
	}
}

// guarded judges whether a write is asked for under the cluster's Lease: by whoever holds
// it, and so that it ends before it does.
func (j *judge) guarded(c *cluster, x *exchange) {
	object := c.server.Get(leaseKey)
	if object == nil || meddled(object) {
		return // people have taken it away, or rewritten it
	}
	var l coordinationv1.Lease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &l); err != nil {
		j.violate("Lease", "on %s it cannot be read: %v", c.name, err)
		return
	}
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity != x.life.id {
		j.violate("Lease", "%s, but the Lease is not its own", x)
		return
	}
	if l.Spec.RenewTime == nil || l.Spec.LeaseDurationSeconds == nil {
		return
	}
	end := l.Spec.RenewTime.Add(time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second)
	if until, ok := x.req.Context().Deadline(); !ok || until.After(end) {
		j.violate("Lease", "%s may end at %v, after the Lease has at %v", x, until, end)
	}
}

// meddled tells whether somebody else than a replica has ever written an object.
func meddled(o apiserver.Object) bool {
	u := unstructured.Unstructured{Object: o}
	return slices.ContainsFunc(u.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return e.Manager != render.FieldManager })
}

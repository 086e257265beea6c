package simulation

import (
	"encoding/json"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// asks takes in what a replica asks of a cluster, as it is sent. Some of what must hold
// shows there alone: what would have gone wrong had somebody else been faster.
func (j *judge) asks(x *exchange) {
	c := j.w.clusters[x.target]
	if c == nil || !x.writes() {
		return
	}
	switch {
	case x.req.Method == http.MethodDelete:
		var o metav1.DeleteOptions
		if json.Unmarshal(x.body, &o) != nil || o.Preconditions == nil || o.Preconditions.UID == nil || o.Preconditions.ResourceVersion == nil {
			j.violate("Preconditions", "%s does not name both uid and resourceVersion", x)
		}
	case x.req.Method == http.MethodPatch && x.req.URL.Query().Get("force") == "true":
		var o metav1.PartialObjectMetadata
		if json.Unmarshal(x.body, &o) != nil || o.UID == "" {
			j.violate("Preconditions", "%s is forced upon whatever is there", x)
		}
	}
	r := j.guard(c)
	if r.holder != x.life.id || r.foreign || strings.Contains(x.req.URL.Path, "/leases") || strings.HasSuffix(x.req.URL.Path, "/namespaces") {
		return // it shows when it is carried out; the Lease itself may be asked for by all
	}
	end := r.terms[r.holder].sent.Add(r.duration)
	if until, ok := x.req.Context().Deadline(); !ok || until.After(end) {
		j.violate("Lease", "%s may end at %v, but the Lease was renewed to hold until %v", x, until, end)
	}
}

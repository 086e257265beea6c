package simulation

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
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

// idle takes in a request that has changed nothing. Who knows what is there asks for
// nothing that is so already; but what was written lately may not be known yet.
func (j *judge) idle(c *cluster, x *exchange, answer *http.Response) {
	if c.server.Admit != nil || c.server.Stale != nil {
		return
	}
	latest := time.Now().Add(-j.window())
	switch {
	case x.req.Method == http.MethodPatch && x.req.URL.Query().Get("force") == "true" && answer.StatusCode == http.StatusOK:
		body, err := io.ReadAll(answer.Body)
		answer.Body = io.NopCloser(bytes.NewReader(body))
		var o metav1.PartialObjectMetadata
		if err != nil || json.Unmarshal(body, &o) != nil {
			return
		}
		for _, e := range o.ManagedFields {
			if e.Time == nil || e.Time.After(latest) {
				return
			}
		}
		j.violate("Needless", "%s is as it has been for long", x)
	case x.req.Method == http.MethodPost && answer.StatusCode == http.StatusConflict:
		var o metav1.PartialObjectMetadata
		if json.Unmarshal(x.body, &o) != nil {
			return
		}
		there := mapping(c.server.Get(apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: o.Namespace, Name: o.Name}), "metadata")
		made, _ := there["creationTimestamp"].(string)
		if at, err := time.Parse(time.RFC3339, made); err == nil && at.Before(latest) {
			j.violate("Needless", "%s, but %s has been there since %v", x, o.Name, at)
		}
	}
}

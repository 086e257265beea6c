package shard

import (
	"fmt"
	"net/http"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// inspect looks at one Secret, and answers.
func (s *Shard) inspect(j job) {
	e := *j.inspect
	answer := core.Inspected{Shard: s.name, Owner: e.Owner, Revision: e.Revision, Failure: noLease()}
	if s.enter(j.term) {
		found, err := j.term.inspect(e.Secret)
		answer.Certificate = found
		answer.Failure = failure(secretID(e.Secret), err)
		s.running.Done()
	}
	s.outbox.control(answer)
}

// inspect reads the client certificate of a kubeconfig that somebody else made.
func (t *term) inspect(key render.SecretKey) (*core.Certificate, error) {
	id := secretID(key)
	found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: id})
	switch {
	case isNotFound(err):
		return nil, &problem{ReasonNotFound, fmt.Sprintf("%s is not there", id)}
	case err != nil:
		return nil, err
	}
	content, there := secretData(found.Object)[key.Key]
	if !there {
		return nil, &problem{ReasonNotFound, fmt.Sprintf("%s has no %s", id, key.Key)}
	}
	c := leaf(clientCertificate(content))
	if c == nil {
		return nil, &problem{ReasonInvalid, fmt.Sprintf("%s of %s is no kubeconfig with a client certificate", key.Key, id)}
	}
	return c, nil
}

func secretID(key render.SecretKey) render.ObjectID {
	return render.ObjectID{Version: "v1", Kind: "Secret", Namespace: key.Namespace, Name: key.Name}
}

// noLease is why work is refused that was asked for in another term, or in none.
func noLease() *core.Failure {
	return &core.Failure{
		Reason:  ReasonNoLease,
		Message: "this replica does not hold the shard's Lease, or acquired it anew since this was decided",
	}
}

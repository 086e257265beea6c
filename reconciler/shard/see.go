package shard

import (
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// see looks at the Secrets that a datastore refers to, and answers.
func (s *Shard) see(j job) {
	e := *j.see
	answer := core.SecretsSeen{Shard: s.name, Owner: e.Owner, Failure: noLease()}
	if s.enter(j.term) {
		answer.Secrets, answer.Failure = j.term.see(e.Keys), nil
		s.running.Done()
	}
	s.outbox.control(answer)
}

// see gives each Secret once, in the order in which keys name them.
func (t *term) see(keys []render.SecretKey) []core.SecretSeen {
	var all []core.SecretSeen
	for _, key := range keys {
		same := func(s core.SecretSeen) bool { return s.Namespace == key.Namespace && s.Name == key.Name }
		if slices.ContainsFunc(all, same) {
			continue
		}
		seen := core.SecretSeen{Namespace: key.Namespace, Name: key.Name}
		found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: secretID(key)})
		switch {
		case isNotFound(err):
			seen.Missing = true
		case err != nil:
			seen.Failure = failure(secretID(key), err)
		default:
			seen.Written = dataWritten(found)
			data := secretData(found.Object)
			for _, k := range keys {
				if same(core.SecretSeen{Namespace: k.Namespace, Name: k.Name}) && len(data[k.Key]) == 0 {
					seen.Lacks = append(seen.Lacks, k.Key)
				}
			}
		}
		all = append(all, seen)
	}
	return all
}

// dataWritten is when a Secret's data was last written, as managedFields tell; whoever
// writes what is there already changes nothing of it.
func dataWritten(secret *unstructured.Unstructured) time.Time {
	last := secret.GetCreationTimestamp().Time
	for _, entry := range secret.GetManagedFields() {
		if entry.Time != nil && entry.Time.After(last) && ofData(setOf(&entry)) {
			last = entry.Time.Time
		}
	}
	return last
}

func ofData(fields *fieldpath.Set) bool {
	name := "data"
	data := fieldpath.PathElement{FieldName: &name}
	return fields.Members.Has(data) || !fields.WithPrefix(data).Empty()
}

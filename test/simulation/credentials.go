package simulation

import (
	"encoding/base64"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// credentials are the Secret that datastores which run elsewhere refer to.
func credentials() apiserver.Object {
	return apiserver.Object{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "db", "namespace": "data"},
		"data": map[string]any{"u": inBase64("tenantry"), "p": inBase64(canary)},
	}
}

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// credentials [cluster=] how=gone|key|changed for=: people remove what a datastore refers
// to, or a part of it, or write another password.
func (w *world) credentialsHurt(a Act) {
	c := w.cluster(a)
	u := &unstructured.Unstructured{Object: credentials()}
	key := keyOfObject(u)
	if c.server.Get(key) == nil {
		return
	}
	var err error
	data := u.Object["data"].(map[string]any)
	switch a.Args["how"] {
	case "gone":
		err = c.server.Delete(key)
	case "key":
		delete(data, "p")
		_, err = c.server.Write("kubectl-edit", "", u.Object)
	default:
		data["p"] = inBase64(canary + " that sings")
		_, err = c.server.Write("kubectl-edit", "", u.Object)
	}
	w.did(u, err)
	w.lasts(a, func() {
		back := &unstructured.Unstructured{Object: credentials()}
		_, err := c.server.Write("kubectl-edit", "", back.Object)
		w.did(back, err)
	})
}

// credentialsUnequal: a status tells when the Secret of a datastore was written, once that
// is longer ago than anybody looks away.
func (j *judge) credentialsUnequal(shard string, ds core.DataStoreStatus) string {
	e := j.tip().DataStores[ds.Name]
	if e == nil || e.Provider != "kamaji" {
		return ""
	}
	var written time.Time
	have := unstructured.Unstructured{Object: j.w.clusters[j.clusterOf(shard)].server.Get(keyOfObject(&unstructured.Unstructured{Object: credentials()}))}
	for _, m := range have.GetManagedFields() {
		if m.Time.After(written) {
			written = m.Time.Time
		}
	}
	if len(ds.Secrets) == 1 && ds.Secrets[0].Name == "data/db" && ds.Secrets[0].Written != nil && ds.Secrets[0].Written.Equal(written) {
		return ""
	}
	return fmt.Sprintf("shard %s says of the Secrets of datastore %s %+v; data/db was written at %v", shard, ds.Name, ds.Secrets, written)
}

package shard_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// inspect has a Secret looked at, and gives the answer.
func (e *edge) inspect(owner render.Owner, secret render.SecretKey, revision string) core.Inspected {
	e.t.Helper()
	from := e.count()
	e.shard.Handle(core.Inspect{Shard: "eu-1", Owner: owner, Secret: secret, Revision: revision})
	var answer core.Inspected
	e.until("Inspected", func() bool {
		for _, event := range e.events[from:] {
			if i, ok := event.(core.Inspected); ok && i.Owner == owner {
				answer = i
				return true
			}
		}
		return false
	})
	return answer
}

func TestInspect(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{"v1/Secret"})
	owner, ns := e.tenant("acme")
	key := render.SecretKey{Namespace: ns, Name: "acme-admin-kubeconfig", Key: "admin.conf"}

	if got := e.inspect(owner, key, "r1"); got.Failure == nil || got.Failure.Reason != "NotFound" || got.Revision != "r1" {
		t.Errorf("of what is not there: %+v", got)
	}
	expiry := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	data, fingerprint := issued(t, expiry)
	conf, err := clientcmd.Write(clientcmdapi.Config{
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"a": {ClientCertificateData: data["tls.crt"], ClientKeyData: data["tls.key"]}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {AuthInfo: "a"}},
		CurrentContext: "c",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.client.CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: key.Name}, Data: map[string][]byte{key.Key: conf, "other": []byte("sesame")},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := e.inspect(owner, key, "r2")
	if got.Failure != nil || got.Certificate == nil || got.Certificate.Fingerprint != fingerprint || !got.Certificate.NotAfter.Equal(expiry) || got.Revision != "r2" || got.Shard != "eu-1" {
		t.Errorf("reported %+v, %+v", got, got.Failure)
	}
	if e.seen(render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: key.Name}) != nil {
		t.Error("a Secret that is not ours is reported as an object")
	}

	lacking := key
	lacking.Key = "super-admin.conf"
	if got := e.inspect(owner, lacking, "r3"); got.Failure == nil || !strings.Contains(got.Failure.Message, "has no super-admin.conf") {
		t.Errorf("of a key that is not there: %+v", got)
	}
	other := key
	other.Key = "other"
	if got := e.inspect(owner, other, "r4"); got.Failure == nil || got.Failure.Reason != "Invalid" || strings.Contains(got.Failure.Message, "sesame") {
		t.Errorf("of what is no kubeconfig: %+v", got.Failure)
	}
	e.keeper.set(core.Lease{Shard: "eu-1", Identity: "this-cluster", Holder: "somebody"})
	e.until("the lease's end", func() bool { return !last[core.Lease](e).Held })
	if got := e.inspect(owner, key, "r5"); got.Failure == nil || got.Failure.Reason != "NoLease" || got.Certificate != nil {
		t.Errorf("without the lease: %+v", got)
	}
}

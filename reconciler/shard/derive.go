package shard

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

const (
	// secretType and labelCluster are what Cluster API gives a kubeconfig's Secret,
	// so that its tools find ours, too.
	secretType   = "cluster.x-k8s.io/secret"
	labelCluster = "cluster.x-k8s.io/cluster-name"
)

// derive makes a kubeconfig's Secret from a certificate's.
func (t *term) derive(w *core.Work, d core.Derive) (*core.Failure, *core.Healed) {
	h, err := t.deriveSecret(w, d)
	return failure(d.Derived.ID, err), h
}

func (t *term) deriveSecret(w *core.Work, d core.Derive) (*core.Healed, error) {
	found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: d.Derived.Certificate})
	switch {
	case isNotFound(err):
		return nil, &problem{ReasonNotFound, fmt.Sprintf("%s, which it is made of, is not there", d.Derived.Certificate)}
	case err != nil:
		return nil, err
	}
	data := secretData(found.Object)
	if hash(data) != d.Source {
		t.saw(observe(d.Derived.Certificate, found, false))
		return nil, &problem{ReasonConflict, fmt.Sprintf("%s, which it is made of, has changed since this was decided", d.Derived.Certificate)}
	}
	content, err := kubeconfig(d.Derived, data)
	if err != nil {
		return nil, err
	}
	return t.write(w, writing{id: d.Derived.ID, uid: d.UID, digest: d.Digest, object: derivedSecret(w.Owner, d, content), heals: d.Heals})
}

// kubeconfig builds the credentials of one user of one cluster, self-contained.
func kubeconfig(d render.Derived, certificate map[string][]byte) ([]byte, error) {
	for _, key := range []string{"ca.crt", "tls.crt", "tls.key"} {
		if len(certificate[key]) == 0 {
			return nil, &problem{ReasonInvalid, fmt.Sprintf("%s, which it is made of, has no %s", d.Certificate, key)}
		}
	}
	context := d.User + "@" + d.Cluster
	content, err := clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			d.Cluster: {Server: d.Server, CertificateAuthorityData: certificate["ca.crt"]},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			d.User: {ClientCertificateData: certificate["tls.crt"], ClientKeyData: certificate["tls.key"]},
		},
		Contexts:       map[string]*clientcmdapi.Context{context: {Cluster: d.Cluster, AuthInfo: d.User}},
		CurrentContext: context,
	})
	if err != nil {
		return nil, &problem{ReasonInternal, "the kubeconfig cannot be written"}
	}
	return content, nil
}

// derivedSecret is the Secret to be applied, with ownership on it as rendered
// objects have it.
func derivedSecret(o render.Owner, d core.Derive, content []byte) map[string]any {
	id := d.Derived.ID
	named := render.LabelTenant
	if o.Kind == render.OwnerDataStore {
		named = render.LabelDataStore
	}
	return map[string]any{
		"apiVersion": apiVersion(id),
		"kind":       id.Kind,
		"metadata": map[string]any{
			"name":      id.Name,
			"namespace": id.Namespace,
			"labels": map[string]any{
				render.LabelUID: o.UID, named: o.Name, render.LabelManagedBy: render.FieldManager, labelCluster: o.Name,
			},
			"annotations": map[string]any{render.AnnotationObject: id.String(), render.AnnotationDigest: d.Digest},
		},
		"type": secretType,
		"data": map[string]any{d.Derived.Key: base64.StdEncoding.EncodeToString(content)},
	}
}

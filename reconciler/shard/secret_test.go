package shard_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

const secrets = "v1/Secret"

// issued is what an issuer leaves in a kubernetes.io/tls Secret.
func issued(t *testing.T, notAfter time.Time) (data map[string][]byte, fingerprint string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "admin"}, NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return map[string][]byte{
		"tls.crt": crt, "ca.crt": crt, "tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, hex.EncodeToString(sum[:])
}

// hashed is the hash as docs/formats.md would have anybody compute it.
func hashed(data map[string][]byte) string {
	var b []byte
	for _, k := range slices.Sorted(maps.Keys(data)) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(k)))
		b = append(b, k...)
		b = binary.BigEndian.AppendUint64(b, uint64(len(data[k])))
		b = append(b, data[k]...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestDerivedKubeconfigFollowsRotation(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{secrets}, secrets)
	owner, ns := e.tenant("acme")
	expiry := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	data, fingerprint := issued(t, expiry)
	source, err := e.client.CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "admin-tls", Labels: map[string]string{render.LabelUID: owner.UID}},
		Type:       corev1.SecretTypeTLS, Data: data,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	derived := render.Derived{
		ID:          render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: owner.Name + "-kubeconfig"},
		Key:         "value",
		Certificate: render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: "admin-tls"},
		Server:      "https://10.0.0.7:6443", Cluster: owner.Name, User: "admin",
	}
	e.until("the certificate", func() bool { return e.objects[derived.Certificate.String()] != nil })
	seen := e.seen(derived.Certificate)
	if seen.Data != hashed(data) || seen.Content != nil || seen.Owned() {
		t.Errorf("the certificate is reported as %+v", seen)
	}
	if c := seen.Certificate; c == nil || c.Fingerprint != fingerprint || !c.NotAfter.Equal(expiry) {
		t.Errorf("its certificate is %+v", c)
	}

	derive := func(uid, source, digest string) []core.Failure {
		return e.do(core.Work{Owner: owner, Epoch: 2, Derive: []core.Derive{{Derived: derived, UID: uid, Source: source, Digest: digest}}})
	}
	if f := derive("", "another", "d1"); len(f) != 1 || f[0].Reason != "Conflict" || f[0].ID != derived.ID {
		t.Errorf("of another certificate: %+v", f)
	}
	if f := derive("", seen.Data, "d1"); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	made := e.seen(derived.ID)
	if !made.Owned() || made.Digest != "d1" || made.Epoch != 2 || made.Certificate == nil || made.Certificate.Fingerprint != fingerprint || made.Content != nil {
		t.Errorf("the kubeconfig is reported as %+v", made)
	}
	check := func(data map[string][]byte) {
		t.Helper()
		stored, err := e.client.CoreV1().Secrets(ns).Get(t.Context(), derived.ID.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if stored.Type != "cluster.x-k8s.io/secret" || stored.Labels["cluster.x-k8s.io/cluster-name"] != owner.Name || stored.Labels[render.LabelTenant] != owner.Name {
			t.Errorf("stored as %s with %v", stored.Type, stored.Labels)
		}
		cfg, err := clientcmd.RESTConfigFromKubeConfig(stored.Data["value"])
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Host != derived.Server || string(cfg.KeyData) != string(data["tls.key"]) || string(cfg.CertData) != string(data["tls.crt"]) || string(cfg.CAData) != string(data["ca.crt"]) {
			t.Error("the kubeconfig holds something else")
		}
	}
	check(data)

	// The issuer rotates; the core is told, and has it derived anew.
	rotated, fresh := issued(t, expiry.Add(time.Hour))
	source.Data = rotated
	if _, err := e.client.CoreV1().Secrets(ns).Update(t.Context(), source, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("the rotated certificate", func() bool {
		return e.objects[derived.Certificate.String()].Certificate.Fingerprint == fresh
	})
	if f := derive(made.UID, hashed(rotated), "d2"); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	check(rotated)
	if o := e.seen(derived.ID); o.UID != made.UID || o.Digest != "d2" || o.Certificate.Fingerprint != fresh {
		t.Errorf("the kubeconfig is reported as %+v", o)
	}

	// A certificate that lacks a part makes no kubeconfig, and says which.
	delete(rotated, "ca.crt")
	source.Data, source.ResourceVersion = rotated, ""
	if _, err := e.client.CoreV1().Secrets(ns).Update(t.Context(), source, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if f := derive(made.UID, hashed(rotated), "d3"); len(f) != 1 || f[0].Reason != "Invalid" || !strings.Contains(f[0].Message, "has no ca.crt") {
		t.Errorf("without ca.crt: %+v", f)
	}
}

func TestSecretsStay(t *testing.T) {
	const canary = "canary-in-the-mine"
	e := begin(t, config(t))
	e.watch([]string{secrets, configMaps}, secrets, configMaps)
	owner, ns := e.tenant("acme")
	id := func(name string) render.ObjectID {
		return render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: name}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	good := rendered(t, owner, id("good"), map[string]any{"data": map[string]any{"password": encoded}})
	bad := []render.Object{
		rendered(t, owner, id("bad-base64"), map[string]any{"data": map[string]any{"password": canary + "%%"}}),
		rendered(t, owner, id("bad-key"), map[string]any{"data": map[string]any{"no key": encoded}}),
		rendered(t, owner, id("bad-type"), map[string]any{"type": "kubernetes.io/tls", "data": map[string]any{"password": encoded}}),
		rendered(t, owner, id("bad-shape"), map[string]any{"data": map[string]any{"password": map[string]any{canary: 1}}}),
		rendered(t, owner, id("bad-string"), map[string]any{"stringData": map[string]any{"no key": canary}}),
		rendered(t, owner, id("bad-dockercfg"), map[string]any{"type": "kubernetes.io/dockerconfigjson", "data": map[string]any{".dockerconfigjson": encoded}}),
	}
	apply := []core.Apply{{Object: good, Judged: true}}
	for _, o := range bad {
		apply = append(apply, core.Apply{Object: o, Judged: true})
	}
	failures := e.do(core.Work{Owner: owner, Epoch: 1, Apply: apply})
	if len(failures) != len(bad) {
		t.Errorf("failures are %+v", failures)
	}
	for _, f := range failures {
		if f.Reason != "Invalid" && f.Reason != "Unavailable" {
			t.Errorf("%s failed as %s: %s", f.ID, f.Reason, f.Message)
		}
	}
	if _, err := e.client.CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "theirs", Labels: map[string]string{render.LabelUID: owner.UID}},
		StringData: map[string]string{"value": canary, "tls.crt": canary},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("both Secrets", func() bool { return e.objects[id("good").String()] != nil && e.objects[id("theirs").String()] != nil })
	e.stop()
	var told strings.Builder
	for _, event := range e.events {
		fmt.Fprintf(&told, "%+v\n", event)
		if o, ok := event.(core.Observed); ok {
			for _, o := range o.Objects {
				fmt.Fprintf(&told, "%+v\n", *o)
			}
		}
	}
	told.WriteString(e.logs.String())
	for _, secret := range []string{canary, encoded} {
		if i := strings.Index(told.String(), secret); i >= 0 {
			t.Errorf("told: …%s…", told.String()[max(0, i-300):min(i+100, told.Len())])
		}
	}
}

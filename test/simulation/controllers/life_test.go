package controllers

import (
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// decoded is a value of a Secret.
func (w *world) decoded(secret apiserver.Key, name string) []byte {
	w.t.Helper()
	o := w.server.Get(secret)
	if o == nil {
		w.t.Fatalf("%v is not there", secret)
	}
	value, err := base64.StdEncoding.DecodeString(text(o, "data", name))
	if err != nil || len(value) == 0 {
		w.t.Fatalf("%v has no %s: %v", secret, name, err)
	}
	return value
}

func TestCertificatesAreReal(t *testing.T) {
	w, _, tenant := built(t, "native")
	seen := map[string]bool{}
	for _, o := range tenant.Objects {
		if o.ID.Kind != "Certificate" {
			continue
		}
		secret := core("Secret", o.ID.Namespace, text(w.server.Get(apiserver.Key(o.ID)), "spec", "secretName"))
		if _, err := tls.X509KeyPair(w.decoded(secret, "tls.crt"), w.decoded(secret, "tls.key")); err != nil {
			t.Errorf("%v: %v", secret, err)
		}
		w.decoded(secret, "ca.crt")
		seen[string(w.decoded(secret, "tls.key"))] = true
	}
	if len(seen) < 5 {
		t.Errorf("a tenant's certificates have %d keys", len(seen))
	}
}

// TestPairs: all keys and certificates differ, and are the same ones at any time.
func TestPairs(t *testing.T) {
	seen := map[string]bool{}
	for k, all := range pairs().material {
		for n, m := range all {
			if again := newMaterial(privateKey(k), k, n); again != m {
				t.Errorf("certificate %d of key %d is another one each time", n, k)
			}
			if seen[m.certificate] || n == 0 && seen[m.key] {
				t.Errorf("certificate %d of key %d is that of another", n, k)
			}
			seen[m.certificate], seen[m.key] = true, true
		}
	}
}

// TestRotate: a renewed certificate has a new key, unless its key is never to change.
func TestRotate(t *testing.T) {
	w, store, tenant := built(t, "native")
	for name, wantNew := range map[string]bool{"admin": true, "kubernetes-ca": false} {
		key := find(t, tenant, "Certificate", name)
		secret := core("Secret", key.Namespace, text(w.server.Get(key), "spec", "secretName"))
		was, wasKey := w.decoded(secret, "tls.crt"), w.decoded(secret, "tls.key")
		w.play.Rotate(key)
		w.settle()
		if string(w.decoded(secret, "tls.crt")) == string(was) {
			t.Errorf("%s has the same certificate", name)
		}
		if isNew := string(w.decoded(secret, "tls.key")) != string(wasKey); isNew != wantNew {
			t.Errorf("%s has a new key: %v, want %v", name, isNew, wantNew)
		}
		if n := number(0, w.server.Get(key), "status", "revision"); n != 2 {
			t.Errorf("%s is at revision %d, want 2", name, n)
		}
	}
	w.wantCurrent(store, tenant)
}

// TestSecretsComeBack: what somebody does to a Secret is put right.
func TestSecretsComeBack(t *testing.T) {
	w, _, tenant := built(t, "native")
	admin := core("Secret", "tenant-acme", "admin")
	was := w.decoded(admin, "tls.key")
	w.remove(admin)
	w.settle()
	if string(w.decoded(admin, "tls.key")) == string(was) {
		t.Error("a Secret that was lost came back with the same key")
	}
	was = w.decoded(admin, "tls.key")
	w.change(admin, nil, "metadata", "labels", render.LabelUID)
	w.settle()
	if got := text(w.server.Get(admin), "metadata", "labels", render.LabelUID); got != tenant.Owner.UID {
		t.Errorf("the label came back as %q", got)
	}
	if string(w.decoded(admin, "tls.key")) != string(was) {
		t.Error("a lost label costs a new key")
	}
	w.change(admin, "Z2FyYmFnZQ==", "data", "tls.crt")
	w.settle()
	if _, err := tls.X509KeyPair(w.decoded(admin, "tls.crt"), w.decoded(admin, "tls.key")); err != nil {
		t.Errorf("garbage stays: %v", err)
	}
}

// TestReissue: a Certificate that wants something else gets it.
func TestReissue(t *testing.T) {
	w, _, tenant := built(t, "native")
	key, secret := find(t, tenant, "Certificate", "apiserver"), core("Secret", "tenant-acme", "apiserver")
	was := w.decoded(secret, "tls.crt")
	w.change(key, []any{"elsewhere.example"}, "spec", "dnsNames")
	w.settle()
	if string(w.decoded(secret, "tls.crt")) == string(was) {
		t.Error("the old certificate stays")
	}
}

// TestSecretOutlivesCertificate, and is taken up again by one of the same name.
func TestSecretOutlivesCertificate(t *testing.T) {
	w, _, tenant := built(t, "native")
	key, secret := find(t, tenant, "Certificate", "service-account"), core("Secret", "tenant-acme", "acme-sa")
	was := w.decoded(secret, "tls.key")
	w.remove(key)
	w.settle()
	w.apply(tenant)
	w.settle()
	if string(w.decoded(secret, "tls.key")) != string(was) {
		t.Error("the key of service accounts has changed")
	}
	if !holds(w.server.Get(key), "Ready") {
		t.Error("the new Certificate is not ready")
	}
}

// TestVolumesOutliveMembers: nobody but a person deletes a claim, and a claim in use stays.
func TestVolumesOutliveMembers(t *testing.T) {
	w, store, _ := built(t, "native")
	claims := func() (living, dying int) {
		for _, o := range w.server.List(core("PersistentVolumeClaim", "", "")) {
			if deleting(o) {
				dying++
			} else {
				living++
			}
		}
		return living, dying
	}
	w.remove(core("PersistentVolumeClaim", "datastore-eu-1-a", "data-etcd-1"))
	w.settle()
	if living, dying := claims(); living != 2 || dying != 1 {
		t.Errorf("%d claims live and %d end, want 2 and 1", living, dying)
	}
	w.remove(find(t, store, "StatefulSet", "etcd"))
	w.settle()
	if living, dying := claims(); living != 2 || dying != 0 {
		t.Errorf("%d claims live and %d end, want 2 and 0", living, dying)
	}
	w.apply(store)
	w.settle()
	w.wantCurrent(store)
	if living, _ := claims(); living != 3 {
		t.Errorf("%d claims live, want 3", living)
	}
}

// TestAddressOnce: an address that somebody has is waited for.
func TestAddressOnce(t *testing.T) {
	w, _, tenant := built(t, "native")
	service := func(name, annotations string) apiserver.Key {
		w.put("kubectl", `{"apiVersion":"v1","kind":"Service","metadata":{"name":"`+name+`","namespace":"data","annotations":{`+annotations+`}},
			"spec":{"type":"LoadBalancer","ports":[{"port":443,"protocol":"TCP"}]}}`)
		w.settle()
		return core("Service", "data", name)
	}
	rival := service("rival", `"metallb.io/loadBalancerIPs":"10.0.0.7"`)
	if got := ingress(w.server.Get(rival)); got != "" {
		t.Errorf("it got %s, which somebody has", got)
	}
	a, b := ingress(w.server.Get(service("a", ""))), ingress(w.server.Get(service("b", "")))
	if a == "" || b == "" || a == b {
		t.Errorf("two Services got %q and %q", a, b)
	}
	w.remove(find(t, tenant, "Service", "kube-apiserver"))
	w.settle()
	if got := ingress(w.server.Get(rival)); got != "10.0.0.7" {
		t.Errorf("the address is free, and it got %q", got)
	}
}

// words are the states that a control plane went through.
func (w *world) words() string {
	var all []string
	for _, c := range w.changes {
		if c.Key.Kind == "TenantControlPlane" && c.Is != nil && c.Subresource == "status" {
			all = append(all, word(c.Is))
		}
	}
	w.changes = nil
	return strings.Join(all, " ")
}

func TestControlPlaneStates(t *testing.T) {
	w, store, tenant := built(t, "kamaji")
	key := find(t, tenant, "TenantControlPlane", "acme")
	replicas := []string{"spec", "controlPlane", "deployment", "replicas"}
	if got, want := w.words(), "Provisioning NotReady Ready"; got != want {
		t.Errorf("it was %s, want %s", got, want)
	}
	if n := number(0, w.server.Get(key), "metadata", "generation"); n != 2 {
		t.Errorf("its generation is %d: Kamaji's own Update makes it 2", n)
	}
	w.change(key, int64(0), replicas...)
	w.settle()
	if h := w.judge(tenant); h.State != render.Current || !h.Asleep {
		t.Errorf("it does not sleep: %+v", h)
	}
	w.change(key, int64(1), replicas...)
	w.settle()
	if got, want := w.words(), "Sleeping NotReady Ready"; got != want {
		t.Errorf("it was %s, want %s", got, want)
	}
	w.change(key, "v1.37.0", "spec", "kubernetes", "version")
	w.settle()
	if h := w.judge(tenant); h.State != render.Current || h.Outputs["version"] != "v1.37.0" {
		t.Errorf("it is not upgraded: %+v", h)
	}
	w.change(key, int64(3), replicas...)
	w.settle()
	w.change(key, true, "spec", "writePermissions", "blockCreation")
	w.settle()
	if got, want := w.words(), "Upgrading Ready Unknown Ready Unknown WriteLimited"; got != want {
		t.Errorf("it was %s, want %s", got, want)
	}
	w.change(key, "", "metadata", "annotations", "kamaji.clastix.io/paused")
	w.change(key, int64(1), replicas...)
	w.settle()
	if h := w.judge(tenant); h.Reason != "Paused" {
		t.Errorf("it is paused, and %+v", h)
	}
	w.change(key, nil, "metadata", "annotations", "kamaji.clastix.io/paused")
	w.settle()
	w.wantCurrent(store, tenant)
}

// TestKubeconfig: Kamaji's has nobody's label, is one, and is told of when it is renewed.
func TestKubeconfig(t *testing.T) {
	w, store, tenant := built(t, "kamaji")
	secret := core("Secret", tenant.Kubeconfig.Namespace, tenant.Kubeconfig.Name)
	fingerprint := func() string {
		t.Helper()
		config, err := clientcmd.Load(w.decoded(secret, tenant.Kubeconfig.Key))
		if err != nil {
			t.Fatal(err)
		}
		user := config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo]
		if _, err := tls.X509KeyPair(user.ClientCertificateData, user.ClientKeyData); err != nil {
			t.Fatal(err)
		}
		return string(user.ClientCertificateData)
	}
	if label := at(w.server.Get(secret), "metadata", "labels", render.LabelUID); label != nil {
		t.Errorf("it has our label: %v", label)
	}
	was, wasRevision := fingerprint(), w.judge(tenant).Outputs["kubeconfig"]
	w.play.Rotate(find(t, tenant, "TenantControlPlane", ""))
	w.settle()
	if fingerprint() == was || w.judge(tenant).Outputs["kubeconfig"] == wasRevision {
		t.Error("it is not renewed, or that is not told")
	}
	w.remove(secret)
	w.settle()
	fingerprint()
	w.wantCurrent(store, tenant)
}

// TestDataStoreStaysWhileUsed: it ends when its last control plane is gone.
func TestDataStoreStaysWhileUsed(t *testing.T) {
	w, store, tenant := built(t, "kamaji")
	used, user := find(t, store, "DataStore", ""), find(t, tenant, "TenantControlPlane", "")
	w.remove(used)
	w.settle()
	if w.server.Get(used) == nil {
		t.Error("a datastore in use is gone")
	}
	w.remove(user)
	w.settle()
	if w.server.Get(used) != nil || w.server.Get(user) != nil {
		t.Error("it is still there")
	}
	if w.server.Get(core("Secret", "tenant-acme", "acme-admin-kubeconfig")) != nil {
		t.Error("what the control plane owned is still there")
	}
}

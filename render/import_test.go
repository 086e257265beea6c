package render

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

// importing is a provider whose description has an import section of a tenant.
func importingProvider(section string) fstest.MapFS {
	return fstest.MapFS{
		"providers/toy/kustomization.yaml": {Data: []byte("resources: []\n")},
		"providers/toy/provider.yaml": {Data: []byte(`apiVersion: tenantry.io/v1alpha1
kind: Provider
metadata: {name: toy}
baseVersion: "1"
tenant:
  kinds: [v1/ConfigMap]
  health:
  - {kind: v1/ConfigMap, name: "*", reason: There, current: "true", message: '"it is not there"'}
` + section)},
	}
}

// TestImportIsReadStrictly: what is wrong with the section is told where it stands.
func TestImportIsReadStrictly(t *testing.T) {
	_, findings, err := ReadProvider(importingProvider(`  import:
    kind: v1/Secret
    beside: [apps/v1, "apps/*/*"]
    when: object.metadata.name
    require: [{holds: tenant.x}]
    version: 1 + 1
    replicas: object.spec.replicas
    serviceCIDR: object.a
    podCIDR: ""
    spec: object.spec
    left:
    - {kind: v1/ConfigMap, fields: [status.x, "metadata.name", "spec.a.[b.c/d].e", metadata.labels], empty: yes}
    - {kind: v1/ConfigMap, fields: [], wen: "true"}
teardown:
  kinds: [v1/ConfigMap]
  health:
  - {kind: v1/ConfigMap, name: "*", reason: There, current: "true", message: '"x"'}
  import: {kind: v1/ConfigMap}
dataStore:
  external: true
  kinds: [v1/ConfigMap]
  health:
  - {kind: v1/ConfigMap, name: "*", reason: There, current: "true", message: '"x"'}
  import: {kind: v1/ConfigMap, version: object.v, spec: '["a"]'}
`), "providers/toy")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(findings.String()), "\n") {
		if at, ok := strings.CutPrefix(line, "providers/toy/provider.yaml:"); ok {
			_, at, _ = strings.Cut(at, ": ")
			got = append(got, at)
		}
	}
	want := []string{
		`tenant.import.kind: Invalid value: "v1/Secret": is not among kinds`,
		`tenant.import.beside[1]: Invalid value: "apps/*/*": want one kind`,
		`tenant.import.require[0].holds: is not CEL: undeclared reference to 'tenant'`,
		`tenant.import.require[0].message: Required value: people read it when an object cannot`,
		`tenant.import.version: gives int: want string`,
		`tenant.import.podCIDR: Invalid value: "": must not be empty`,
		`tenant.import.domain: Required value: a tenant says it`,
		`tenant.import.endpoint: Required value: a tenant says it`,
		`tenant.import.spec: Forbidden: a tenant says no such thing`,
		`tenant.import.left[0].empty: Invalid value: "yes": want true or false`,
		`tenant.import.left[0].fields[0]: Invalid value: "status.x": want the path of a field of spec, a label or an annotation`,
		`tenant.import.left[0].fields[1]: Invalid value: "metadata.name": want the path of a field of spec, a label or an annotation`,
		`tenant.import.left[1].fields: Required value`,
		`tenant.import.left[1].wen: unknown field`,
		`teardown.import: Forbidden: nobody declares a teardown`,
		`dataStore.import.version: Forbidden: a datastore says no such thing`,
		`dataStore.import.spec: gives list(string): want map(string, dyn)`,
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || strings.HasPrefix(g, w)
		}
		if !found {
			t.Errorf("nothing tells %s", w)
		}
	}
	if t.Failed() {
		t.Logf("told:\n%s", findings)
	}
}

func TestEndpointOf(t *testing.T) {
	for text, want := range map[string][2]string{
		"10.0.0.7":              {"10.0.0.7", ""},
		"10.0.0.7:6443":         {"10.0.0.7", ""},
		"fd00::7":               {"fd00::7", ""},
		"[fd00::7]":             {"fd00::7", ""},
		"[fd00::7]:6443":        {"fd00::7", ""},
		"FD00:0::7":             {"fd00::7", ""},
		"acme.example.com":      {"", "acme.example.com"},
		"acme.example.com:6443": {"", "acme.example.com"},
		"":                      {"", ""},
		":6443":                 {"", ""},
		"..":                    {"", ".."},
	} {
		address, host := endpointOf(text)
		if got := [2]string{address, host}; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestForget(t *testing.T) {
	var kamaji *Import
	for _, i := range newRenderer(t).Imports() {
		if i.Provider() == "kamaji" && i.Owner() == OwnerTenant {
			kamaji = i
		}
	}
	object := content{
		"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "TenantControlPlane",
		"metadata": content{"annotations": content{"kamaji.clastix.io/soot": "failed", "kept": "x"}},
		"spec": content{
			"addons": content{}, "writePermissions": content{"blockCreation": true},
			"networkProfile": content{"serviceCidr": "10.96.0.0/16", "serviceCidrs": []any{"10.96.0.0/16"}, "podCidrs": []any{"10.244.0.0/16", "fd00::/56"}},
		},
	}
	before, err := canonical(object)
	if err != nil {
		t.Fatal(err)
	}
	got, err := kamaji.Forget(object)
	if err != nil {
		t.Fatal(err)
	}
	want := content{
		"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "TenantControlPlane",
		"metadata": content{"annotations": content{"kept": "x"}},
		"spec": content{
			"writePermissions": content{"blockCreation": true},
			"networkProfile":   content{"serviceCidr": "10.96.0.0/16", "podCidrs": []any{"10.244.0.0/16", "fd00::/56"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if after, err := canonical(object); err != nil || string(after) != string(before) {
		t.Errorf("the object was changed: %s, %v", after, err)
	}
}

func TestReadADataStore(t *testing.T) {
	secret := func(key string) content {
		return content{"secretReference": content{"namespace": "data", "name": "certs", "keyPath": key}}
	}
	object := content{
		"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "DataStore", "metadata": content{"name": "default"},
		"spec": content{
			"driver": "etcd", "endpoints": []any{"etcd.data.svc:2379"},
			"tlsConfig": content{
				"certificateAuthority": content{"certificate": secret("ca.crt"), "privateKey": secret("ca.key")},
				"clientCertificate":    content{"certificate": secret("tls.crt"), "privateKey": secret("tls.key")},
			},
		},
	}
	key := func(name string) fleet.SecretKey { return fleet.SecretKey{Namespace: "data", Name: "certs", Key: name} }
	authority, client := key("ca.key"), key("tls.key")
	for _, i := range newRenderer(t).Imports() {
		if i.Owner() != OwnerDataStore {
			continue
		}
		got, err := i.Read(object)
		if err != nil {
			t.Fatal(err)
		}
		want := fleet.DataStoreSpec{
			Provider: i.Provider(), Driver: "etcd", Endpoints: []string{"etcd.data.svc:2379"},
			TLS: &fleet.TLS{
				CA:     fleet.KeyPair{Certificate: key("ca.crt"), PrivateKey: &authority},
				Client: &fleet.KeyPair{Certificate: key("tls.crt"), PrivateKey: &client},
			},
		}
		if diff := cmp.Diff(want, got.DataStoreSpec); diff != "" {
			t.Errorf("%s: -want +got:\n%s", i.Provider(), diff)
		}
		odd := content{"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "DataStore", "spec": content{"driver": "etcd", "endpoints": []any{content{"a": "b"}}}}
		if _, err := i.Read(odd); err == nil || !strings.Contains(err.Error(), "endpoints[0]") {
			t.Errorf("an odd endpoint: %v", err)
		}
	}
}

// TestSketch: what a class has yet to say is not missed, and nothing else is let through.
func TestSketch(t *testing.T) {
	r := newRenderer(t)
	in := acme()
	in.Class.Spec.Provider, in.DataStore, in.Placement.DataStore = "k0smotron", DataStoreInput{}, ""
	in.Placement.Address, in.Placement.Host = "", "acme.example.com"
	if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), "have the class say spec.ingress") {
		t.Fatalf("error %v", err)
	}
	if _, err := r.Sketch(in); err != nil {
		t.Error(err)
	}
	if _, err := r.Tenant(in); err == nil {
		t.Error("a sketch lets others through")
	}
	in.Class.Files = map[string][]byte{"kustomization.yaml": []byte("resources: [https://example.com/x]\n")}
	if _, err := r.Sketch(in); err == nil {
		t.Error("a sketch fetches")
	}
}

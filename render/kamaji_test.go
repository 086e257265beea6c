package render

import (
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
)

// traced is a TenantControlPlane as the operator shows it on its way; tests change it.
const traced = `
metadata: {generation: 2}
spec:
  controlPlane: {deployment: {replicas: 2}}
  kubernetes: {version: v1.36.3}
status:
  observedGeneration: 2
  controlPlaneEndpoint: 10.0.0.7:6443
  kubeconfig: {admin: {secretName: acme-admin-kubeconfig, checksum: c1, lastUpdate: "2026-03-01T10:00:00Z"}}
  kubernetesResources: {version: {status: Ready, version: v1.36.3}}
`

func TestKamajiOutputs(t *testing.T) {
	p := newRenderer(t).bases["kamaji"]["1"].parts[partTenant]
	id := ObjectID{"kamaji.clastix.io", "v1alpha1", "TenantControlPlane", "tenant-acme", "acme"}
	judge := func(text string) Health {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(text), &content); err != nil {
			t.Fatal(err)
		}
		return p.Judge([]Judged{{ID: id, Present: true, Content: content}})
	}
	h := judge(traced)
	if got := h.Outputs["version"]; got != "v1.36.3" {
		t.Errorf("version is %q", got)
	}
	if got, ok := p.Revision(h); !ok || got != "c1 2026-03-01T10:00:00Z" {
		t.Errorf("the kubeconfig is at %q, %t", got, ok)
	}
	if got, ok := p.Revision(judge(strings.Replace(traced, "secretName: acme-admin-kubeconfig, ", "", 1))); !ok || got != "" {
		t.Errorf("a kubeconfig that is not there is at %q, %t", got, ok)
	}
	native := newRenderer(t).bases["native"]["1"].parts[partTenant]
	if _, ok := native.Revision(h); ok {
		t.Error("native's kubeconfig is ours, and has no revision")
	}
}

// TestStateful: what bears state is not taken from the living.
func TestStateful(t *testing.T) {
	bases := newRenderer(t).bases
	for _, tt := range []struct {
		provider string
		part     part
		id       ObjectID
		want     bool
	}{
		{"kamaji", partTenant, ObjectID{Group: "kamaji.clastix.io", Version: "v1beta1", Kind: "TenantControlPlane"}, true},
		{"kamaji", partDataStore, ObjectID{Group: "kamaji.clastix.io", Kind: "DataStore"}, true},
		{"kamaji", partTenant, ObjectID{Kind: "ConfigMap"}, false},
		{"kamaji", partTenant, ObjectID{Kind: "Namespace"}, true},
		{"native", partDataStore, ObjectID{Group: "apps", Kind: "StatefulSet"}, true},
		{"native", partDataStore, ObjectID{Kind: "PersistentVolumeClaim"}, true},
		{"native", partTenant, ObjectID{Group: "apps", Kind: "Deployment"}, false},
	} {
		if got := bases[tt.provider]["1"].parts[tt.part].Stateful(tt.id); got != tt.want {
			t.Errorf("%s %s %s: %t, want %t", tt.provider, tt.part, tt.id, got, tt.want)
		}
	}
}

// TestSchemaName: PostgreSQL, MySQL and etcd take it unquoted, and no two uids give one.
func TestSchemaName(t *testing.T) {
	good := regexp.MustCompile(`^t_[a-z0-9]{1,30}$`)
	for _, uid := range []string{"3c9d2a54-7a0e-8f0b-9c41-5d1f0a6b7e21", "1e5", "7f3k2m9qx4"} {
		if got := schemaName(uid); !good.MatchString(got) || len(got) > maxUser {
			t.Errorf("%s gives %s", uid, got)
		}
	}
	if schemaName("3c9d2a54-7a0e-8f0b-9c41-5d1f0a6b7e21") == schemaName("3c9d2a54-7a0e-8f0b-9c41-5d1f0a6b0000") {
		t.Error("two uids give one name")
	}
}

func TestDNSAddress(t *testing.T) {
	for cidr, want := range map[string]string{
		"10.96.0.0/16": "10.96.0.10", "10.96.0.7/16": "10.96.0.10", "fd00:96::/112": "fd00:96::10", "10.96.0.0/29": "10.96.0.7",
	} {
		if got := dnsAddress(cidr); got != want {
			t.Errorf("%s: got %s, want %s", cidr, got, want)
		}
	}
}

func TestExternalDataStoreInputs(t *testing.T) {
	r := newRenderer(t)
	key := fleet.SecretKey{Namespace: "data", Name: "certs", Key: "k"}
	authority := fleet.KeyPair{Certificate: key, PrivateKey: &key}
	tests := []struct {
		name, reason string
		spec         fleet.DataStoreSpec
		want         string
	}{
		{"Good", "", fleet.DataStoreSpec{Driver: "etcd", TLS: &fleet.TLS{CA: authority, Client: &authority}}, ""},
		{"PasswordOnly", "", fleet.DataStoreSpec{Driver: "MySQL", BasicAuth: &fleet.BasicAuth{}}, ""},
		{"NoWayIn", "nobody is let in without", fleet.DataStoreSpec{Driver: "PostgreSQL"}, "needs basicAuth or tls"},
		{"NoClient", "etcd knows its users by certificate", fleet.DataStoreSpec{Driver: "etcd", TLS: &fleet.TLS{CA: authority}}, "a client certificate"},
		{"NoAuthorityKey", "Kamaji signs certificates with it", fleet.DataStoreSpec{Driver: "etcd", TLS: &fleet.TLS{CA: fleet.KeyPair{Certificate: key}, Client: &authority}}, "authority's private key"},
		{"NoClientKey", "a certificate alone proves nothing", fleet.DataStoreSpec{Driver: "etcd", TLS: &fleet.TLS{CA: authority, Client: &fleet.KeyPair{Certificate: key}}}, "tls.client.privateKey"},
		{"Driver", "Kamaji does not know it", fleet.DataStoreSpec{Driver: "oracle", BasicAuth: &fleet.BasicAuth{}}, "unknown"},
		{"Both", "it runs here or there", fleet.DataStoreSpec{Driver: "etcd", Managed: &fleet.ManagedDataStore{}}, "not both"},
		{"Native", "native runs its own", fleet.DataStoreSpec{Provider: "native", Driver: "MySQL", BasicAuth: &fleet.BasicAuth{}}, "runs its datastores itself"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Endpoints = []string{"db.data.svc:1"}
			if tt.spec.Provider == "" {
				tt.spec.Provider = "kamaji"
			}
			_, err := r.DataStore(DataStoreInput{Name: "a", UID: "u", BaseVersion: "1", Spec: tt.spec})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: got %v, want …%s…", tt.reason, err, tt.want)
			}
		})
	}
	managed := DataStoreInput{Name: "a", UID: "u", BaseVersion: "1", Spec: fleet.DataStoreSpec{
		Provider: "kamaji", Driver: "etcd", Managed: &fleet.ManagedDataStore{Replicas: 1, Storage: "1Gi"},
	}}
	if _, err := r.DataStore(managed); err == nil || !strings.Contains(err.Error(), "that run elsewhere") {
		t.Errorf("kamaji runs no datastores: got %v", err)
	}
}

// TestForeignKubeconfig: where it is follows from the tenant's name.
func TestForeignKubeconfig(t *testing.T) {
	r := newRenderer(t)
	in := inputs(t)["providers/kamaji/testdata/tenant-address.input.yaml"]
	unit, err := in.render(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.ForeignKubeconfig("kamaji", nil, "acme", nil); !ok || got != *unit.Kubeconfig {
		t.Errorf("got %+v, %t, want %+v", got, ok, *unit.Kubeconfig)
	}
	for _, provider := range []string{"native", "unknown", ""} {
		if got, ok := r.ForeignKubeconfig(provider, nil, "acme", nil); ok {
			t.Errorf("%q: got %+v", provider, got)
		}
	}
}

// TestKamajiMetadata: what Kamaji makes of a control plane carries no mark of ours.
func TestKamajiMetadata(t *testing.T) {
	r := newRenderer(t)
	for _, path := range []string{"deployment: {additionalMetadata: %s}", "deployment: {podAdditionalMetadata: %s}", "service: {additionalMetadata: %s}"} {
		in := inputs(t)["providers/kamaji/testdata/tenant-address.input.yaml"].tenant()
		in.Class.Files = map[string][]byte{
			"kustomization.yaml": []byte("resources: [../../providers/kamaji]\npatches: [{path: patch.yaml}]\n"),
			"patch.yaml": []byte("apiVersion: kamaji.clastix.io/v1alpha1\nkind: TenantControlPlane\nmetadata: {name: TENANT-NAME, namespace: TENANT-NAMESPACE}\n" +
				"spec: {controlPlane: {" + strings.Replace(path, "%s", "{labels: {tenantry.io/uid: mine}}", 1) + "}}\n"),
		}
		if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), "is Tenantry's own") {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

// TestKamajiNames: a class adds names to the certificate; it cannot take the placed one
// out, since nobody would get in by it.
func TestKamajiNames(t *testing.T) {
	r := newRenderer(t)
	for _, tt := range []struct{ name, reason, patch, want string }{
		{"Added", "beside what was placed", "- {op: add, path: /spec/networkProfile/certSANs/-, value: api.example.com}", `"certSANs":["10.0.0.7","api.example.com"]`},
		{"Replaced", "the placed one has no place any more", "- {op: replace, path: /spec/networkProfile/certSANs, value: [api.example.com]}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := inputs(t)["providers/kamaji/testdata/tenant-address.input.yaml"].tenant()
			in.Class.Files = map[string][]byte{
				"kustomization.yaml": []byte("resources: [../../providers/kamaji]\npatches: [{path: patch.yaml, target: {kind: TenantControlPlane}}]\n"),
				"patch.yaml":         []byte(tt.patch),
			}
			unit, err := r.Tenant(in)
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), "certSANs") {
					t.Errorf("%s: got %v", tt.reason, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range unit.Objects {
				if o.ID.Kind == "TenantControlPlane" && !strings.Contains(string(o.JSON), tt.want) {
					t.Errorf("%s: got %s", tt.reason, o.JSON)
				}
			}
		})
	}
}

package render

import (
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// adoptedAcme is acme by Kamaji, as it was called before it was declared.
func adoptedAcme(objects map[string]string) TenantInput {
	in := acme()
	in.Class.Spec.Provider = "kamaji"
	in.Adopted = &ledger.Adopted{Namespace: "team-a", Name: "prod", Schema: "s", Username: "u", Objects: objects}
	return in
}

const prod = "TenantControlPlane.kamaji.clastix.io/team-a/prod"

func TestAdoptedKeepsItsNames(t *testing.T) {
	r := newRenderer(t)
	unit, err := r.Tenant(adoptedAcme(map[string]string{prod: "u1"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(unit.Objects) != 1 || unit.Objects[0].ID.String() != prod || unit.Objects[0].Adopts != "u1" {
		t.Errorf("got %v", unit.Objects)
	}
	if want := (SecretKey{"team-a", "prod-admin-kubeconfig", "admin.conf"}); *unit.Kubeconfig != want {
		t.Errorf("kubeconfig is %v, want %v", *unit.Kubeconfig, want)
	}
	if got, ok := r.ForeignKubeconfig("kamaji", nil, "acme", adoptedAcme(nil).Adopted); !ok || got != *unit.Kubeconfig {
		t.Errorf("its kubeconfig is looked for as %v", got)
	}
	if !strings.Contains(string(unit.Objects[0].JSON), `"tenantry.io/tenant":"acme"`) {
		t.Errorf("its label is not the tenant's name:\n%s", unit.Objects[0].JSON)
	}
	done, err := r.Tenant(adoptedAcme(nil))
	if err != nil {
		t.Fatal(err)
	}
	if done.Digest != unit.Digest || done.Objects[0].Adopts != "" {
		t.Error("that it is taken over changes what is rendered")
	}
}

func TestAdoptionIsRefused(t *testing.T) {
	r := newRenderer(t)
	for want, in := range map[string]TenantInput{
		prod + " bears state, and is not among what is taken over":                         adoptedAcme(map[string]string{"ConfigMap/team-a/x": "u1"}),
		"ConfigMap/team-a/x is to be taken over, but is not rendered":                      adoptedAcme(map[string]string{prod: "u1", "ConfigMap/team-a/x": "u2"}),
		"Namespace/team-a is to be taken over, but is not rendered":                        adoptedAcme(map[string]string{prod: "u1", "Namespace/team-a": "u2"}),
		"TenantControlPlane.kamaji.clastix.io/team-b/prod is to be taken over, but is not": adoptedAcme(map[string]string{prod: "u1", "TenantControlPlane.kamaji.clastix.io/team-b/prod": "u2"}),
	} {
		if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	in := adoptedAcme(map[string]string{prod: "u1"})
	in.Class.Own = &fleet.Provider{}
	if err := in.adoptable(); err == nil || !strings.Contains(err.Error(), "is the fleet's own, and takes nothing over") {
		t.Errorf("a provider of the fleet's own: error %v", err)
	}
	store := DataStoreInput{
		Name: "pg", UID: "u", BaseVersion: "1", Adopted: &ledger.AdoptedDataStore{Name: "default", Objects: map[string]string{"DataStore.kamaji.clastix.io/pg": "u1"}},
		Spec: fleet.DataStoreSpec{Provider: "kamaji", Driver: "MySQL", Endpoints: []string{"db:3306"}, BasicAuth: &fleet.BasicAuth{}},
	}
	if _, err := r.DataStore(store); err == nil || !strings.Contains(err.Error(), "DataStore.kamaji.clastix.io/default bears state") {
		t.Errorf("a datastore of another name: error %v", err)
	}
}

// Where a tenant's data is, no patch says, whatever its class allows: a new tenant would
// get at another one's. What was taken over may leave to its operator what that has chosen.
func TestNobodyPatchesWhereDataIs(t *testing.T) {
	r := newRenderer(t)
	patched := func(adopted bool, spec string) error {
		in := acme()
		name, namespace := "acme", "tenant-acme"
		if in.Class.Spec.Provider = "kamaji"; adopted {
			in, name, namespace = adoptedAcme(nil), "prod", "team-a"
		}
		in.Class.Spec.Allow = &fleet.Allow{Patches: []fleet.AllowedPatch{{Kind: "kamaji.clastix.io/v1alpha1/TenantControlPlane", Name: "*", Fields: []string{"spec"}}}}
		in.Files = map[string][]byte{
			"kustomization.yaml": []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: patch.yaml\n"),
			"patch.yaml":         []byte("apiVersion: kamaji.clastix.io/v1alpha1\nkind: TenantControlPlane\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: {" + spec + "}\n"),
		}
		_, err := r.Tenant(in)
		return err
	}
	for _, tt := range []struct {
		adopted bool
		spec    string
		want    string
	}{
		{false, "dataStoreSchema: theirs", "spec.dataStoreSchema says where the tenant's data is"},
		{false, "dataStoreUsername: them", "spec.dataStoreUsername says where"},
		{false, "dataStoreSchema: null", "spec.dataStoreSchema says where"},
		{false, "dataStore: theirs", "spec.dataStore says where"},
		{true, "dataStoreSchema: theirs", "spec.dataStoreSchema says where"},
		{true, "dataStore: null", "spec.dataStore says where"},
		{true, "dataStoreSchema: null, dataStoreUsername: null", ""},
		{false, "addons: {coreDNS: {}}", ""},
		{false, "controlPlane: {deployment: {replicas: 5}}", "comes from the declaration: say spec.replicas in tenant.yaml"},
	} {
		err := patched(tt.adopted, tt.spec)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s (adopted: %t): error %v, want %q", tt.spec, tt.adopted, err, tt.want)
		}
	}
}

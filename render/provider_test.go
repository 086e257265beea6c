package render

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

const goodProvider = `
apiVersion: tenantry.io/v1alpha1
kind: Provider
metadata: {name: toy}
baseVersion: "1"
tenant:
  kinds: [v1/Namespace]
  health:
  - {kind: v1/Namespace, name: "*", reason: Namespace, current: "true", message: '"never"'}
`

func TestLoadBases(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		change func(string) string
		want   string
	}{
		{"Good", "The shortest provider.", func(s string) string { return s }, ""},
		{"UnknownField", "A misspelt field would be a rule that never speaks.", replaced("kinds:", "kind:"), "provider.yaml:7:3: tenant.kind: unknown field"},
		{"OtherKind", "It is another file.", replaced("kind: Provider", "kind: Tenant"), `kind: Unsupported value: "Tenant": supported values: "Provider"`},
		{"OtherName", "The folder is the name.", replaced("name: toy", "name: tay"), `want the folder's name, "toy"`},
		{"NoVersion", "A ledger names the version.", replaced(`baseVersion: "1"`, ""), "baseVersion: Required value"},
		{"NoTenant", "It renders nothing.", func(s string) string { return s[:strings.Index(s, "tenant:")] }, "tenant: Required value"},
		{"NoHealth", "It would be current before anything is there.", func(s string) string { return s[:strings.Index(s, "  health:")] }, "provider.yaml:6:1: tenant.health: Required value"},
		{"NoMessage", "People read it.", replaced(`, message: '"never"'`, ""), "provider.yaml:9:5: tenant.health[0].message: Required value"},
		{"BadCEL", "Expressions are compiled when they are read.", replaced(`current: "true"`, `current: "object.("`), "provider.yaml:9:73: tenant.health[0].current: is not CEL"},
		{"UnknownVariable", "So are their variables.", replaced(`current: "true"`, `current: "objekt.x"`), "provider.yaml:9:66: tenant.health[0].current: is not CEL: undeclared reference"},
		{"BadKind", "A kind has a version.", replaced("kinds: [v1/Namespace]", "kinds: [Namespace]"), "provider.yaml:7:11: tenant.kinds[0]: Invalid value"},
		{"WholeGroup", "What only classes bring is known by its group.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace, infra.example.com/*/*]"), ""},
		{"AnyGroup", "That would be everything.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace, '*/*/*']"), "want <group>/*/*"},
		{"CoreGroup", "So would that.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace, '*/*']"), "want <group>/*/*"},
		{"AnyVersion", "It is the group or one kind.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace, 'apps/*/Deployment']"), "want <group>/*/*"},
		{"PartOfName", "Names are no patterns.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace, 'apps/v1/Deploy*']"), "want <group>/*/*"},
		{"JudgesGroup", "An expression reads one form.", func(s string) string {
			return strings.NewReplacer("kinds: [v1/Namespace]", "kinds: [infra.example.com/*/*]", "kind: v1/Namespace", "kind: infra.example.com/*/*").Replace(s)
		}, "want one kind"},
		{"JudgesOfGroup", "One of a group's kinds may be read.", func(s string) string {
			return strings.NewReplacer("kinds: [v1/Namespace]", "kinds: [infra.example.com/*/*]", "kind: v1/Namespace", "kind: infra.example.com/v1/Metal").Replace(s)
		}, ""},
		{"BearsStateAsGroup", "So may bearing state be said.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace, infra.example.com/*/*]\n  stateful: [infra.example.com/*/*]"), ""},
		{"BearsStateElsewhere", "It could never be rendered.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Namespace]\n  stateful: [infra.example.com/*/*]"), "not among kinds"},
		{"JudgesWhatItMayNotRender", "The rule could never be met.", replaced("kinds: [v1/Namespace]", "kinds: [v1/Service]"), "not among kinds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadBases(fstest.MapFS{
				"providers/toy/provider.yaml":      {Data: []byte(tt.change(goodProvider))},
				"providers/toy/kustomization.yaml": {Data: []byte("resources: []")},
			})
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s\n%v", tt.reason, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

func replaced(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

func TestInputs(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		change func(*TenantInput)
		want   string
	}{
		{"NoUID", "Objects without an owner would be nobody's.", func(in *TenantInput) { in.UID = "" }, "uid is empty"},
		{"NoVersion", "The declaration is not resolved.", func(in *TenantInput) { in.Spec.Version = "" }, "spec.version is empty"},
		{"NoClass", "The class names the provider.", func(in *TenantInput) { in.Class = nil }, "class is missing"},
		{"NoEndpoint", "The tenant is not placed.", func(in *TenantInput) { in.Placement.Address = "" }, "needs an address or a host"},
		{"TwoEndpoints", "It has one.", func(in *TenantInput) { in.Placement.Host = "x.example" }, "needs an address or a host"},
		{"UnknownProvider", "The message says what there is.", func(in *TenantInput) { in.Class.Spec.Provider = "acme" }, `provider "acme" is unknown: this binary carries cluster-api, k0smotron, kamaji, native`},
		{"UnknownBase", "A ledger may be newer than the binary.", func(in *TenantInput) { in.BaseVersion = "7" }, `base version "7" of provider native is unknown: this binary carries 1`},
		{"BadCIDR", "The Service's address is computed.", func(in *TenantInput) { in.Spec.Network.ServiceCIDR = "10.96.0.0" }, "spec.network.serviceCIDR"},
		{"TinyCIDR", "There is no room for the Service.", func(in *TenantInput) { in.Spec.Network.ServiceCIDR = "10.96.0.0/32" }, "holds no address"},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := acme()
			tt.change(&in)
			_, err := r.Tenant(in)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "render tenant of tenant acme: ") {
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

func TestDataStoreInputs(t *testing.T) {
	r := newRenderer(t)
	for want, in := range map[string]DataStoreInput{
		"uid is empty":               {Name: "a"},
		"needs managed or endpoints": {Name: "a", UID: "b", Spec: fleet.DataStoreSpec{Driver: "etcd"}},
		"want etcd":                  {Name: "a", UID: "b", Spec: fleet.DataStoreSpec{Driver: "mysql", Managed: &fleet.ManagedDataStore{}}},
		"2 replicas: want 1, 3 or 5": {Name: "a", UID: "b", Spec: fleet.DataStoreSpec{Managed: &fleet.ManagedDataStore{Replicas: 2}}},
		"storage is empty":           {Name: "a", UID: "b", Spec: fleet.DataStoreSpec{Managed: &fleet.ManagedDataStore{Replicas: 1}}},
		"is unknown": {Name: "a", UID: "b", BaseVersion: "0", Spec: fleet.DataStoreSpec{
			Provider: "native", Driver: "etcd", Managed: &fleet.ManagedDataStore{Replicas: 1, Storage: "1Gi"},
		}},
	} {
		if _, err := r.DataStore(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
}

func TestLatestBase(t *testing.T) {
	r := newRenderer(t)
	if got := r.LatestBase("native"); got != "1" {
		t.Errorf("native: got %q, want 1", got)
	}
	if got := r.LatestBase("unknown"); got != "" {
		t.Errorf("unknown: got %q, want nothing", got)
	}
	if compareVersions("9", "10") >= 0 {
		t.Error("version 10 is not after 9")
	}
}

// TestLifecycles: whatever is not living has no replicas, and keeps everything else.
func TestLifecycles(t *testing.T) {
	r := newRenderer(t)
	for _, lifecycle := range []ledger.Lifecycle{ledger.Living, ledger.Tombstoned, ledger.Purging} {
		in := acme()
		in.Spec.Replicas, in.Lifecycle = 2, lifecycle
		unit, err := r.Tenant(in)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		if lifecycle == ledger.Living {
			want = 2
		}
		if got := find(t, unit, "Deployment", "control-plane")["spec"].(map[string]any)["replicas"]; got != want {
			t.Errorf("%s: %v replicas, want %v", lifecycle, got, want)
		}
		if len(unit.Objects) != 21 {
			t.Errorf("%s: %d objects, want 21", lifecycle, len(unit.Objects))
		}
	}
}

package render

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
)

const ownDescription = `
apiVersion: tenantry.io/v1alpha1
kind: Provider
metadata: {name: toy}
baseVersion: "1"
tenant:
  kinds: [v1/Namespace, v1/Service, v1/Secret, toys.example.com/v1/Toy]
  health:
  - {kind: v1/Namespace, name: "*", reason: Namespace, current: "true", message: '"never"'}
`

const ownStamp = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
replacements:
- source: {kind: Tenant, fieldPath: spec.namespace}
  targets:
  - {select: {namespace: TENANT-NAMESPACE}, fieldPaths: [metadata.namespace]}
  - {select: {kind: Namespace, name: TENANT-NAMESPACE}, fieldPaths: [metadata.name]}
`

// ownToy is a small provider of a fleet's own.
func ownToy() map[string]string {
	return map[string]string{
		"provider.yaml":            ownDescription,
		"kustomization.yaml":       "resources: [objects.yaml]\n",
		"stamp/kustomization.yaml": ownStamp,
		"objects.yaml":             "apiVersion: v1\nkind: Namespace\nmetadata: {name: TENANT-NAMESPACE, labels: {pod-security.kubernetes.io/enforce: baseline}}\n",
	}
}

func ownProvider(name string, files map[string]string) *fleet.Provider {
	p := &fleet.Provider{Name: name, Files: map[string][]byte{}}
	for file, text := range files {
		p.Files[file] = []byte(text)
	}
	return p
}

// byOwn is acme by a provider of the fleet's own.
func byOwn(p *fleet.Provider) TenantInput {
	in := kept()
	class := *in.Class
	class.Spec.Provider, class.Own = p.Name, p
	in.Class = &class
	return in
}

// TestJudgeProvider: what a fleet holds is read as every provider is, and may do no more
// than a class's patches may.
func TestJudgeProvider(t *testing.T) {
	described := func(old, with string) func(map[string]string) {
		return func(f map[string]string) { f["provider.yaml"] = strings.Replace(f["provider.yaml"], old, with, 1) }
	}
	built := func(more string) func(map[string]string) {
		return func(f map[string]string) { f["kustomization.yaml"] += more }
	}
	tests := []struct {
		name, folder, reason string
		change               func(map[string]string)
		want                 string
	}{
		{"Good", "toy", "A small provider.", func(map[string]string) {}, ""},
		{"Carried", "native", "Nothing takes its place.", func(map[string]string) {}, "providers/native: provider native is one that the binary carries"},
		{"Broken", "toy", "It is told where.", described(`current: "true"`, `current: "objekt.x"`), "providers/toy/provider.yaml:9:66: tenant.health[0].current: is not CEL"},
		{"Older", "toy-1", "There is one at a time.", func(map[string]string) {}, "want the folder's name, toy-1"},
		{"ClusterRights", "toy", "A folder gives nobody rights in the cluster.",
			described("v1/Secret", "rbac.authorization.k8s.io/v1/ClusterRoleBinding"), "provider.yaml:7:37: tenant.kinds[2]: Forbidden: rights in the whole cluster"},
		{"AnyRights", "toy", "Those are among them.",
			described("v1/Secret", "rbac.authorization.k8s.io/*/*"), "tenant.kinds[2]: Forbidden: rights in the whole cluster"},
		{"Admission", "toy", "A webhook reads what everybody writes.",
			described("v1/Secret", "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration"), "the group admissionregistration.k8s.io is of the whole cluster"},
		{"Volumes", "toy", "They are other tenants' data.", described("v1/Secret", "v1/PersistentVolume"), "PersistentVolume is of the whole cluster"},
		{"Grants", "toy", "It stays at home.",
			described("  health:", "  grants:\n  - {kind: v1/Secret, namespace: '\"kube-system\"'}\n  health:"), "provider.yaml:9:3: tenant.grants: Forbidden"},
		{"Imports", "toy", "What the binary's providers describe is imported: a folder could claim anybody's objects.",
			described("  health:", "  import: {kind: v1/Secret, version: object.v, replicas: object.r, serviceCIDR: object.s, podCIDR: object.p, domain: object.d, endpoint: object.e}\n  health:"), "tenant.import: Forbidden: what the binary's providers describe is imported"},
		{"SecretsRead", "toy", "What is read is committed.",
			described("  health:", "  outputs:\n  - {name: version, kind: v1/Secret, object: x, value: object.data.key}\n  health:"), "tenant.outputs[0].kind: Forbidden: what is read of a Secret would be committed"},
		{"DataStore", "toy", "Datastores are shared by tenants of many classes.",
			func(f map[string]string) {
				described("tenant:", "dataStore:\n  kinds: [v1/Namespace]\n  health:\n  - {kind: v1/Namespace, name: '*', reason: N, current: 'true', message: '\"never\"'}\ntenant:")(f)
				f["datastore/kustomization.yaml"] = "resources: []\n"
			}, "provider.yaml:7:3: dataStore: Forbidden"},
		{"Remote", "toy", "Nothing is fetched.", built("- https://example.com/base\n"), "providers/toy"},
		{"RemoteBase", "toy", "Nothing is fetched.", built("components: [github.com/a/b]\n"), "providers/toy/kustomization.yaml"},
		{"Outside", "toy", "Nothing outside is named.", built("components: [../native]\n"), "leaves the provider's folder"},
		{"Chart", "toy", "Nothing is run.", built("helmCharts: [{name: a, repo: https://example.com}]\n"), "helmCharts is not allowed"},
		{"Plugin", "toy", "Nothing is run.", built("generators: [objects.yaml]\n"), "generators is not allowed"},
		{"Schema", "toy", "It would be everybody's.", built("openapi: {path: objects.yaml}\n"), "openapi is not allowed"},
		{"Long", "toy", "Every line of it is compiled.", func(f map[string]string) { f["provider.yaml"] += strings.Repeat("#\n", 40000) }, "bytes: want 65536 at most"},
		{"Alias", "toy", "Who resolves it may never end.", func(f map[string]string) { f["objects.yaml"] += "a: &a [*a]\n" }, "providers/toy/objects.yaml:4:4"},
		{"Many", "toy", "A unit is bounded.", func(f map[string]string) {
			for i := range 300 {
				f["objects.yaml"] += fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: TENANT-NAMESPACE}\n", i)
			}
		}, "301 objects: want 200 at most"},
		{"UnknownKind", "toy", "It is not said that it may be rendered.", func(f map[string]string) {
			f["objects.yaml"] += "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: TENANT-NAMESPACE}\n"
		}, "kind v1/Pod may not be rendered by the toy provider"},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := ownToy()
			tt.change(files)
			p := ownProvider(tt.folder, files)
			findings := r.JudgeProvider(p)
			switch {
			case tt.want == "" && len(findings) > 0:
				t.Errorf("%s\n%v", tt.reason, findings)
			case tt.want != "" && !strings.Contains(findings.Error(), tt.want):
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, findings, tt.want)
			}
			// Who did not ask first is told, too: nothing of it is rendered.
			if _, err := r.Tenant(byOwn(p)); (err != nil) != (tt.want != "") {
				t.Errorf("%s\nrendered: %v", tt.reason, err)
			}
		})
	}
}

// TestOwnProviderStaysAtHome: what the base makes is held against the same policy as what
// a class makes of it.
func TestOwnProviderStaysAtHome(t *testing.T) {
	object := func(kind, meta string) string {
		return "---\napiVersion: v1\nkind: " + kind + "\nmetadata: {" + meta + "}\n"
	}
	tests := []struct{ name, reason, objects, want string }{
		{"Foreign", "It is the cluster's.", ownToy()["objects.yaml"] + object("Secret", "name: a, namespace: kube-system"), "namespace kube-system is foreign"},
		{"Neighbour", "It is another tenant's.", ownToy()["objects.yaml"] + object("Secret", "name: a, namespace: tenant-globex"), "namespace tenant-globex is foreign"},
		{"OtherNamespace", "It is another tenant's.", ownToy()["objects.yaml"] + object("Namespace", "name: tenant-globex"), "it is a foreign namespace"},
		{"Nowhere", "A kind of the whole cluster has no namespace.", ownToy()["objects.yaml"] + strings.Replace(object("Toy", "name: a"), "v1", "toys.example.com/v1", 1), "it has no namespace"},
		{"Owner", "Another's uid marks what is his.", ownToy()["objects.yaml"] + object("Secret", "name: a, namespace: TENANT-NAMESPACE, labels: {tenantry.io/uid: other}"), "tenantry.io/uid"},
		{"Privileged", "Its pods would own the node.", strings.Replace(ownToy()["objects.yaml"], "baseline", "privileged", 1), "enforce is privileged: want baseline or restricted"},
		{"Unlabelled", "So would these.", "apiVersion: v1\nkind: Namespace\nmetadata: {name: TENANT-NAMESPACE}\n", "want baseline or restricted"},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := ownToy()
			files["objects.yaml"] = tt.objects
			in := byOwn(ownProvider("toy", files))
			if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

// TestOwnProviderIsItsContent: two folders of one name and version are two providers.
func TestOwnProviderIsItsContent(t *testing.T) {
	r := newRenderer(t)
	files := ownToy()
	files["objects.yaml"] = strings.Replace(files["objects.yaml"], "labels: {", "labels: {team: web, ", 1)
	one, other := byOwn(ownProvider("toy", ownToy())), byOwn(ownProvider("toy", files))
	first, err := r.Tenant(one)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Tenant(other)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Tenant(one); err != nil || again.Digest != first.Digest || second.Digest == first.Digest {
		t.Errorf("digests %s, %s, and again %v, %v", first.Digest, second.Digest, again, err)
	}
	// Neither stands in for what the binary carries, nor the other way round.
	built, class := byOwn(ownProvider("toy", ownToy())), *one.Class
	class.Own = nil
	built.Class = &class
	if err := r.CheckClassBase(&class, "1"); err == nil || !strings.Contains(err.Error(), `provider "toy" is unknown`) {
		t.Errorf("without its folder: %v", err)
	}
	class.Own, class.Spec.Provider = one.Class.Own, "native"
	if _, err := r.Tenant(built); err == nil {
		t.Error("a folder was rendered for another provider")
	}
	for i := range maxOwn + 5 { // more than are kept
		files["objects.yaml"] = strings.Replace(ownToy()["objects.yaml"], "labels: {", fmt.Sprintf("labels: {n: n%d, ", i), 1)
		if findings := r.JudgeProvider(ownProvider("toy", maps.Clone(files))); len(findings) > 0 {
			t.Fatal(findings)
		}
	}
	if len(r.owned) > maxOwn {
		t.Errorf("%d are kept", len(r.owned))
	}
}

// TestOwnProviderSparesState: no folder can say that what another one had may go.
func TestOwnProviderSparesState(t *testing.T) {
	r := newRenderer(t)
	unit, err := r.Tenant(byOwn(ownProvider("toy", ownToy())))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[kind]bool{
		{"apps", "v1", "StatefulSet"}: true, {"", "v1", "PersistentVolumeClaim"}: true, {"", "v1", "Secret"}: true, {"", "v1", "Namespace"}: true,
		{"cert-manager.io", "v1", "Certificate"}: true, {"toys.example.com", "v1", "Toy"}: true, {"other.example.com", "v1", "Deployment"}: true,
		{"", "v1", "Service"}: false, {"apps", "v1", "Deployment"}: false,
	} {
		if got := unit.Provider.Stateful(ObjectID{Group: name.Group, Version: name.Version, Kind: name.Kind}); got != want {
			t.Errorf("%s bears state: %t, want %t", name, got, want)
		}
	}
}

package render

import (
	"testing"

	"github.com/google/cel-go/cel"
	"sigs.k8s.io/yaml"
)

// TestAdmission evaluates the datastore's admission policy as rendered: which client
// certificates may a namespace ask the datastore's issuer for?
func TestAdmission(t *testing.T) {
	unit, err := inputs(t)["providers/native/testdata/datastore.input.yaml"].render(newRenderer(t))
	if err != nil {
		t.Fatal(err)
	}
	spec := find(t, unit, "ValidatingAdmissionPolicy", "datastore-eu-1-a")["spec"].(map[string]any)
	env, err := cel.NewEnv(cel.Variable("object", cel.DynType), cel.Variable("namespaceObject", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	// all tells whether every expression of a list holds.
	all := func(t *testing.T, list string, variables map[string]any) bool {
		t.Helper()
		for _, item := range spec[list].([]any) {
			expression := item.(map[string]any)["expression"].(string)
			ast, issues := env.Compile(expression)
			if issues.Err() != nil {
				t.Fatal(issues.Err())
			}
			program, err := env.Program(ast)
			if err != nil {
				t.Fatal(err)
			}
			out, _, err := program.Eval(variables)
			if err != nil {
				t.Fatalf("%s: %v", expression, err)
			}
			if out.Value() != true {
				return false
			}
		}
		return true
	}
	const issuer = ", issuerRef: {name: datastore-eu-1-a, kind: ClusterIssuer}"
	tests := []struct {
		name, namespace, labels, spec string
		want                          bool
	}{
		{"Own", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u1, usages: [client auth]" + issuer, true},
		{"Neighbour", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u2, usages: [client auth]" + issuer, false},
		{"Root", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: root, usages: [client auth]" + issuer, false},
		{"NoName", "tenant-acme", "{tenantry.io/uid: u1}", "usages: [client auth]" + issuer, false},
		{"OtherNamespace", "default", "{a: b}", "commonName: t-u1, usages: [client auth]" + issuer, false},
		{"Literal", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u1, literalSubject: CN=root, usages: [client auth]" + issuer, false},
		{"Authority", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u1, isCA: true, usages: [client auth]" + issuer, false},
		{"ServerName", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u1, dnsNames: [etcd.datastore-eu-1-a.svc], usages: [client auth]" + issuer, false},
		{"Server", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u1, usages: [server auth]" + issuer, false},
		{"AnyUsage", "tenant-acme", "{tenantry.io/uid: u1}", "commonName: t-u1" + issuer, false},
		{"TheDataStoresOwn", "datastore-eu-1-a", "{}", "commonName: root, usages: [client auth]" + issuer, true},
		{"AnotherIssuer", "tenant-acme", "{}", "commonName: root, issuerRef: {name: kubernetes-ca, kind: Issuer}", true},
		{"AnotherDataStore", "tenant-acme", "{}", "commonName: root, issuerRef: {name: datastore-b, kind: ClusterIssuer}", true},
		{"SameNameOfAnotherKind", "tenant-acme", "{}", "commonName: root, issuerRef: {name: datastore-eu-1-a, kind: Issuer}", true},
		{"KindLeftOut", "tenant-acme", "{}", "commonName: root, issuerRef: {name: datastore-eu-1-a}", true}, // an Issuer by default
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var object, namespace map[string]any
			if err := yaml.Unmarshal([]byte("{metadata: {namespace: "+tt.namespace+"}, spec: {"+tt.spec+"}}"), &object); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte("{metadata: {labels: "+tt.labels+"}}"), &namespace); err != nil {
				t.Fatal(err)
			}
			variables := map[string]any{"object": object, "namespaceObject": namespace}
			allowed := !all(t, "matchConditions", variables) || all(t, "validations", variables)
			if allowed != tt.want {
				t.Errorf("allowed: %t, want %t", allowed, tt.want)
			}
		})
	}
}

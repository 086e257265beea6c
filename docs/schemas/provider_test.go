package schemas

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/render"
)

// Every provider that is carried, and every one of an example, fits the schema. So does the
// one that docs/providers.md shows.
func TestProvidersFitTheSchema(t *testing.T) {
	v := newValidator(t)
	files, err := filepath.Glob("../../examples/*/providers/*/provider.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	carried, err := filepath.Glob("../../render/providers/*/provider.yaml")
	if err != nil || len(carried) < 4 {
		t.Fatal(carried, err)
	}
	for _, file := range append(files, carried...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range v.judge("Provider", raw) {
			t.Errorf("%s: %v", file, fault)
		}
	}
	page, err := os.ReadFile("../providers.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```yaml\n(# providers/acme/provider.yaml\n.*?)```\n").FindSubmatch(page)
	if shown == nil {
		t.Fatal("docs/providers.md shows no provider.yaml")
	}
	for _, fault := range v.judge("Provider", shown[1]) {
		t.Errorf("docs/providers.md: %v", fault)
	}
}

// A provider with everything that can be said, of which the test makes others.
const wholeProvider = `apiVersion: tenantry.io/v1alpha1
kind: Provider
metadata: {name: toy}
baseVersion: "1"
capabilities: {sleep: true, versionChange: {minors: 1}, reasons: {dataStoreChange: files are local}}
tenant:
  kinds: [v1/Namespace, apps/v1/Deployment, example.com/*/*]
  stateful: [apps/v1/Deployment]
  grants: [{kind: v1/Namespace, namespace: '"a"'}]
  require: [{kind: apps/v1/Deployment, holds: "true", message: '"a"'}]
  health:
  - {kind: apps/v1/Deployment, name: "a*", reason: Ready, current: "true", failed: "false", inProgress: "false", message: '"a"'}
  outputs: [{name: version, kind: apps/v1/Deployment, object: "*", value: '"a"'}]
  kubeconfig: {secret: '"a"', key: a, revision: version}
  derive: [{secret: '"a"', key: a, certificate: '"a"', server: '"a"', cluster: '"a"', user: '"a"'}]
  footprint: [{kind: apps/v1/Deployment, replicas: spec.replicas, resources: [spec.resources]}]
  import:
    kind: apps/v1/Deployment
    version: '"a"'
    replicas: "1"
    serviceCIDR: '"a"'
    podCIDR: '"a"'
    domain: '"a"'
    endpoint: '"a"'
    left: [{kind: apps/v1/Deployment, fields: [spec.a]}]
teardown:
  kinds: [v1/Namespace]
  health: [{kind: v1/Namespace, name: a, reason: Gone, current: "true", message: '"a"'}]
dataStore:
  external: true
  kinds: [v1/ConfigMap]
  health: [{kind: v1/ConfigMap, name: a, reason: Ready, current: "true", message: '"a"'}]
  import: {kind: v1/ConfigMap, spec: object.spec}
`

// The schema takes whatever the reader of providers takes, and refuses what a schema can.
func TestProviderSchemaAgreesWithTheReader(t *testing.T) {
	v := newValidator(t)
	tests := []struct {
		name, from, to string
		want           string // good, bad, or looser: refused by the reader for what no schema can say
	}{
		{"Whole", "", "", "good"},
		{"Version", "v1alpha1", "v1", "bad"},
		{"Kind", "kind: Provider", "kind: Tenant", "bad"},
		{"NoBaseVersion", "baseVersion: \"1\"\n", "", "bad"},
		{"BaseVersionNumber", `baseVersion: "1"`, "baseVersion: 1", "bad"},
		{"BaseVersionWord", `baseVersion: "1"`, `baseVersion: "v1"`, "bad"},
		{"NameInCapitals", "name: toy", "name: Toy", "bad"},
		{"NameOfAnotherFolder", "name: toy", "name: toys", "looser"},
		{"UnknownField", "sleep: true", "slep: true", "bad"},
		{"MinorsAbsent", "minors: 1", "downgrade: true", "good"},
		{"MinorsNegative", "minors: 1", "minors: -1", "bad"},
		{"ReasonOfNothing", "reasons: {dataStoreChange", "reasons: {dataStoreChanges", "bad"},
		{"ReasonForWhatItHas", "reasons: {dataStoreChange", "reasons: {sleep", "looser"},
		{"NoTenant", "tenant:\n", "tenants:\n", "bad"},
		{"NoKinds", "kinds: [v1/Namespace]", "kinds: []", "bad"},
		{"KindTwice", "kinds: [v1/Namespace]", "kinds: [v1/Namespace, v1/Namespace]", "bad"},
		{"KindWithoutVersion", "kinds: [v1/ConfigMap]", "kinds: [v1/ConfigMap, ConfigMap]", "bad"},
		{"KindWithStar", "example.com/*/*", "example.com/v1/*", "bad"},
		{"KindsOfTheCore", "example.com/*/*", "v1/*", "bad"},
		{"GrantOfAGroup", "grants: [{kind: v1/Namespace", "grants: [{kind: example.com/*/*", "bad"},
		{"RuleOfAGroup", "- {kind: apps/v1/Deployment", "- {kind: example.com/*/*", "bad"},
		{"RuleOfWhatIsNotRendered", "- {kind: apps/v1/Deployment", "- {kind: apps/v1/StatefulSet", "looser"},
		{"NoHealth", `health: [{kind: v1/Namespace, name: a, reason: Gone, current: "true", message: '"a"'}]`, "health: []", "bad"},
		{"NoMessage", `reason: Gone, current: "true", message: '"a"'`, `reason: Gone, current: "true"`, "bad"},
		{"NoReason", "reason: Gone, ", "", "bad"},
		{"ReasonOfTwoWords", "reason: Gone", "reason: is gone", "bad"},
		{"StarInTheMiddle", `name: "a*"`, `name: "a*b"`, "bad"},
		{"EveryName", `name: "a*"`, `name: "*"`, "good"},
		{"CurrentNoText", `reason: Gone, current: "true"`, "reason: Gone, current: true", "bad"},
		{"CurrentNoCEL", `reason: Gone, current: "true"`, `reason: Gone, current: "tru("`, "looser"},
		{"NothingToOverride", `failed: "false", `, "", "bad"},
		{"OutputNobodyReads", "name: version", "name: versions", "looser"},
		{"KubeconfigWithoutKey", `kubeconfig: {secret: '"a"', key: a, `, `kubeconfig: {secret: '"a"', `, "bad"},
		{"DeriveWithoutUser", `, user: '"a"'`, "", "bad"},
		{"FootprintWithoutResources", "resources: [spec.resources]", "resources: []", "bad"},
		{"TenantElsewhere", "tenant:\n", "tenant:\n  external: true\n", "bad"},
		{"TenantNotElsewhere", "tenant:\n", "tenant:\n  external: false\n", "good"},
		{"TeardownElsewhere", "teardown:\n", "teardown:\n  external: true\n", "bad"},
		{"TeardownNotElsewhere", "teardown:\n", "teardown:\n  external: false\n", "good"},
		{"TeardownWithKubeconfig", "teardown:\n", "teardown:\n  kubeconfig: {secret: '\"a\"', key: a}\n", "bad"},
		{"TeardownWithImport", "teardown:\n", "teardown:\n  import: {kind: v1/Namespace}\n", "bad"},
		{"DataStoreWithDerive", "dataStore:\n", "dataStore:\n  derive: [{secret: '\"a\"', key: a, certificate: '\"a\"', server: '\"a\"', cluster: '\"a\"', user: '\"a\"'}]\n", "bad"},
		{"DataStoreDerivingNothing", "dataStore:\n", "dataStore:\n  derive: []\n", "good"},
		{"ImportOfATenantWithoutVersion", "    version: '\"a\"'\n", "", "bad"},
		{"ImportOfATenantWithSpec", "    version: '\"a\"'\n", "    version: '\"a\"'\n    spec: object.spec\n", "bad"},
		{"ImportOfATenantWithSchema", "    version: '\"a\"'\n", "    version: '\"a\"'\n    schema: '\"a\"'\n", "good"},
		{"ImportOfADataStoreWithVersion", "{kind: v1/ConfigMap, spec:", "{kind: v1/ConfigMap, version: '\"a\"', spec:", "bad"},
		{"ImportOfADataStoreWithoutSpec", `import: {kind: v1/ConfigMap, spec: object.spec}`, "import: {kind: v1/ConfigMap}", "bad"},
		{"LeftStatus", "fields: [spec.a]", "fields: [status.a]", "bad"},
		{"LeftLabel", "fields: [spec.a]", "fields: ['metadata.labels.[example.com/x]']", "good"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.from != "" && strings.Count(wholeProvider, tt.from) != 1 {
				t.Fatalf("it says %q %d times", tt.from, strings.Count(wholeProvider, tt.from))
			}
			text := wholeProvider
			if tt.from != "" {
				text = strings.Replace(text, tt.from, tt.to, 1)
			}
			files := fstest.MapFS{"toy/provider.yaml": {Data: []byte(text)}}
			for _, folder := range []string{"toy", "toy/teardown", "toy/datastore"} {
				files[folder+"/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources: []\n")}
			}
			_, findings, err := render.ReadProvider(files, "toy")
			if err != nil {
				t.Fatal(err)
			}
			if (len(findings) == 0) != (tt.want == "good") {
				t.Errorf("the reader finds %v, want it %s", findings, tt.want)
			}
			if faults := v.judge("Provider", []byte(text)); (len(faults) == 0) != (tt.want != "bad") {
				t.Errorf("the schema finds %v, want it %s", faults, tt.want)
			}
		})
	}
}

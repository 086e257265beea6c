package render

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestReadProviderFindsAll: one reading tells all that is wrong, each where it stands.
func TestReadProviderFindsAll(t *testing.T) {
	const wrong = `apiVersion: tenantry.io/v1
kind: Provider
metadata: {name: Toy}
baseVersion: 1
capabilities:
  slep: true
  sleep: true
  versionChange: {minors: -1}
  reasons: {sleep: never, datastoreChange: its files are local}
tenant:
  kinds: [v1/Namespace, apps/v1/Deployment, v1/Namespace]
  stateful: [apps/v1/Deploymnet]
  external: true
  grants:
  - {kind: apps/v1/Deployment, namespace: object.spec}
  health:
  - kind: apps/v1/Deployment
    name: "*a*"
    reason: not ready
    current: true
    inProgress: object.status.x == 1
    message: size(object.spec)
  - kind: apps/v1/Deployment
    name: a
    reason: Ready
    current: >-
      object.status.ready &&
      objekt.metadata.name == "a" &&
      siez(object) > 1
    message: ""
  outputs:
  - {name: vresion, kind: v1/Namespace, object: "*", value: object.x}
  kubeconfig: {secret: tenant.metadata.name, revision: gone}
  derive: [{secret: '"a"'}]
  footprint: [{kind: v1/Namespace}]
teardown:
  kinds: [v1/Namespace]
  health: []
  kubeconfig: {secret: '"a"', key: a}
`
	_, findings, err := ReadProvider(fstest.MapFS{
		"providers/toy/provider.yaml":      {Data: []byte(wrong)},
		"providers/toy/kustomization.yaml": {Data: []byte("resources: []\n")},
	}, "providers/toy")
	if err != nil {
		t.Fatal(err)
	}
	const want = `providers/toy/provider.yaml:1:13: apiVersion: Unsupported value: "tenantry.io/v1": supported values: "tenantry.io/v1alpha1"
providers/toy/provider.yaml:3:18: metadata.name: Invalid value: "Toy": want at most 40 lower-case letters, digits and '-', first a letter, last a letter or digit
providers/toy/provider.yaml:4:14: baseVersion: Invalid value: 1: want a string
    quote it: "1"
providers/toy/provider.yaml:6:3: capabilities.slep: unknown field
    did you mean sleep?
providers/toy/provider.yaml:8:27: capabilities.versionChange.minors: Invalid value: -1: must not be negative
    0 is for patches alone
providers/toy/provider.yaml:9:20: capabilities.reasons[sleep]: Forbidden: the provider has the capability sleep
    remove one of both
providers/toy/provider.yaml:9:44: capabilities.reasons[datastoreChange]: Unsupported value: "datastoreChange": supported values: "dataStoreChange", "sleep", "versionChange"
    did you mean dataStoreChange?
providers/toy/provider.yaml:11:45: tenant.kinds[2]: Duplicate value: "v1/Namespace"
providers/toy/provider.yaml:12:14: tenant.stateful[0]: Invalid value: "apps/v1/Deploymnet": is not among kinds
    did you mean apps/v1/Deployment?
providers/toy/provider.yaml:13:13: tenant.external: Forbidden: says nothing of a tenant
    it is for dataStore
providers/toy/provider.yaml:15:43: tenant.grants[0].namespace: is not CEL: undeclared reference to 'object'
    this expression speaks of tenant, the resolved document
providers/toy/provider.yaml:18:11: tenant.health[0].name: Invalid value: "*a*": want one * at most, at the end
providers/toy/provider.yaml:19:13: tenant.health[0].reason: Invalid value: "not ready": want one CamelCase word
    for example ControlPlane
providers/toy/provider.yaml:20:14: tenant.health[0].current: Invalid value: true: want a string
    quote it: "true"
providers/toy/provider.yaml:21:17: tenant.health[0].inProgress: Forbidden: there is no failed that it could override
    what is neither current nor failed is in progress
providers/toy/provider.yaml:22:14: tenant.health[0].message: gives int: want string
providers/toy/provider.yaml:28:7: tenant.health[1].current: is not CEL: undeclared reference to 'objekt'
    expressions know object (health, outputs, require) or tenant (everything else)
providers/toy/provider.yaml:29:11: tenant.health[1].current: is not CEL: undeclared reference to 'siez'
    expressions know object (health, outputs, require) or tenant (everything else)
providers/toy/provider.yaml:30:14: tenant.health[1].message: Invalid value: "": must not be empty
    leave the field out, or write CEL
providers/toy/provider.yaml:32:12: tenant.outputs[0].name: Unsupported value: "vresion": supported values: "version", "endpoint", "gone"
    did you mean version?
providers/toy/provider.yaml:33:3: tenant.kubeconfig.key: Required value: the key of the Secret's data
providers/toy/provider.yaml:33:56: tenant.kubeconfig.revision: Not found: "gone"
    want an output of this name, which changes whenever the kubeconfig does
providers/toy/provider.yaml:34:12: tenant.derive[0].certificate: Required value
providers/toy/provider.yaml:34:12: tenant.derive[0].cluster: Required value
providers/toy/provider.yaml:34:12: tenant.derive[0].key: Required value: the key of the Secret's data
providers/toy/provider.yaml:34:12: tenant.derive[0].server: Required value
providers/toy/provider.yaml:34:12: tenant.derive[0].user: Required value
providers/toy/provider.yaml:35:15: tenant.footprint[0].replicas: Required value: the path of how many pods there are
providers/toy/provider.yaml:35:15: tenant.footprint[0].resources: Required value: the paths of what containers request
providers/toy/provider.yaml:38:11: teardown.health: Required value: it would be current before anything is there
providers/toy/provider.yaml:39:15: teardown.kubeconfig: Forbidden: a teardown has none
    it is for tenant
providers/toy/teardown/kustomization.yaml: is missing
    it is the base of a teardown
`
	if diff := cmp.Diff(want, findings.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReadProviderOfAnybody: a folder may hold anything. Nothing of it is followed,
// fetched or taken for harmless, and what is wrong is told.
func TestReadProviderOfAnybody(t *testing.T) {
	good := func() fstest.MapFS {
		return fstest.MapFS{
			"provider.yaml":      {Data: []byte(goodProvider)},
			"kustomization.yaml": {Data: []byte("resources: [namespace.yaml]\n")},
			"namespace.yaml":     {Data: []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: TENANT-NAMESPACE}\n")},
			"README.md":          {Data: []byte("for people")},
			"testdata/a.yaml":    {Data: []byte("a: &a [*a]")},
		}
	}
	file := func(name, text string) func(fstest.MapFS) {
		return func(files fstest.MapFS) { files[name] = &fstest.MapFile{Data: []byte(text)} }
	}
	tests := []struct {
		name   string
		reason string
		change func(fstest.MapFS)
		want   string
	}{
		{"Good", "Tests' data is no part of a provider.", func(fstest.MapFS) {}, ""},
		{"Nothing", "", func(files fstest.MapFS) { clear(files); files["a.txt"] = &fstest.MapFile{} }, "toy/provider.yaml: is missing"},
		{"Empty", "", file("provider.yaml", ""), "toy/provider.yaml:1:1: is empty"},
		{"NoYAML", "", file("provider.yaml", "a: [b\n"), "is not YAML"},
		{"NoMapping", "", file("provider.yaml", "- a\n"), "is not a mapping"},
		{"Alias", "An alias may form a cycle, or grow without end.", file("provider.yaml", "a: &a\n  b: *a\n"), "toy/provider.yaml:2:6: has the YAML alias *a"},
		{"CyclicBase", "Kustomize would never come back.", file("namespace.yaml", "a: &a [*a]\n"), "toy/namespace.yaml:1:8: has the YAML alias *a"},
		{"Deep", "Readers overflow their stacks.", file("namespace.yaml", strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), "toy/namespace.yaml"},
		{"NUL", "", file("provider.yaml", "a: \x00\n"), "control character"},
		{"Large", "It would be kept for every version.", file("a.txt", strings.Repeat("a", maxFileBytes+1)), "toy/a.txt: has 1048577 bytes"},
		{"LargeTogether", "", func(files fstest.MapFS) {
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				file(name, strings.Repeat("a", maxFileBytes))(files)
			}
		}, "toy: has more than 200 files, or more than 4 MiB"},
		{"Many", "", func(files fstest.MapFS) {
			for i := range maxProviderFiles {
				file("x"+strings.Repeat("a", i), "")(files)
			}
		}, "toy: has more than 200 files"},
		{"DeepFolders", "", file(strings.Repeat("a/", 12)+"b", ""), "is nested more than 8 folders deep"},
		{"Link", "It may lead anywhere.", func(files fstest.MapFS) {
			files["secret.yaml"] = &fstest.MapFile{Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink}
		}, "toy/secret.yaml: is a symbolic link"},
		{"Device", "It may never end.", func(files fstest.MapFS) { files["null"] = &fstest.MapFile{Mode: fs.ModeDevice} }, "toy/null: is neither a file nor a folder"},
		{"NoBase", "", func(files fstest.MapFS) { delete(files, "kustomization.yaml") }, "toy/kustomization.yaml: is missing"},
		{"Remote", "Nothing is fetched.", file("kustomization.yaml", "resources: [https://example.com/base]\n"), "nothing is fetched while rendering"},
		{"Outside", "Another provider's base is not its own.", file("kustomization.yaml", "resources: [../native]\n"), "leaves the provider's folder"},
		{"Plugin", "Nothing is run.", file("kustomization.yaml", "generators: [a.yaml]\n"), "toy/kustomization.yaml: generators is not allowed"},
		{"Absent", "", file("kustomization.yaml", "resources: [gone.yaml]\n"), "gone.yaml does not exist"},
		{"Function", "Kustomize would run it.", file("namespace.yaml", "metadata: {annotations: {config.kubernetes.io/function: a}}\n"), `annotation "config.kubernetes.io/function" is not allowed`},
		{"LongExpression", "", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "`+strings.Repeat("true && ", 2000)+`true"`, 1)), "characters: want 8192 at most"},
		{"DeepExpression", "", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "`+strings.Repeat("(", 4000)+`"`, 1)), "is not CEL"},
		{"ManyLoops", "The types of one loop's elements are those of the one before.", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "[1]`+strings.Repeat(".map(x, [x])", 60)+` == []"`, 1)), "has 60 loops: want 20 at most"},
		{"HiddenLoops", "Loops are counted as CEL reads them.", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "[1]`+strings.Repeat(`.//\nmap(x, x)`, 24)+` == []"`, 1)), "has 24 loops: want 20 at most"},
		{"NamedLoops", "A text is none.", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "'`+strings.Repeat(".map(", 24)+`' != ''"`, 1)), ""},
		{"ComputedKeys", "The type of each has that of the one before twice.", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "[[1]]`+strings.Repeat(".map(x, {x: x})", 19)+`.size() > 0"`, 1)), "has a map whose keys are computed"},
		{"NoPattern", "It would fail each time.", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "'a'.matches('(')"`, 1)), "cannot be planned: error parsing regexp"},
		{"Bomb", "", file("provider.yaml", strings.Replace(goodProvider, `current: "true"`, `current: "'a'.replace('a', 'b') == 'b'"`, 1)), "is not CEL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, all := good(), fstest.MapFS{}
			tt.change(files)
			for name, f := range files {
				all["toy/"+name] = f
			}
			source, findings, err := ReadProvider(all, "toy")
			if err != nil {
				t.Fatal(err)
			}
			if (source == nil) == (len(findings) == 0) || tt.want == "" && len(findings) > 0 || !strings.Contains(findings.String(), tt.want) {
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, findings, tt.want)
			}
		})
	}
	if _, _, err := ReadProvider(fstest.MapFS{}, "gone"); err == nil {
		t.Error("a folder that is not there was read")
	}
}

// TestRunawayExpressions: whatever an expression says, it ends, and it is told where it
// stands.
func TestRunawayExpressions(t *testing.T) {
	double := strings.Repeat(".map(x, x + x)", 20)
	tests := []struct{ name, current, want string }{
		{"Loops", "object.spec.items.all(a, object.spec.items.all(b, object.spec.items.all(c, a + b + c >= 0)))", "runs too long"},
		{"DoublesText", `["aaaaaaaa"]` + double + ".size() == 0", "too large"},
		{"DoublesLists", `[["a"]]` + double + `[0].join("") == ""`, "too large"},
		{"NestsLists", `["a"]` + strings.Repeat(".map(x, [x, x])", 20) + ` == object.spec.items`, "too large"},
		{"NestsMaps", `["a"]` + strings.Repeat(`.map(x, {"a": x, "b": x})`, 20) + ` == object.spec.items`, "too large"},
		{"NestsOptionals", `["a"]` + strings.Repeat(".map(x, [optional.of(x), optional.of(x)])", 20) + ` == object.spec.items`, "too large"},
		{"Joins", `object.spec.items.map(x, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").join(object.spec.text) == ""`, "too large"},
		{"NotThere", "object.gone.x", "no such key: gone"},
		{"OtherType", "object.spec.text", "gives string: want bool"},
	}
	content := map[string]any{}
	text := `spec: {items: [` + strings.Repeat("1, ", 200) + `1], text: "` + strings.Repeat("a", 4096) + `"}`
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := toy("toy", "1")
			quoted := "'" + strings.ReplaceAll(tt.current, "'", "''") + "'"
			files["providers/toy/provider.yaml"].Data = []byte(strings.Replace(goodProvider, `current: "true"`, "current: "+quoted, 1))
			source, findings, err := ReadProvider(files, "providers/toy")
			if err != nil || len(findings) > 0 {
				t.Fatal(err, findings)
			}
			got := source.base.parts[partTenant].Judge([]Judged{{ID: ObjectID{Version: "v1", Kind: "Namespace", Name: "a"}, Present: true, Content: content}})
			if got.State != InProgress || got.Reason != "NotUnderstood" ||
				!strings.Contains(got.Message, "providers/toy/provider.yaml:9:65: tenant.health[0].current: ") || !strings.Contains(got.Message, tt.want) {
				t.Errorf("got %+v, want …%s…", got, tt.want)
			}
		})
	}
}

// FuzzReadProvider: whatever stands in a folder, it is read or told of.
func FuzzReadProvider(f *testing.F) {
	f.Add([]byte(goodProvider), []byte("resources: []\n"))
	f.Add([]byte("a: &a [*a]"), []byte("- {a: b"))
	f.Fuzz(func(t *testing.T, description, kustomization []byte) {
		source, findings, err := ReadProvider(fstest.MapFS{
			"toy/provider.yaml":      {Data: description},
			"toy/kustomization.yaml": {Data: kustomization},
		}, "toy")
		if err != nil || (source == nil) == (len(findings) == 0) {
			t.Errorf("got %v, %v, %v", source, findings, err)
		}
	})
}

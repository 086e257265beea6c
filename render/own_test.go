package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
)

const componentHead = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

// acmeOwning is acme with a Component of its own, in a class with these bounds.
func acmeOwning(allow *fleet.Allow, files map[string]string) TenantInput {
	in := acme()
	in.Class.Spec.Allow = allow
	in.Files, in.Dir = asFiles(files), "tenants/web/acme"
	return in
}

// patching is a Component with one JSON patch of a Deployment.
func patching(ops string) map[string]string {
	return map[string]string{"kustomization.yaml": componentHead + "patches:\n- target: {kind: Deployment, name: control-plane}\n  patch: |\n    - " + ops}
}

// adding is a Component with one file of further objects.
func adding(objects string) map[string]string {
	return map[string]string{"kustomization.yaml": componentHead + "resources: [x.yaml]", "x.yaml": objects}
}

// TestTenantsBounds changes objects in many ways, with and without leave.
func TestTenantsBounds(t *testing.T) {
	deployment := func(fields ...string) *fleet.Allow {
		return &fleet.Allow{Patches: []fleet.AllowedPatch{{Kind: "apps/v1/Deployment", Name: "control-plane", Fields: fields}}}
	}
	tolerate := patching("{op: add, path: /spec/template/spec/tolerations, value: [{operator: Exists}]}")
	memory := patching("{op: replace, path: /spec/template/spec/containers/0/resources/requests/memory, value: 1Gi}")
	configMap := adding("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: tenant-acme}")
	tests := []struct {
		name   string
		reason string
		allow  *fleet.Allow
		files  map[string]string
		want   string // empty when it is allowed
	}{
		{"Field", "The field itself is named.", deployment("spec.template.spec.tolerations"), tolerate, ""},
		{"Parent", "All below a field may be changed.", deployment("spec.template"), tolerate, ""},
		{
			"Command", "An annotation may order a controller about: a paused one would leave a removed tenant running.", deployment("metadata.annotations"),
			patching(`{op: add, path: /metadata/annotations, value: {kubernetes.io.apps/x: y, apps/paused: "true"}}`), "metadata.annotations.apps/paused: a tenant may not change it",
		},
		{"Sibling", "A name that begins alike is another one.", deployment("spec.template.spec.toleration"), tolerate, "spec.template.spec.tolerations: class standard does not let tenants change it: it allows spec.template.spec.toleration"},
		{"Child", "Leave for a part is none for the whole.", deployment("spec.template.spec.tolerations.x"), tolerate, "tolerations: class standard"},
		{"Nothing", "Without bounds nothing is allowed.", nil, tolerate, "Deployment.apps/tenant-acme/control-plane: spec.template.spec.tolerations: class standard does not let tenants change it: it allows nothing"},
		{"AnotherObject", "Bounds name the object.", &fleet.Allow{Patches: []fleet.AllowedPatch{{Kind: "apps/v1/Deployment", Name: "other", Fields: []string{"spec"}}}}, tolerate, "it allows nothing"},
		{"AnotherKind", "And its kind.", &fleet.Allow{Patches: []fleet.AllowedPatch{{Kind: "apps/v1/StatefulSet", Name: "control-plane", Fields: []string{"spec"}}}}, tolerate, "it allows nothing"},
		{"Element", "An element of a list goes by its name.", deployment("spec.template.spec.containers.[name=kube-apiserver].resources"), memory, ""},
		{"AnotherElement", "Another one is not meant.", deployment("spec.template.spec.containers.[name=kube-scheduler].resources"), memory, "spec.template.spec.containers.[name=kube-apiserver].resources.requests.memory: class standard"},
		{
			"NewElement", "Leave for one element is none for further ones.", deployment("spec.template.spec.containers.[name=kube-apiserver]"),
			patching("{op: add, path: /spec/template/spec/containers/-, value: {name: miner, image: x}}"), "containers.[name=miner]: class standard",
		},
		{
			"Reorder", "The order of a list is a value of the list.", deployment("spec.template.spec.containers.[name=kube-apiserver]"),
			patching("{op: move, from: /spec/template/spec/containers/0, path: /spec/template/spec/containers/2}"), "spec.template.spec.containers: class standard",
		},
		{
			"RemovedField", "Taking away is a change.", deployment("metadata"),
			patching("{op: remove, path: /spec/template/spec/securityContext/runAsNonRoot}"), "spec.template.spec.securityContext.runAsNonRoot: class standard",
		},
		{
			"NewParent", "What is allowed below may be made with all above it.", deployment("metadata.annotations.[example.com/a]"),
			patching("{op: add, path: /metadata/annotations, value: {example.com/a: x}}"), "",
		},
		{
			"NewParentWithMore", "But nothing beside it.", deployment("metadata.annotations.[example.com/a]"),
			patching("{op: add, path: /metadata/annotations, value: {example.com/a: x, example.com/b: x}}"), "metadata.annotations.[example.com/b]: class standard",
		},
		{"AddedKind", "Kinds to add are named.", &fleet.Allow{Resources: []string{"v1/ConfigMap"}}, configMap, ""},
		{"AddedOtherKind", "Others are refused.", &fleet.Allow{Resources: []string{"v1/Service"}}, configMap, "ConfigMap/tenant-acme/x: class standard does not let tenants add v1/ConfigMap: it allows v1/Service"},
		{
			"AddedElsewhere", "A tenant's objects stand in its namespace.", &fleet.Allow{Resources: []string{"v1/ConfigMap"}},
			adding("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: tenant-blue}"), "outside of its namespace: want namespace tenant-acme",
		},
		{
			"AddedClusterRole", "A class cannot give leave for what its provider has not.", &fleet.Allow{Resources: []string{"rbac.authorization.k8s.io/v1/Role"}},
			adding("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x, namespace: tenant-acme}"), "kind rbac.authorization.k8s.io/v1/Role may not be rendered",
		},
		{
			"AddedSecret", "A secret must not be in a commit.", &fleet.Allow{Resources: []string{"v1/Secret"}},
			adding("apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: tenant-acme}"), "kind v1/Secret may not be rendered",
		},
		{
			"Replicas", "A tenant that was removed has to stop.", deployment("spec"),
			patching("{op: replace, path: /spec/replicas, value: 9}"), "spec.replicas comes from the declaration: say spec.replicas in tenant.yaml",
		},
		{
			"Removed", "What the class renders stays.", deployment("spec", "metadata", "kind", "apiVersion"),
			map[string]string{"kustomization.yaml": componentHead + "patches:\n- patch: |\n    $patch: delete\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: kubeconfigs, namespace: tenant-acme}"},
			"ConfigMap/tenant-acme/kubeconfigs: a tenant may not remove or rename it",
		},
		{
			"Renamed", "A name is no field.", deployment("spec", "metadata"),
			patching("{op: replace, path: /metadata/name, value: other}"), "a tenant may not remove or rename it",
		},
		{
			"PodSecurity", "No bound reaches the namespace.", &fleet.Allow{Patches: []fleet.AllowedPatch{{Kind: "v1/Namespace", Name: "tenant-acme", Fields: []string{"metadata"}}}},
			map[string]string{"kustomization.yaml": componentHead + "patches:\n- target: {kind: Namespace}\n  patch: |\n    - {op: replace, path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: privileged}"},
			"Namespace/tenant-acme: a tenant may not change it",
		},
		{
			"GrantedJob", "Nor the Job beside the datastore.", &fleet.Allow{Patches: []fleet.AllowedPatch{{Kind: "batch/v1/Job", Name: "*", Fields: []string{"spec"}}}},
			map[string]string{"kustomization.yaml": componentHead + "patches:\n- target: {kind: Job}\n  patch: |\n    - {op: replace, path: /spec/backoffLimit, value: 1}"},
			"a tenant may not change it: it is the provider's alone",
		},
		{
			"OurLabel", "Leave for labels is none for ours.", deployment("metadata.labels"),
			patching("{op: add, path: /metadata/labels/tenantry.io~1uid, value: other}"), "metadata.labels[tenantry.io/uid] is Tenantry's own",
		},
		{
			"EveryLabel", "A transformer is judged by what it did.", deployment("metadata.labels"),
			map[string]string{"kustomization.yaml": componentHead + "labels: [{pairs: {a: b}}]"}, "metadata.labels.a: class standard",
		},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.Tenant(acmeOwning(tt.allow, tt.files))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s\n%v", tt.reason, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s\ngot:  %v\nwant: …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

// TestHostileTenants gives a tenant's Component what is refused before any build.
func TestHostileTenants(t *testing.T) {
	tests := []struct {
		name, reason string
		files        map[string]string
		want         string
	}{
		{"NoComponent", "It would be a base of its own.", map[string]string{"kustomization.yaml": "kind: Kustomization"}, "a tenant's own overlay is a Component"},
		{"URL", "Nothing is fetched.", map[string]string{"kustomization.yaml": componentHead + "resources: ['http://127.0.0.1:1/x.yaml']"}, "is not a clean relative path"},
		{"PatchURLInCapitals", "Kustomize reads keys without regard to case.", map[string]string{"kustomization.yaml": componentHead + "patches: [{PATH: 'http://127.0.0.1:1/x.yaml'}]"}, "patches: PATH is not allowed"},
		{"GeneratorURL", "Generators load files, too.", map[string]string{"kustomization.yaml": componentHead + "configMapGenerator: [{name: x, files: ['a=http://127.0.0.1:1/x']}]"}, "is not a clean relative path"},
		{"GeneratorEscape", "There is nothing above.", map[string]string{"kustomization.yaml": componentHead + "configMapGenerator: [{name: x, envs: [../../../fleet.env]}]"}, "is not a file of the tenant"},
		{"GeneratorPlugin", "Only what is known.", map[string]string{"kustomization.yaml": componentHead + "configMapGenerator: [{name: x, kvSources: []}]"}, "kvSources is not allowed"},
		{"SecretGenerator", "A secret must not be in a commit.", map[string]string{"kustomization.yaml": componentHead + "secretGenerator: [{name: x}]"}, "a secret must not be in a commit"},
		{"Base", "The class is not the tenant's to choose twice.", map[string]string{"kustomization.yaml": componentHead + "resources: [../../../providers/native]"}, "leaves the tenant's folder"},
		{"Neighbour", "A neighbour's folder is not its own.", map[string]string{"kustomization.yaml": componentHead + "components: [../globex]"}, "leaves the tenant's folder"},
		{"OpenAPI", "A schema is global to the process.", map[string]string{"kustomization.yaml": componentHead + "openapi: {path: x.json}", "x.json": "{}"}, "openapi is not allowed"},
		{"Replacements", "A source could be anything.", map[string]string{"kustomization.yaml": componentHead + "replacements: []"}, "replacements is not allowed"},
		{"Alias", "Kustomize expands them without limit.", adding("a: &a\n  b: *a\n"), "tenants/web/acme/x.yaml: line 1: YAML anchors and aliases are not allowed"},
		{"Mark", "It would be taken for one of ours.", adding(`a: "\uE0001\uE001"`), "characters for private use"},
		{"Twice", "Kustomize would build it as often as all ways to it together.", map[string]string{"kustomization.yaml": componentHead + "components: [a, a]", "a/kustomization.yaml": componentHead}, "tenants/web/acme/a: it is named twice"},
		{"Copy", "Each copy may double what is there.", patching("{op: copy, from: /spec, path: /spec/x}"), "the operation copy is not allowed"},
		{"CopyInFile", "A patch in a file is read as well.", map[string]string{"kustomization.yaml": componentHead + "patches: [{path: p.yaml, target: {kind: Deployment}}]", "p.yaml": "- {op: copy, from: /spec, path: /spec/x}"}, "the operation copy is not allowed"},
		{"CopyMerged", "Kustomize fills a merge key in, so that the operation hides behind it.", patching("{<<: {op: copy}, from: /spec, path: /spec/x}"), "YAML merge keys are not allowed"},
		{"CopyEncoded", "And reads base64.", patching("{op: !!binary Y29weQ==, from: /spec, path: /spec/x}"), "YAML tag !!binary is not allowed"},
		{"TooMuchGenerated", "A file may be named many times.", map[string]string{"kustomization.yaml": componentHead + "configMapGenerator: [{name: x, files: [" + manyFiles(100) + "]}]", "f": strings.Repeat("x", 32<<10)}, "bytes: want 2097152 at most"},
		{"TooManyPatches", "Builds run one at a time.", map[string]string{"kustomization.yaml": componentHead + "patches: [" + strings.Repeat("{path: p.yaml},", maxSteps+1) + "]", "p.yaml": "kind: x"}, "201 patches and the like: want 200 at most"},
		{"TooMuchToBuild", "Each patch writes all objects anew, with what the others added.", map[string]string{"kustomization.yaml": componentHead + "patches: [" + strings.Repeat("{path: p.yaml, target: {kind: '[A-Z].*'}},", 100) + "]", "p.yaml": "metadata: {annotations: {a: " + strings.Repeat("x", 1<<10) + "}}"}, "take too long to build"},
		{"TooDeep", "A build would take minutes.", adding("data: " + strings.Repeat("[", 101) + strings.Repeat("]", 101)), "YAML is nested deeper than 100 levels"},
		{"NameAsPath", "A name goes into a URL.", adding("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../../kube-system/configmaps/x, namespace: tenant-acme}"), "its name may not contain '/'"},
		{"MarkInFile", "What is generated is not read before.", map[string]string{"kustomization.yaml": componentHead + "configMapGenerator: [{name: x, namespace: tenant-acme, files: [f]}]", "f": "\uE0000!!str\uE001"}, "characters for private use are not allowed"},
		{"Generated", "What it generates has no namespace unless it says one.", map[string]string{"kustomization.yaml": componentHead + "configMapGenerator: [{name: x, literals: [a=b]}]"}, "want namespace tenant-acme"},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.Tenant(acmeOwning(&fleet.Allow{Resources: []string{"v1/ConfigMap"}}, tt.files))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s\ngot:  %v\nwant: …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

// manyFiles names the file f n times.
func manyFiles(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "a%d=f,", i)
	}
	return out.String()
}

// TestTypesOfParameters: a value is never filled in as another type than it has, even
// when tenants of one class disagree on it.
func TestTypesOfParameters(t *testing.T) {
	in := acmeWith(map[string]string{"stamp/kustomization.yaml": componentHead + `
replacements:
- source: {kind: Tenant, fieldPath: spec.parameters.number}
  targets: [{select: {kind: Deployment}, fieldPaths: [spec.progressDeadlineSeconds]}]
`})
	in.Class.Spec.Parameters = &fleet.Schema{Properties: map[string]fleet.Parameter{"number": {Type: "integer"}}}
	r := newRenderer(t)
	in.Spec.Parameters = map[string]any{"number": int64(900)}
	if _, err := r.Tenant(in); err != nil {
		t.Fatal(err)
	}
	in.Spec.Parameters = map[string]any{"number": `900,"paused":true`}
	if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), "is no int") {
		t.Errorf("a text where others gave a number: got %v", err)
	}
}

// TestClassStamps gives a class stamps that cannot work, or must not.
func TestClassStamps(t *testing.T) {
	replace := func(source, target string) map[string]string {
		return map[string]string{"stamp/kustomization.yaml": componentHead + fmt.Sprintf("replacements:\n- source: %s\n  targets:\n  - %s\n", source, target)}
	}
	said := func(name string) string { return "{kind: Tenant, fieldPath: spec.parameters." + name + "}" }
	replicas := "{select: {kind: Deployment}, fieldPaths: [spec.replicas]}"
	tests := []struct {
		name, reason string
		files        map[string]string
		want         string // empty when it works
	}{
		{"Works", "A class needs no overlay for a stamp.", replace(said("number"), "{select: {kind: Deployment}, fieldPaths: [spec.progressDeadlineSeconds]}"), ""},
		{"Typo", "The class is wrong, not its tenants.", replace(said("nummer"), replicas), "read classes/standard/stamp/kustomization.yaml: nummer is no parameter of the class: it knows absent, number, text"},
		{"NoValue", "The tenant says nothing, and the class has no default.", replace(said("absent"), replicas), "spec.parameters.absent has no value: the class needs one and gives no default"},
		{"WrongType", "A text is no number.", replace(said("text"), "{select: {kind: Deployment}, fieldPaths: [spec.progressDeadlineSeconds]}"), `fill in spec.parameters.text: "hello" is no int`},
		{"PartOfNumber", "Only texts have parts.", replace(said("number"), "{select: {kind: Deployment}, fieldPaths: [spec.progressDeadlineSeconds], options: {delimiter: '0', index: 0}}"), "only a text can be put together from parts"},
		{"ForeignSource", "Values come from the tenant's document.", replace("{kind: Service, fieldPath: metadata.name}", replicas), "the source is a Service"},
		{"Patches", "A stamp holds replacements and nothing else.", map[string]string{"stamp/kustomization.yaml": componentHead + "patches: []"}, `unknown field "patches"`},
		{"NoComponent", "Kustomize would apply it to nothing.", map[string]string{"stamp/kustomization.yaml": "kind: Kustomization\nreplacements: []"}, "a stamp is a Component"},
		{"IntoText", "Kustomize would write the text anew, as the value has it.", replace(said("text"), "{select: {kind: ConfigMap, name: kubeconfigs}, fieldPaths: ['data.[controller-manager.conf].clusters.0.name']}"), "leads into a text"},
		{"GrantedJob", "What a class may not patch it may not stamp.", replace(said("text"), "{select: {kind: Job}, fieldPaths: ['spec.template.spec.containers.[name=^add-tenant$].image']}"), "Job.batch/DATASTORE-NAMESPACE/TENANT-JOB: a class may not change it"},
		{"PodSecurity", "Nor the namespace's protection.", replace(said("text"), "{select: {kind: Namespace}, fieldPaths: ['metadata.labels.[pod-security.kubernetes.io/enforce]']}"), "Namespace/TENANT-NAMESPACE: a class may not change it"},
		{"Document", "The provider would stamp it into the Job with the root certificate.", replace(said("text"), "{select: {kind: Tenant}, fieldPaths: [spec.image]}"), "stamp classes/standard/stamp: a target is the document of kind Tenant"},
		{"Kind", "A kind is no value.", replace(said("text"), "{select: {kind: PodDisruptionBudget}, fieldPaths: [kind]}"), "may not be rendered"},
		{"OurLabel", "Ownership is ours.", replace(said("text"), "{select: {kind: PodDisruptionBudget}, fieldPaths: ['metadata.labels.[tenantry.io/uid]'], options: {create: true}}"), "is Tenantry's own"},
		{"NumberAsLabel", "Labels are texts.", replace(said("number"), "{select: {kind: PodDisruptionBudget}, fieldPaths: ['metadata.labels.a'], options: {create: true}}"), `fill in spec.parameters.number: "900" would be read as another type where a stamp makes the field`},
		{"Namespace", "A tenant must not choose where it goes.", replace(said("text"), "{select: {kind: PodDisruptionBudget}, fieldPaths: [metadata.namespace]}"), "outside of the tenant's namespace"},
		{"Alias", "A stamp is checked like everything else.", map[string]string{"stamp/kustomization.yaml": "a: &a [*a]"}, "anchors and aliases are not allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := acmeWith(tt.files)
			in.Class.Spec.Parameters = &fleet.Schema{Type: "object", Properties: map[string]fleet.Parameter{
				"number": {Type: "integer"}, "text": {Type: "string"}, "absent": {Type: "integer"},
			}}
			in.Spec.Parameters = map[string]any{"number": int64(900), "text": "hello"}
			_, err := newRenderer(t).Tenant(in)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s\n%v", tt.reason, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s\ngot:  %v\nwant: …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

// TestDelimiters: a value that Kustomize would cut at is refused where another value
// goes into the same text later, and nowhere else.
func TestDelimiters(t *testing.T) {
	in := acmeWith(map[string]string{
		"kustomization.yaml": "resources: [../../providers/native, x.yaml]",
		"x.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: TENANT-NAMESPACE}\ndata: {pair: a-b, single: a-b}",
		"stamp/kustomization.yaml": componentHead + `
replacements:
- source: {kind: Tenant, fieldPath: spec.parameters.first}
  targets:
  - {select: {kind: ConfigMap, name: x}, fieldPaths: [data.pair], options: {delimiter: "-", index: 0}}
- source: {kind: Tenant, fieldPath: spec.parameters.second}
  targets:
  - {select: {kind: ConfigMap, name: x}, fieldPaths: [data.pair, data.single], options: {delimiter: "-", index: 1}}
`,
	})
	in.Class.Spec.Parameters = &fleet.Schema{Properties: map[string]fleet.Parameter{"first": {Type: "string"}, "second": {Type: "string"}}}
	r := newRenderer(t)
	in.Spec.Parameters = map[string]any{"first": "1", "second": "2-3"}
	unit, err := r.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	data := find(t, unit, "ConfigMap", "x")["data"].(map[string]any)
	if data["pair"] != "1-2-3" || data["single"] != "a-2-3" {
		t.Errorf("got %v", data)
	}
	in.Spec.Parameters = map[string]any{"first": "1-2", "second": "3"}
	if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), `spec.parameters.first: "1-2" may not hold "-"`) {
		t.Errorf("the first holds the second's delimiter: got %v", err)
	}
}

// TestCheckNeedsNoTenant: a class whose parameters every tenant must say is judged
// without one.
func TestCheckNeedsNoTenant(t *testing.T) {
	class := acmeWith(map[string]string{"stamp/kustomization.yaml": componentHead + `
replacements:
- source: {kind: Tenant, fieldPath: spec.parameters.deadline}
  targets: [{select: {kind: Deployment}, fieldPaths: [spec.progressDeadlineSeconds]}]
`}).Class
	class.Spec.Version, class.Spec.Network = "v1.36.3", acme().Spec.Network
	class.Spec.Parameters = &fleet.Schema{Properties: map[string]fleet.Parameter{"deadline": {Type: "integer"}}, Required: []string{"deadline"}}
	if err := newRenderer(t).Check(class, "1"); err != nil {
		t.Error(err)
	}
}

// TestAccess lets groups of people read the kubeconfig, each once, in one order.
func TestAccess(t *testing.T) {
	r := newRenderer(t)
	render := func(groups ...string) (*Unit, error) {
		in := acme()
		in.Spec.Access.Groups = groups
		return r.Tenant(in)
	}
	one, err := render("b", "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	other, err := render("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if one.Digest != other.Digest {
		t.Error("the order of groups changes the unit")
	}
	rules := find(t, one, "Role", accessName)["rules"]
	if got, want := fmt.Sprint(rules), "[map[apiGroups:[] resourceNames:[acme-kubeconfig] resources:[secrets] verbs:[get]]]"; got != want {
		t.Errorf("got rules %s, want %s", got, want)
	}
	if subjects := find(t, one, "RoleBinding", accessName)["subjects"].([]any); len(subjects) != 2 {
		t.Errorf("got subjects %v, want a and b", subjects)
	}
	if _, err := render("\uE0000!!str\uE001"); err == nil || !strings.Contains(err.Error(), "characters for private use are not allowed") {
		t.Errorf("a group that looks like a mark: got %v", err)
	}
	for _, group := range []string{"", "system:authenticated", "system:masters"} {
		if _, err := render(group); err == nil || !strings.Contains(err.Error(), "group of Kubernetes' own") {
			t.Errorf("group %q: got %v", group, err)
		}
	}
}

// TestMadeFields: where a stamp makes a field, Kustomize writes the value without
// quotes, and a later layer of a build reads it anew.
func TestMadeFields(t *testing.T) {
	in := acmeWith(map[string]string{"stamp/kustomization.yaml": componentHead + `
replacements:
- source: {kind: Tenant, fieldPath: spec.parameters.text}
  targets: [{select: {kind: Deployment}, fieldPaths: ['metadata.annotations.[example.com/made]'], options: {create: true}}]
`})
	in.Class.Spec.Parameters = &fleet.Schema{Type: "object", Properties: map[string]fleet.Parameter{"text": {Type: "string"}}}
	r := newRenderer(t)
	for value, text := range map[string]bool{
		"hello": true, "v1.2": true, "a: b": true, "1": false, "true": false, "2026-01-01": false, ".inf": false, "~": false, "0x1f": false,
	} {
		in.Spec.Parameters = map[string]any{"text": value}
		if _, err := r.Tenant(in); text != (err == nil) || err != nil && !strings.Contains(err.Error(), "would be read as another type") {
			t.Errorf("%q: %v, want it filled in: %t", value, err, text)
		}
	}
}

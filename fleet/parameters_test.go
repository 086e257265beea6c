package fleet_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
)

func TestParametersKeepTheirTypes(t *testing.T) {
	f, _, err := fleet.Load(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	own, large := f.Tenants["own"], f.Classes["large"]
	want := map[string]any{"size": "large", "pool": "web", "zones": []string{"c"}, "nodes": int64(7), "spot": true}
	if diff := gocmp.Diff(want, own.Spec.Parameters); diff != "" {
		t.Errorf("said: want (-) got (+):\n%s", diff)
	}
	silent := fleet.Tenant{Spec: fleet.TenantSpec{Class: "large", Parameters: map[string]any{"pool": "api"}}}
	want = map[string]any{"size": "small", "pool": "api", "zones": []string{"a", "b"}, "nodes": int64(3), "spot": false}
	if diff := gocmp.Diff(want, fleet.Resolve(&silent, large).Parameters); diff != "" {
		t.Errorf("resolved: want (-) got (+):\n%s", diff)
	}
}

// A resolved spec is its owner's to change.
func TestResolveSharesNothing(t *testing.T) {
	f, _, err := fleet.Load(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	own, large := f.Tenants["own"], f.Classes["large"]
	silent := &fleet.Tenant{Spec: fleet.TenantSpec{Class: "large"}}
	for range 2 {
		got, byDefault := fleet.Resolve(own, large), fleet.Resolve(silent, large)
		if zones, ok := got.Parameters["zones"].([]string); !ok || zones[0] != "c" || got.Access.Groups[0] != "web" {
			t.Fatalf("zones %v, groups %v: an earlier result shares them", got.Parameters["zones"], got.Access.Groups)
		}
		if zones, ok := byDefault.Parameters["zones"].([]string); !ok || zones[0] != "a" {
			t.Fatalf("zones %v: an earlier result shares the default", byDefault.Parameters["zones"])
		}
		got.Parameters["zones"].([]string)[0] = "changed"
		byDefault.Parameters["zones"].([]string)[0] = "changed"
		got.Parameters["size"], got.Access.Groups[0] = "changed", "changed"
	}
}

// What a class says no more breaks the tenants that need it, and only these; they
// are broken and not absent, so they are held as they were.
func TestAClassEditBreaksWhomItNoLongerFits(t *testing.T) {
	tests := []struct {
		name, from, to string
		message        string
	}{
		{"an enum loses a value", "enum: [small, large]", "enum: [small, huge]",
			`tenants/web/own/tenant.yaml:8:11: spec.parameters[size]: Invalid value: "large": want one of "small", "huge", as classes/large/class.yaml says`},
		{"a parameter is gone", "      spot: {type: boolean, default: false}\n", "",
			"tenants/web/own/tenant.yaml:12:5: spec.parameters[spot]: Forbidden: class large (classes/large/class.yaml) has no such parameter"},
		{"a parameter has become required", "default: 3}", "default: 3}\n      region: {type: string}", ""},
		{"a field is taken back", "parameters, access, ", "parameters, ",
			"tenants/web/own/tenant.yaml:13:3: spec.access: Forbidden: is not a tenant's to set, as classes/large/class.yaml says"},
		{"patches are taken back", everythingPatches, "",
			"tenants/web/own/kustomization.yaml: is not allowed: class large lets its tenants patch nothing, as classes/large/class.yaml says"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var loader fleet.Loader
			files := everything(t)
			if _, findings, err := loader.Load(newHashing(files)); err != nil || len(findings) > 0 {
				t.Fatal(err, findings)
			}
			class := string(files["classes/large/class.yaml"].Data)
			changed := strings.Replace(class, tt.from, tt.to, 1)
			if changed == class {
				t.Fatalf("the class has no %q", tt.from)
			}
			if tt.message == "" {
				changed = strings.Replace(changed, "required: [pool]", "required: [pool, region]", 1)
				tt.message = "tenants/web/own/tenant.yaml:7:3: spec.parameters[region]: Required value: class large asks for it (classes/large/class.yaml)"
			}
			files["classes/large/class.yaml"] = &fstest.MapFile{Data: []byte(changed)}
			f, findings, err := loader.Load(newHashing(files))
			if err != nil {
				t.Fatal(err)
			}
			ref := fleet.Ref{Kind: fleet.KindTenant, Name: "own"}
			if got := f.Broken[ref].Message; got != tt.message {
				t.Errorf("got  %s\nwant %s", got, tt.message)
			}
			if f.Absent(ref) || f.Classes["large"] == nil || len(f.Broken) != 1 || len(findings) != 1 {
				t.Errorf("absent %v, broken %v, findings\n%s", f.Absent(ref), f.Broken, findings)
			}
		})
	}
}

const everythingPatches = `    patches:
    - kind: apps/v1/Deployment
      name: control-plane
      fields: [spec.template.spec.tolerations]
    resources: [v1/ConfigMap]
`

// Whatever a parameter's schema and a tenant's value are: the tenant is valid exactly
// when the value keeps the schema's words, and then it is what is rendered.
func TestValuesKeepTheirSchemas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"string", "enum", "integer", "boolean", "array"}).Draw(t, "type")
		schema, fits := drawParameter(t, kind)
		if rapid.IntRange(0, 4).Draw(t, "confuse") == 0 {
			kind = rapid.SampledFrom([]string{"string", "integer", "boolean", "array"}).Draw(t, "value's type")
		}
		value := drawValue(t, kind)
		files := fstest.MapFS{}
		add := func(path, kind, name, spec string) {
			files[path] = &fstest.MapFile{Data: fmt.Appendf(nil, "apiVersion: tenantry.io/v1alpha1\nkind: %s\nmetadata:\n  name: %s\nspec:\n%s", kind, name, spec)}
		}
		files["fleet.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n")}
		add("classes/c/class.yaml", "ControlPlaneClass", "c",
			"  provider: native\n  version: v1.36.3\n  parameters:\n    type: object\n    properties:\n      p: {"+schema+"}\n")
		add("tenants/a/t/tenant.yaml", "Tenant", "t", "  class: c\n  parameters:\n    p: "+written(value)+"\n")
		f, findings, err := fleet.Load(files)
		if err != nil || f.Classes["c"] == nil {
			t.Fatalf("%v %s", err, findings)
		}
		if want := fits(value); (f.Tenants["t"] != nil) != want {
			t.Fatalf("%s with {%s}: valid %v, want %v; %s", written(value), schema, !want, want, findings)
		}
		if tenant := f.Tenants["t"]; tenant != nil {
			if diff := gocmp.Diff(map[string]any{"p": value}, fleet.Resolve(tenant, f.Classes["c"]).Parameters); diff != "" {
				t.Fatalf("want (-) got (+):\n%s", diff)
			}
			return
		}
		for _, finding := range findings {
			if !strings.HasPrefix(finding.Field, "spec.parameters[p]") || finding.Line != 8 || finding.Column < 8 {
				t.Fatalf("%s is not at the parameter", finding)
			}
		}
	})
}

// drawParameter gives a schema as YAML, and which values keep it.
func drawParameter(t *rapid.T, kind string) (schema string, fits func(any) bool) {
	low := rapid.IntRange(0, 3).Draw(t, "low")
	high := low + rapid.IntRange(0, 3).Draw(t, "high")
	within := func(n int) bool { return low <= n && n <= high }
	text := func(value any) bool {
		s, ok := value.(string)
		return ok && within(utf8.RuneCountInString(s)) && regexp.MustCompile("^[a-cé]*$").MatchString(s)
	}
	switch kind {
	case "string":
		return fmt.Sprintf(`type: string, minLength: %d, maxLength: %d, pattern: "^[a-cé]*$"`, low, high), text
	case "enum":
		return "type: string, enum: [a, bb, \"\"]", func(v any) bool { return v == "a" || v == "bb" || v == "" }
	case "integer":
		return fmt.Sprintf("type: integer, minimum: %d, maximum: %d", low, high), func(v any) bool {
			i, ok := v.(int64)
			return ok && within(int(i))
		}
	case "boolean":
		return "type: boolean", func(v any) bool { return v == true || v == false }
	}
	return fmt.Sprintf(`type: array, minItems: %d, maxItems: %d, enum: [a, bb]`, low, high), func(v any) bool {
		list, ok := v.([]string)
		return ok && within(len(list)) && !slices.ContainsFunc(list, func(s string) bool { return s != "a" && s != "bb" })
	}
}

func drawValue(t *rapid.T, kind string) any {
	text := rapid.OneOf(rapid.StringOfN(rapid.RuneFrom([]rune("abcé")), 0, 7, -1), rapid.SampledFrom([]string{"a", "bb", "x", "1", "true"}))
	switch kind {
	case "integer":
		return rapid.Int64Range(-1, 7).Draw(t, "integer")
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	case "array":
		return rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bb", "a", "bb", "a", "bb", "x"}), 0, 7).Draw(t, "array")
	}
	return text.Draw(t, "string")
}

// written gives a value as flow YAML.
func written(value any) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			items[i] = written(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprint(value)
}

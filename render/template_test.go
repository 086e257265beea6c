package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFill fills holes of every form, beside and around ownership's annotations.
func TestFill(t *testing.T) {
	doc := newDocument("Tenant", "acme", "u1", map[string]any{
		"replicas": 2, "big": int64(7), "yes": true,
		"names": []string{"a", `b"<`},
		"text":  "v1 <\n\" " + mark(0), // a value is never read again
	})
	_, ps := doc.marked()
	hole := func(path string) string {
		for i, p := range ps {
			if p.String() == path {
				return mark(i)
			}
		}
		t.Fatalf("no place %s", path)
		return ""
	}
	for _, annotations := range []string{``, `"a":"1"`, `"z":"1"`, `"a":"1","z":"1"`} {
		meta := content{"name": "x", "namespace": "ns"}
		if annotations != "" {
			meta["annotations"] = content{}
			for _, pair := range strings.Split(annotations, ",") {
				meta["annotations"].(content)[pair[1:2]] = "1"
			}
		}
		c := content{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta,
			"whole":  hole("metadata.name"),
			"parts":  "x:" + hole("metadata.uid") + "/" + hole("spec.replicas") + hole("spec.yes"),
			"text":   hole("spec.text"),
			"number": typedMark(hole("spec.replicas"), "!!int"),
			"big":    typedMark(hole("spec.big"), "!!int"),
			"bool":   typedMark(hole("spec.yes"), "!!bool"),
			"list":   []any{hole("spec.names")},
			"mixed":  []any{hole("metadata.name"), "y", int64(3), true, nil},
		}
		template, err := newTemplate(&Provider{part: partTenant}, ps, []content{c})
		if err != nil {
			t.Fatal(err)
		}
		sep := ""
		if annotations != "" && annotations[1] == 'a' {
			sep = ","
		}
		before, after, _ := strings.Cut(annotations, `"z"`)
		before = strings.TrimSuffix(before, ",")
		if after != "" {
			after = `,"z"` + after
		}
		for range 2 { // the template is not used up
			objects, err := template.fill(doc)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"apiVersion":"v1","big":7,"bool":true,"kind":"ConfigMap","list":["a","b\"<"],` +
				`"metadata":{"annotations":{` + before + sep + `"tenantry.io/digest":"` + objects[0].Digest + `","tenantry.io/object":"ConfigMap/ns/x"` + after + `},` +
				`"labels":{"app.kubernetes.io/managed-by":"tenantry","tenantry.io/tenant":"acme","tenantry.io/uid":"u1"},"name":"x","namespace":"ns"},` +
				`"mixed":["acme","y",3,true,null],"number":2,"parts":"x:u1/2true","text":"v1 <\n\" ` + mark(0) + `","whole":"acme"}`
			if diff := cmp.Diff(want, string(objects[0].JSON)); diff != "" {
				t.Errorf("annotations {%s} (-want +got):\n%s", annotations, diff)
			}
			own := `"tenantry.io/digest":"` + objects[0].Digest + `","tenantry.io/object":"ConfigMap/ns/x"`
			plain := strings.NewReplacer(","+own, "", own+",", "", `"annotations":{`+own+`},`, "").Replace(want)
			if got := digest([]byte(plain)); got != objects[0].Digest {
				t.Errorf("annotations {%s}: digest %s, want %s", annotations, objects[0].Digest, got)
			}
		}
	}
}

// TestFillRefuses wants an error where a value and its hole do not fit.
func TestFillRefuses(t *testing.T) {
	doc := newDocument("Tenant", "acme", "u1", map[string]any{"text": "x", "list": []string{}, "number": 1})
	_, ps := doc.marked() // metadata.name, metadata.uid, spec.list, spec.number, spec.text
	tests := []struct {
		name, want string
		field      any
	}{
		{"ListInText", "spec.list: a list can only be taken as a whole", "x" + mark(2)},
		{"ListAmongOthers", "spec.list: a list can only be taken as a whole", []any{mark(2), "x"}},
		{"EmptyList", "fill in spec.list: it is empty", []any{mark(2)}},
		{"TextForNumber", `fill in spec.text: "x" is no int, which the field wants`, typedMark(mark(4), "!!int")},
		{"NumberForBool", `fill in spec.number: "1" is no bool, which the field wants`, typedMark(mark(3), "!!bool")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := content{"apiVersion": "v1", "kind": "ConfigMap", "metadata": content{"name": "x"}, "field": tt.field}
			template, err := newTemplate(&Provider{}, ps, []content{c})
			if err == nil {
				_, err = template.fill(doc)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
	template, err := newTemplate(&Provider{}, ps, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := template.fill(newDocument("Tenant", "acme", "u1", map[string]any{})); err == nil {
		t.Error("a document without the places: no error")
	}
}

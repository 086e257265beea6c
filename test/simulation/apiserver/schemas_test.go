package apiserver_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

var update = flag.Bool("update", false, "write what a real server says")

// The schemas by which fields are told apart are a real API server's, cut down.
func TestSchemas(t *testing.T) {
	w := newWorld(t, realCluster(t), nil)
	for document, kinds := range apiserver.Documents() {
		all := w.ok(w.get("/openapi/v3/"+document)).has("components", "schemas").(object)
		want := object{
			"openapi": "3.0.0", "info": object{"title": "Kubernetes", "version": "v1.36.3"},
			"components": object{"schemas": needed(all, document, kinds)},
		}
		file := "schemas/" + strings.ReplaceAll(document, "/", "_") + ".json"
		content, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, append(content, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		stored, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.SplitAfter(string(content), "},"), strings.SplitAfter(strings.TrimSpace(string(stored)), "},")); diff != "" {
			t.Errorf("%s (-real +stored):\n%s", file, diff)
		}
	}
}

var reference = regexp.MustCompile(`"#/components/schemas/([^"]+)"`)

// needed are the definitions of kinds, and of what they are made of.
func needed(all object, document string, kinds []string) object {
	found := object{}
	var waiting []string
	for name, definition := range all {
		for _, gvk := range list(definition.(object)["x-kubernetes-group-version-kind"]) {
			gvk := gvk.(object)
			path := "apis/" + gvk["group"].(string) + "/" + gvk["version"].(string)
			if gvk["group"] == "" {
				path = "api/" + gvk["version"].(string)
			}
			if path == document && slices.Contains(kinds, gvk["kind"].(string)) {
				waiting = append(waiting, name)
			}
		}
	}
	for len(waiting) > 0 {
		name := waiting[0]
		waiting = waiting[1:]
		if found[name] != nil {
			continue
		}
		found[name] = bare(all[name])
		content, err := json.Marshal(found[name])
		if err != nil {
			panic(err)
		}
		for _, match := range reference.FindAllSubmatch(content, -1) {
			waiting = append(waiting, string(match[1]))
		}
	}
	return found
}

func list(value any) []any {
	all, _ := value.([]any)
	return all
}

// bare is a schema without what does not tell fields apart.
func bare(schema any) any {
	definition, ok := schema.(object)
	if !ok {
		return schema
	}
	next := object{}
	for name, value := range definition {
		switch {
		case name == "properties":
			properties := object{}
			for property, s := range value.(object) {
				properties[property] = bare(s)
			}
			next[name] = properties
		case name == "items" || name == "additionalProperties":
			next[name] = bare(value)
		case name == "allOf":
			parts := []any{}
			for _, s := range value.([]any) {
				parts = append(parts, bare(s))
			}
			next[name] = parts
		case name == "type", name == "$ref", name == "default", name == "format", name == "nullable",
			strings.HasPrefix(name, "x-kubernetes-") && name != "x-kubernetes-validations":
			next[name] = value
		}
	}
	return next
}

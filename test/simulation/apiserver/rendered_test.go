package apiserver_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// What the providers render becomes the same on a real server and on a simulated one.
func TestRendered(t *testing.T) {
	var files []string
	for _, provider := range []string{"kamaji", "native"} { // whose kinds are served
		goldens, err := filepath.Glob("../../../render/providers/" + provider + "/testdata/*.golden.yaml")
		if err != nil || len(goldens) == 0 {
			t.Fatalf("no goldens of %s: %v", provider, err)
		}
		files = append(files, goldens...)
	}
	actual, simulated := newWorld(t, realCluster(t), nil), simulated(t)
	spaces := map[any]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			var o object
			if err := yaml.Unmarshal(document, &o); err != nil {
				t.Fatal(err)
			}
			if o["kind"] == nil {
				continue
			}
			if ns, ok := o["metadata"].(object)["namespace"]; ok && !spaces[ns] {
				spaces[ns] = true
				for _, w := range []*world{actual, simulated} {
					w.ok(w.post("/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": ns}}))
				}
			}
			at := "apply:" + path(o) + "?fieldManager=me&dryRun=All"
			want, got := told(actual.do("PATCH", at, o)), told(simulated.do("PATCH", at, o))
			split := func(s string) []string { return strings.SplitAfter(s, ",") }
			if want != got {
				t.Errorf("%s %s (-real +simulated):\n%s", filepath.Base(file), path(o), cmp.Diff(split(want), split(got)))
			}
		}
	}
}

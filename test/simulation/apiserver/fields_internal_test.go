package apiserver

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// Rendered gives all objects of the providers' goldens.
func Rendered(t *testing.T) (all []Object) {
	t.Helper()
	var files []string
	for _, provider := range []string{"kamaji", "native"} { // whose kinds are served
		goldens, err := filepath.Glob("../../../render/providers/" + provider + "/testdata/*.golden.yaml")
		if err != nil || len(goldens) == 0 {
			t.Fatalf("no goldens of %s: %v", provider, err)
		}
		files = append(files, goldens...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			o := Object{}
			if err := yaml.Unmarshal(document, &o); err != nil {
				t.Fatal(err)
			}
			if o["kind"] != nil {
				all = append(all, normal(o).(Object))
			}
		}
	}
	return all
}

// What is applied where nothing is gets the very managedFields that the field manager
// gives it.
func TestFirstApplyIsTheFieldManagers(t *testing.T) {
	s := New(Options{Now: time.Now, Kinds: append(CertManager(), Kamaji()...)})
	tried := map[string]bool{}
	for _, o := range Rendered(t) {
		_, w, err := s.target("me", "", o)
		if err != nil {
			t.Errorf("%v: %v", o["kind"], err)
			continue
		}
		tried[w.kind.Kind.Kind] = true
		want, err := w.kind.fields.Apply(newObject(w.kind.blank, nil), newObject(o, nil), "me", true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.kind.first(o, "me")
		if err != nil {
			t.Fatal(err)
		}
		before := want.(*object)
		if !sameFields(before.managed, got.managed) || !cmp.Equal(before.Object, got.Object) {
			t.Errorf("%v (-want +got):\n%s%s", metaOf(o)["name"], cmp.Diff(before.managed, got.managed), cmp.Diff(before.Object, got.Object))
		}
	}
	if len(tried) < 10 {
		t.Errorf("only %v were tried", tried)
	}
}

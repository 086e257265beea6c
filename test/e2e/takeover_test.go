package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// takeOver imports what people have applied of a provider by hand, under the provider's own
// definitions (testdata/running/<provider>.yaml), and has the daemon take it over: nothing
// of it changes but marks. Objects without a namespace are those that must be ready first.
func takeOver(t *testing.T, s *shard, provider string) {
	t.Helper()
	data, err := os.ReadFile("testdata/running/" + provider + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, "taken", s)
	f.MustCommit(declared, map[string]string{"datastores/" + s.name + "-taken.yaml": ""}) // theirs is all there is
	namespace := "running-" + provider
	var all []*unstructured.Unstructured
	for doc := range strings.SplitSeq(strings.ReplaceAll(string(data), "NAMESPACE", namespace), "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			t.Fatal(err)
		}
		made, err := s.reach(o).Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl-create", FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.undo(t, made) })
		if made.GetKind() == "DataStore" {
			ready := []byte(`{"status": {"ready": true}}`)
			if _, err := s.reach(o).Patch(t.Context(), o.GetName(), types.MergePatchType, ready, metav1.PatchOptions{FieldManager: "controller"}, "status"); err != nil {
				t.Fatal(err)
			}
		}
		if group := made.GroupVersionKind().Group; group != "" {
			all = append(all, made)
		}
	}
	dir := f.checkout()
	run := func(args ...string) string {
		t.Helper()
		out, errs, code := f.command(args...)
		if code != 0 {
			t.Fatalf("%v ends with %d:\n%s%s", args, code, out, errs)
		}
		return out
	}
	if out := run("import", "--shard", s.name, "--kubeconfigs", f.kubeconfigs, "--fleet", dir, "--namespace", namespace); !strings.Contains(out, "imported-"+provider) {
		t.Fatalf("imported is\n%s", out)
	}
	f.MustCommit(declared, filesOf(t, dir))
	d := f.start()
	f.eventually("it is decided that it is taken over", func() error {
		if e, err := f.entry("running"); err != nil || e.Adopted == nil || len(e.Adopted.Objects) > 0 {
			return fmt.Errorf("the entry says %+v, %w", e.Adopted, err)
		}
		return nil
	})
	if out := run("diff", "running", "--repository", f.URL, "--kubeconfigs", f.kubeconfigs); out != "no differences\n" {
		t.Errorf("afterwards, diff says\n%s", out)
	}
	for _, was := range all {
		is, err := s.reach(was).Get(t.Context(), was.GetName(), metav1.GetOptions{})
		if err != nil || is.GetUID() != was.GetUID() || is.GetGeneration() != was.GetGeneration() || is.GetLabels()["tenantry.io/uid"] == "" {
			t.Errorf("%s %s was\n%v\nand is\n%v, %v", was.GetKind(), was.GetName(), was.Object, is, err)
		}
	}
	d.stop(t)
}

// reach gives where an object is, whatever its kind.
func (s *shard) reach(o *unstructured.Unstructured) dynamic.ResourceInterface {
	gvk := o.GroupVersionKind()
	of := s.client.Resource(schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: strings.ToLower(gvk.Kind) + "s"})
	if o.GetNamespace() == "" {
		return of
	}
	return of.Namespace(o.GetNamespace())
}

// undo takes away what people made, whoever keeps it.
func (s *shard) undo(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	to := s.reach(o)
	_, _ = to.Patch(t.Context(), o.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{FieldManager: "controller"})
	_ = to.Delete(t.Context(), o.GetName(), metav1.DeleteOptions{})
}

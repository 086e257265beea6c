package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tenantry/tenantry/test/kamaji"
)

// byHand creates an object as people do, without us.
func (s *shard) byHand(t *testing.T, kind string, object map[string]any) {
	t.Helper()
	o := &unstructured.Unstructured{Object: object}
	_, err := s.client.Resource(resource(kind)).Namespace(o.GetNamespace()).Create(context.Background(), o, metav1.CreateOptions{FieldManager: "kubectl-create"})
	if err != nil {
		t.Fatal(err)
	}
}

// existing makes a datastore and control planes on it before anybody declares them.
func (s *shard) existing(t *testing.T, store string, names ...string) {
	t.Helper()
	secret := func(key string) map[string]any {
		return map[string]any{"secretReference": map[string]any{"namespace": "default", "name": store, "keyPath": key}}
	}
	s.byHand(t, "Secret", map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": store, "namespace": "default"},
		"stringData": map[string]any{"username": "root", "password": "canary"},
	})
	s.byHand(t, "DataStore", map[string]any{
		"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "DataStore",
		"metadata": map[string]any{"name": store, "labels": map[string]any{"team": "data"}, "annotations": map[string]any{"example.com/note": "theirs"}},
		"spec": map[string]any{
			"driver": "MySQL", "endpoints": []any{"db.data.svc:3306"}, "basicAuth": map[string]any{"username": secret("username"), "password": secret("password")},
		},
	})
	for i, name := range names {
		s.byHand(t, "TenantControlPlane", map[string]any{
			"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "TenantControlPlane",
			"metadata": map[string]any{"name": name, "namespace": "default", "labels": map[string]any{"tenant.clastix.io": name}},
			"spec": map[string]any{
				"dataStore": store, "addons": map[string]any{"coreDNS": map[string]any{}},
				"controlPlane": map[string]any{
					"deployment": map[string]any{"extraArgs": map[string]any{"apiServer": []any{fmt.Sprintf("--v=%d", i)}}},
					"service":    map[string]any{"serviceType": "LoadBalancer"},
				},
				"kubernetes":     map[string]any{"version": "v1.33.2", "kubelet": map[string]any{"cgroupfs": "systemd"}},
				"networkProfile": map[string]any{"port": int64(6443), "address": fmt.Sprintf("192.0.2.%d", 10+i), "certSANs": []any{name + ".example.com"}},
			},
		})
	}
}

// What people made by hand is declared as it is, with the daemon's own rights on the
// shard, and taken over: nothing of it changes but marks, and the second time not even
// those. From then on it is what Git says.
func TestImport(t *testing.T) {
	t.Parallel()
	s := take(t)
	s.playKamaji(t, kamaji.Options{Pause: 200 * time.Millisecond})
	f := newFleet(t, "import", s)
	store, names := s.name+"-old", []string{"import-one", "import-two"}
	s.existing(t, store, names...)
	f.eventually("Kamaji runs them", func() error {
		for _, name := range names {
			if field(s.oldPlane(t, name), "status", "kubernetesResources", "version", "status") != "Ready" {
				return errors.New(name + " is not ready")
			}
		}
		return nil
	})
	before := map[string]*unstructured.Unstructured{}
	for _, name := range names {
		before[name] = s.oldPlane(t, name)
	}
	run := func(want int, arguments ...string) string {
		t.Helper()
		out, errs, code := f.command(arguments...)
		if code != want {
			t.Fatalf("%v ends with %d, want %d:\n%s%s", arguments, code, want, out, errs)
		}
		return out
	}
	dir := f.checkout()
	imports := []string{"import", "--shard", s.name, "--kubeconfigs", f.kubeconfigs, "--fleet", dir, "--team", "old"}
	if out := run(0, append(imports, "--namespace", "default")...); strings.Count(out, " imported ") != 3 {
		t.Fatalf("imported is\n%s", out)
	}
	run(0, "validate", dir)
	if out := run(0, imports...); strings.Count(out, "declared already") != 3 {
		t.Errorf("imported once more is\n%s", out)
	}
	diff := append([]string{"diff", "--repository", f.URL, "--kubeconfigs", f.kubeconfigs}, names...)
	if out := run(0, append(diff, "--fleet", dir)...); strings.Count(out, " adopts ") != 2 {
		t.Errorf("a commit of it would\n%s", out)
	}
	for _, name := range names {
		if now := s.oldPlane(t, name); now.GetResourceVersion() != before[name].GetResourceVersion() {
			t.Errorf("something was written into %s: %v", name, now)
		}
	}

	f.MustCommit(declared, filesOf(t, dir))
	f.start()
	f.reach("Ready", names...)
	f.eventually("all of it is taken over", func() error {
		out, errs, code := f.command(diff...)
		if code != 0 || out != "no differences\n" {
			return fmt.Errorf("diff ends with %d:\n%s%s", code, out, errs)
		}
		return nil
	})
	for _, name := range names {
		was, now := before[name], s.oldPlane(t, name)
		if now.GetUID() != was.GetUID() || !reflect.DeepEqual(now.Object["spec"], was.Object["spec"]) || now.GetGeneration() != was.GetGeneration() {
			t.Errorf("%s was\n%v\nand is\n%v", name, was.Object, now.Object)
		}
		for _, e := range now.GetManagedFields() {
			if e.Manager == "kubectl-create" {
				t.Errorf("fields of %s are still %s's: %s", name, e.Manager, e.FieldsV1)
			}
		}
		f.eventually("it is decided that "+name+" is taken over", func() error {
			if a := f.mustEntry(name).Adopted; a == nil || len(a.Objects) > 0 {
				return fmt.Errorf("the entry says %+v", a)
			}
			return nil
		})
		run(0, "kubeconfig", name, "--repository", f.URL, "--kubeconfigs", f.kubeconfigs)
		if now.GetLabels()["tenantry.io/uid"] != f.mustEntry(name).UID || now.GetLabels()["tenant.clastix.io"] != name {
			t.Errorf("the labels of %s are %v", name, now.GetLabels())
		}
	}

	// What others wrote on the datastore's object is theirs, now as before.
	theirs := func(label string) {
		t.Helper()
		o, err := s.there("DataStore", store)
		if err != nil {
			t.Fatal(err)
		}
		if o.GetLabels()["team"] != label || o.GetAnnotations()["example.com/note"] != "theirs" || o.GetLabels()["tenantry.io/uid"] == "" {
			t.Errorf("the datastore has the labels %v and annotations %v", o.GetLabels(), o.GetAnnotations())
		}
		if owners := fmt.Sprint(o.GetManagedFields()); strings.Count(owners, "f:team") != 1 || strings.Count(owners, "f:example.com/note") != 1 {
			t.Errorf("what is others' on the datastore belongs to %s", owners)
		}
	}
	theirs("data")
	_, err := s.client.Resource(resource("DataStore")).Patch(t.Context(), store, types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"other"}}}`), metav1.PatchOptions{FieldManager: "kubectl-label"})
	if err != nil {
		t.Fatal(err)
	}

	// It is a tenant like any other now.
	path := "tenants/old/" + names[0] + "/tenant.yaml"
	f.MustCommit(declared, map[string]string{path: strings.Replace(f.MustFiles(declared)[path], "  version: v1.33.2", "  version: v1.33.3", 1)})
	f.eventually("a newer version gets there", func() error {
		if got := field(s.oldPlane(t, names[0]), "spec", "kubernetes", "version"); got != "v1.33.3" {
			return fmt.Errorf("it is %v", got)
		}
		return nil
	})

	// Removed it goes like any other, too; what else is in its namespace stays.
	f.deletion("retention: 1s, allowLast: true")
	gone := map[string]string{}
	for path := range f.MustFiles(declared) {
		if strings.HasPrefix(path, "tenants/old/"+names[0]+"/") {
			gone[path] = ""
		}
	}
	f.MustCommit(declared, gone)
	f.eventually("it is purged", func() error {
		return errors.Join(f.lifecycle(names[0], "Purged"), s.absent("TenantControlPlane", "default/"+names[0]))
	})
	if uid := s.oldPlane(t, names[1]).GetUID(); uid != before[names[1]].GetUID() {
		t.Error("the other one was made anew")
	}
	if o, err := s.there("Secret", "default/"+store); err != nil || o.GetDeletionTimestamp() != nil {
		t.Errorf("what is not ours in its namespace is gone: %v", err)
	}
	theirs("other")
}

// oldPlane reads a TenantControlPlane that people made.
func (s *shard) oldPlane(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	o, err := s.there("TenantControlPlane", "default/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// filesOf reads a folder, as it would be committed.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

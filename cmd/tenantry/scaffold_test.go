package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

// All or nothing: what was made before a failure goes away again, what was there stays.
func TestWriteNew(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := writeNew(dir, map[string][]byte{"a/b/one.yaml": []byte("1"), "a/two.yaml": []byte("2"), "c.yaml": []byte("3")})
	if err == nil {
		t.Error("a file that is there was written over")
	}
	if diff := cmp.Diff([]string{"c.yaml"}, names(t, dir)); diff != "" {
		t.Errorf("left behind (-want +got):\n%s", diff)
	}
	if raw, err := os.ReadFile(there); err != nil || string(raw) != "mine" {
		t.Errorf("what was there is %q: %v", raw, err)
	}
	if err := writeNew(filepath.Join(dir, "new", "fleet"), map[string][]byte{"a/one.yaml": []byte("1")}); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "new", "fleet", "a", "one.yaml")); err != nil || string(raw) != "1" {
		t.Errorf("wrote %q: %v", raw, err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// The fleet is judged as it would be: files that are there, and files that are not yet.
func TestOverlay(t *testing.T) {
	examples := os.DirFS("../../examples/minimal")
	extra := map[string][]byte{
		"tenants/other/second/tenant.yaml": []byte("apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: second}\nspec: {class: small}\n"),
		"tenants/team/third/tenant.yaml":   []byte("apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: third}\nspec: {class: small}\n"),
	}
	f, findings, err := fleet.Load(newOverlay(examples, extra))
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	if diff := cmp.Diff([]string{"first", "second", "third"}, sortedNames(f.Tenants)); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	if _, err := newOverlay(examples, nil).ReadDir("nowhere"); err == nil {
		t.Error("a folder that is nowhere was read")
	}
}

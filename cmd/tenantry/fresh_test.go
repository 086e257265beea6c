package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFresh(t *testing.T) {
	const text = "a: b\n"
	files := map[string][]byte{"tenants/web/acme/tenant.yaml": []byte(text), "datastores/a.yaml": []byte(text)}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    string // what the error says; empty when it is written
	}{
		"Empty": {func(*testing.T, string) {}, ""},
		"Same": {func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "datastores/a.yaml", text)
		}, ""},
		"Other": {func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "datastores/a.yaml", "mine")
		}, "datastores/a.yaml is there, with another content"},
		"Folder": {func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "datastores/a.yaml/x", "mine")
		}, "datastores/a.yaml is there, and is no file"},
		"FileAsFolder": {func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "tenants/web", "mine")
		}, "tenants/web is no folder"},
		"LinkedFile": {func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "target", text)
			link(t, dir, "../target", "datastores/a.yaml")
		}, "datastores/a.yaml is there, and is no file"},
		"LinkedFolder": {func(t *testing.T, dir string) {
			t.Helper()
			link(t, dir, t.TempDir(), "tenants")
		}, "tenants is no folder: nothing is written through a link"},
		"LinkedOutside": {func(t *testing.T, dir string) {
			t.Helper()
			link(t, dir, t.TempDir(), "tenants/web")
		}, "tenants/web is no folder"},
		"NotWritable": {func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "tenants/web/acme/.import-tenant.yaml/x", "")
		}, "import-tenant.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			before := listing(t, dir)
			err := writeFresh(dir, files)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				for file, data := range files {
					if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != string(data) {
						t.Errorf("%s: %q, %v", file, got, err)
					}
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("there was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, dir, target, name string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		t.Fatal(err)
	}
}

// listing names all that is in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		out.WriteString(strings.TrimPrefix(path, dir) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

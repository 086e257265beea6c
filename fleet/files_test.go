package fleet_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

func TestTenantsKeepTheirOwnFiles(t *testing.T) {
	files := everything(t)
	f, _, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	own := f.Tenants["own"]
	if diff := gocmp.Diff([]string{"kustomization.yaml", "notes.txt", "patch.yaml"}, slices.Sorted(maps.Keys(own.Files))); diff != "" {
		t.Errorf("files: want (-) got (+):\n%s", diff)
	}
	for _, other := range []string{"all", "some"} {
		if got := f.Tenants[other]; got.Files != nil || got.Tree != "" {
			t.Errorf("%s without a kustomization has files %v and tree %q", other, got.Files, got.Tree)
		}
	}
	// Trees name the files' content, on every file system, and nothing else.
	change := func(file string, data []byte) string {
		changed := maps.Clone(files)
		changed[file] = &fstest.MapFile{Data: data}
		f, findings, err := fleet.Load(newTree(changed))
		if err != nil || f.Tenants["own"] == nil {
			t.Fatal(err, findings)
		}
		return f.Tenants["own"].Tree
	}
	declaration := files["tenants/web/own/tenant.yaml"].Data
	if got := change("tenants/web/own/tenant.yaml", append(bytes.Clone(declaration), "  replicas: 2\n"...)); got != own.Tree {
		t.Error("another tenant.yaml gives another tree")
	}
	if got := change("README.md", []byte("changed")); got != own.Tree {
		t.Error("another file system gives another tree")
	}
	seen := map[string]string{own.Tree: "as it was"}
	for file, data := range map[string]string{"notes.txt": "who\n", "patch.yaml": "a: b\n", "more.txt": ""} {
		got := change("tenants/web/own/"+file, []byte(data))
		if before, again := seen[got]; again {
			t.Errorf("the tree with another %s is the same as %s", file, before)
		}
		seen[got] = file
	}
}

func TestLoadBoundsOwnFiles(t *testing.T) {
	tests := []struct {
		name   string
		change func(fstest.MapFS)
		want   string
	}{
		{"many", func(m fstest.MapFS) {
			for i := range 30 {
				m[fmt.Sprintf("tenants/web/own/%d.txt", i)] = &fstest.MapFile{}
			}
		}, "tenants/web/own: has 34 files, more than 32"},
		{"large", func(m fstest.MapFS) {
			m["tenants/web/own/a.txt"] = &fstest.MapFile{Data: make([]byte, 256<<10)}
		}, "tenants/web/own: its files are larger than 256 KiB together"},
		{"too large to be read", func(m fstest.MapFS) {
			m["tenants/web/own/kustomization.yaml"] = &fstest.MapFile{Data: bytes.Repeat([]byte("#"), 1<<20+1)}
		}, "tenants/web/own/kustomization.yaml: is larger than 1 MiB (1048577 bytes)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := everything(t)
			tt.change(files)
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(findings.String(), tt.want+"\n") || len(findings) != 1 || f.Tenants["own"] != nil || f.Tenants["all"] == nil {
				t.Errorf("tenants %v, findings\n%swant one: %s", f.Tenants, findings, tt.want)
			}
		})
	}
}

// A changed patch is a changed tenant, for a Loader too.
func TestLoaderSeesOwnFilesChange(t *testing.T) {
	var loader fleet.Loader
	files := large(100)
	const dir = "tenants/team-000/tenant-00000"
	first, _, err := loader.Load(newTree(files))
	if err != nil || first.Tenants["tenant-00000"].Files == nil {
		t.Fatal(err, "the tenant has no files of its own")
	}
	files[dir+"/patch.yaml"] = &fstest.MapFile{Data: []byte("- op: remove\n  path: /spec/template/spec/tolerations\n")}
	second, _, err := loader.Load(newTree(files))
	if err != nil {
		t.Fatal(err)
	}
	if first.Tenants["tenant-00000"].Tree == second.Tenants["tenant-00000"].Tree {
		t.Error("the change is not seen")
	}
	if first.Tenants["tenant-00021"] != second.Tenants["tenant-00021"] || first.Classes["class-00"] != second.Classes["class-00"] {
		t.Error("what did not change is not shared")
	}
	delete(files, dir+"/kustomization.yaml")
	third, findings, err := loader.Load(newTree(files))
	if err != nil {
		t.Fatal(err)
	}
	if third.Tenants["tenant-00000"] != nil || !strings.Contains(findings.String(), dir+"/patch.yaml: is not read") {
		t.Errorf("a patch without a kustomization passes: %s", findings)
	}
}

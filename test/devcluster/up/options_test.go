package up

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOptions(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name   string
		args   []string
		names  []string
		want   string // part of the error
		reason string
	}{
		{"default", []string{"--dir", dir}, []string{"shard-1"}, "", "one is enough to play"},
		{"number", []string{"--dir", dir, "--shards", "2"}, []string{"shard-1", "shard-2"}, "", "counted from 1"},
		{"names", []string{"--dir", dir, "--names", "eu-1,eu-2"}, []string{"eu-1", "eu-2"}, "", "as a fleet calls them"},
		{"no folder", nil, nil, "--dir: want a folder", "nothing is written where nobody asked for it"},
		{"none", []string{"--dir", dir, "--shards", "0"}, nil, "want 1 to 63", "nothing to run"},
		{"too many", []string{"--dir", dir, "--shards", "64"}, nil, "want 1 to 63", "there are no addresses for more"},
		{"bad name", []string{"--dir", dir, "--names", "EU"}, nil, `"EU"`, "it becomes part of object names"},
		{"twice", []string{"--dir", dir, "--names", "a,a"}, nil, "is taken", "a folder each"},
		{"reserved", []string{"--dir", dir, "--names", "kubeconfigs"}, nil, "is taken", "the folder is used already"},
		{"image", []string{"--dir", dir, "--image", "x"}, nil, "want REPOSITORY=BINARY", "half an image"},
		{"rest", []string{"--dir", dir, "shard-1"}, nil, "unexpected argument", "a forgotten flag must not go unnoticed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := parseOptions(tc.args, io.Discard)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got error %v, want %q: %s", err, tc.want, tc.reason)
			}
			if err == nil {
				if diff := cmp.Diff(tc.names, o.names); diff != "" {
					t.Errorf("names: %s (-want +got):\n%s", tc.reason, diff)
				}
			}
		})
	}
}

func TestImagesAreAbsolute(t *testing.T) {
	o, err := parseOptions([]string{"--dir", t.TempDir(), "--image", "ghcr.io/a/b=bin/b"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// Pods run in folders of their own.
	if diff := cmp.Diff([]string{"ghcr.io/a/b=" + filepath.Join(wd, "bin/b")}, o.images); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEmptyDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := emptyDir(dir); err != nil {
		t.Errorf("an absent folder is made: %v", err)
	}
	if err := emptyDir(dir); err != nil {
		t.Errorf("an empty folder is taken: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyDir(dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a used folder: got %v", err)
	}
}

func TestWriteFileLeavesNoParts(t *testing.T) {
	root := t.TempDir()
	for _, content := range []string{"one", "two"} {
		if err := writeFile(root, "kubeconfigs/a", []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "kubeconfigs", "a"))
	if err != nil || string(b) != "two" {
		t.Errorf("got %q, %v", b, err)
	}
	var files []string
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			files = append(files, filepath.Base(path))
		}
		return err
	})
	if diff := cmp.Diff([]string{"a"}, files); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

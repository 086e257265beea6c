package fleet_test

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tenantry/tenantry/fleet"
)

var update = flag.Bool("update", false, "write what was found into the archives")

// Every archive in testdata/err is a fleet with faults and, as its file "want",
// all that Load says of it.
func TestLoadFinds(t *testing.T) {
	for _, file := range archives(t, "err") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, files, want := readArchive(t, file)
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(f, findings)
			if *update {
				writeWant(t, file, archive, got)
				return
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("want (-) got (+):\n%s", diff)
			}
			if len(findings) == 0 {
				t.Error("found nothing")
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a password that stands where a reference should is told on")
			}
		})
	}
}

// Archives in testdata/ok have nothing wrong with them.
func TestLoadAccepts(t *testing.T) {
	for _, file := range archives(t, "ok") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			_, files, _ := readArchive(t, file)
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if findings.Err() != nil {
				t.Errorf("%s", findings)
			}
			if len(f.Broken) > 0 || len(f.Opaque) > 0 || f.SettingsBroken {
				t.Errorf("broken %v, opaque %v, settings broken %v without a finding", f.Broken, f.Opaque, f.SettingsBroken)
			}
		})
	}
}

func archives(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives in testdata/%s: %v", folder, err)
	}
	return files
}

func readArchive(t testing.TB, file string) (*txtar.Archive, fs.FS, string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool {
		if f.Name == "want" {
			want = string(f.Data)
		}
		return f.Name == "want"
	})
	files, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	return archive, files, want
}

func writeWant(t *testing.T, file string, archive *txtar.Archive, want string) {
	t.Helper()
	archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(want)})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describe is all that Load says, findings first.
func describe(f *fleet.Fleet, findings fleet.Findings) string {
	var b strings.Builder
	b.WriteString(findings.String())
	if f.SettingsBroken {
		b.WriteString("settings: broken\n")
	}
	for _, ref := range slices.SortedFunc(maps.Keys(f.Broken), func(a, b fleet.Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	}) {
		broken := f.Broken[ref]
		fmt.Fprintf(&b, "broken: %s %s: %s\n", ref.Kind, ref.Name, strings.Join(broken.Paths, " "))
		for _, c := range broken.Candidates {
			fmt.Fprintf(&b, "candidate: %s\n", c.Source.Path)
		}
	}
	for _, p := range f.Opaque {
		fmt.Fprintf(&b, "opaque: %s\n", p)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tenants)) {
		fmt.Fprintf(&b, "valid: tenant %s\n", name)
	}
	return b.String()
}

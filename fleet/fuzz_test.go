package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/tenantry/tenantry/fleet"
)

// FuzzLoad takes any archive for a fleet. Load must not panic, must place every
// finding within its file, and must find something wherever something is broken.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"ok", "err"} {
		for _, file := range archives(f, folder) {
			archive, _, _ := readArchive(f, file)
			f.Add(txtar.Format(archive))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := fstest.MapFS{}
		for _, file := range txtar.Parse(data).Files {
			files[file.Name] = &fstest.MapFile{Data: file.Data}
		}
		loaded, findings, err := fleet.Load(files)
		if err != nil {
			return // names that no file system has
		}
		if (len(loaded.Broken) > 0 || len(loaded.Opaque) > 0 || loaded.SettingsBroken) && len(findings) == 0 {
			t.Errorf("broken %v, opaque %v, settings broken %v without a finding", loaded.Broken, loaded.Opaque, loaded.SettingsBroken)
		}
		for _, finding := range findings {
			if err := placed(files, finding); err != nil {
				t.Errorf("%s: %v", finding, err)
			}
		}
		for name := range loaded.Tenants {
			if loaded.Absent(fleet.Ref{Kind: fleet.KindTenant, Name: name}) {
				t.Errorf("tenant %s is valid and absent", name)
			}
		}
	})
}

// placed checks that a finding's place is one where a cursor can stand.
func placed(files fstest.MapFS, f fleet.Finding) error {
	if f.Line == 0 && f.Column == 0 {
		return nil
	}
	file := files[f.File]
	if file == nil {
		return fmt.Errorf("has a place in a file that does not exist")
	}
	lines := strings.Split(string(file.Data), "\n")
	if f.Line < 1 || f.Line > len(lines) {
		return fmt.Errorf("line %d of %d", f.Line, len(lines))
	}
	if width := utf8.RuneCountInString(lines[f.Line-1]); f.Column < 1 || f.Column > width+1 {
		return fmt.Errorf("column %d of %d in line %d", f.Column, width, f.Line)
	}
	return nil
}

// generated is a fleet of n tenants in twenty teams.
func generated(t testing.TB, n int) fstest.MapFS {
	t.Helper()
	files := everything(t)
	for i := range n {
		name := fmt.Sprintf("tenant-%05d", i)
		files[fmt.Sprintf("tenants/team-%02d/%s/tenant.yaml", i%20, name)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata:\n  name: %s\n  labels:\n    tier: gold\nspec:\n  class: small\n  version: v1.36.3\n  replicas: 2\n", name)}
	}
	return files
}

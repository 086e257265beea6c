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
		for name, tenant := range loaded.Tenants {
			if loaded.Absent(fleet.Ref{Kind: fleet.KindTenant, Name: name}) {
				t.Errorf("tenant %s is valid and absent", name)
			}
			if class := loaded.Classes[tenant.Spec.Class]; class != nil {
				if err := keeps(tenant, class); err != nil {
					t.Errorf("tenant %s is valid: %v", name, err)
				}
			}
		}
	})
}

// keeps checks that a valid tenant is within what its class allows.
func keeps(t *fleet.Tenant, class *fleet.Class) error {
	schema, resolved := class.Spec.Parameters, fleet.Resolve(t, class)
	for name, value := range resolved.Parameters {
		kind := map[string]string{"string": "string", "int64": "integer", "bool": "boolean", "[]string": "array"}[fmt.Sprintf("%T", value)]
		if schema == nil || schema.Properties[name].Type != kind {
			return fmt.Errorf("parameter %s is a %T", name, value)
		}
	}
	for name := range t.Spec.Parameters {
		if _, ok := resolved.Parameters[name]; !ok {
			return fmt.Errorf("parameter %s is lost", name)
		}
	}
	for _, group := range t.Spec.Access.Groups {
		if strings.HasPrefix(group, "system:") {
			return fmt.Errorf("group %s", group)
		}
	}
	allow := class.Spec.Allow
	if t.Files != nil && (allow == nil || len(allow.Patches)+len(allow.Resources) == 0) || (t.Files == nil) != (t.Tree == "") {
		return fmt.Errorf("%d files, tree %q, allow %+v", len(t.Files), t.Tree, allow)
	}
	if allow != nil && allow.Fields != nil && len(allow.Fields) == 0 && (t.Spec.Version != "" || t.Spec.Replicas != 0 || len(t.Spec.Parameters) > 0) {
		return fmt.Errorf("it sets what is not its to set")
	}
	if resolved.Version == "" || resolved.Replicas < 1 || resolved.Replicas > 9 {
		return fmt.Errorf("version %q, %d replicas", resolved.Version, resolved.Replicas)
	}
	return nil
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

package arch_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/render"
)

// The formats outlive the code, so each of their fields is explained in
// docs/formats.md, under the heading of its kind.
func TestFormatsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		heading string
		value   any
	}{
		{"### Fleet", fleet.Settings{}},
		{"### Shard", fleet.ShardSpec{}},
		{"### DataStore", fleet.DataStoreSpec{}},
		{"### ControlPlaneClass", fleet.ClassSpec{}},
		{"### Tenant", fleet.TenantSpec{}},
		{"### Approval", fleet.ApprovalSpec{}},
		{"### TenantEntry", ledger.Tenant{}},
		{"### DataStoreEntry", ledger.DataStore{}},
		{"### ClassEntry", ledger.Class{}},
		{"### ShardEntry", ledger.Shard{}},
		{"### TenantStatus", core.TenantStatus{}},
		{"### ShardStatus", core.ShardStatus{}},
		{"### Condition", core.Condition{}},
	}
	for _, tt := range tests {
		t.Run(tt.heading, func(t *testing.T) {
			section := sectionOf(t, string(raw), tt.heading)
			for _, field := range fields(reflect.TypeOf(tt.value)) {
				if field != "apiVersion" && field != "kind" && !strings.Contains(section, "`"+field+"`") &&
					!strings.Contains(section, "."+field+"`") {
					t.Errorf("%s: the field %s is not explained", tt.heading, field)
				}
			}
		})
	}
}

func TestMarksAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{
		render.LabelUID, render.LabelTenant, render.LabelDataStore, render.LabelManagedBy, render.FieldManager,
		render.AnnotationObject, render.AnnotationDigest, render.AnnotationEpoch, render.AnnotationFields,
		lease.Namespace, lease.Name, lease.AnnotationTip, lease.AnnotationAccepted,
	} {
		if !strings.Contains(string(raw), "`"+mark+"`") {
			t.Errorf("%s is not explained", mark)
		}
	}
}

// Reasons are what people search for: each is explained, with what helps.
func TestReasonsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	section := sectionOf(t, string(raw), "### Reasons")
	for dir, form := range map[string]string{
		"../../reconciler/core":  `note\{"([A-Z]\w+)", `,
		"../../reconciler/shard": `Reason\w+ += "([A-Z]\w+)"`,
	} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range files {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, match := range regexp.MustCompile(form).FindAllStringSubmatch(string(code), -1) {
				found++
				if !strings.Contains(section, "`"+match[1]+"`") {
					t.Errorf("%s: the reason %s is not explained", file, match[1])
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no reasons found by %s", dir, form)
		}
	}
}

func sectionOf(t *testing.T, text, heading string) string {
	t.Helper()
	_, section, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n#")
	return section
}

// fields lists the names in YAML of a struct's fields, and of structs in it.
func fields(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() == "time" {
		return nil
	}
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
		if name != "conditions" { // they have a heading of their own
			names = append(names, fields(field.Type)...)
		}
	}
	return names
}

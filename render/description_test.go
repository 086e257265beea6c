package render

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestDescriptionIsDocumented: whoever writes a provider finds each field in the page that
// is the contract.
func TestDescriptionIsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	collect(reflect.TypeFor[Description](), fields)
	if len(fields) < 40 {
		t.Fatalf("%d fields found", len(fields))
	}
	for name := range fields {
		if text := string(raw); !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "."+name+"`") {
			t.Errorf("the field %s is not explained", name)
		}
	}
}

// collect adds the names of a type's fields, and of those below.
func collect(t reflect.Type, fields map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), fields)
	case reflect.Struct:
		for f := range t.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "metadata" {
				fields[name] = true
				collect(f.Type, fields)
			}
		}
	default:
	}
}

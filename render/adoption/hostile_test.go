package adoption_test

import (
	"fmt"
	"maps"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render/adoption"
)

// Whoever may write an object on a shard chooses all of it. Nothing of that ends the
// program, leaves the fleet's folder, or is declared as something else than it is.
func TestHostileObjects(t *testing.T) {
	argument := func(value any) func(o object) {
		return with([]any{value}, "spec", "controlPlane", "deployment", "extraArgs", "apiServer")
	}
	deep := any("end")
	for range 2000 {
		deep = object{"x": deep}
	}
	for name, tt := range map[string]struct {
		change func(o object)
		// want is what is told; empty when it can be declared.
		want string
	}{
		"directive":          {with("delete", "spec", "networkProfile", "$patch"), "spec.networkProfile: the key \"$patch\" tells Kustomize what to do"},
		"null":               {argument(nil), "spec.controlPlane.deployment.extraArgs.apiServer.0: it is null"},
		"placeholder":        {argument("--name=TENANT-NAME"), "has the placeholder TENANT-NAME"},
		"placeholder key":    {with("x", "metadata", "labels", "DATASTORE-NAME"), "a key has the placeholder DATASTORE-NAME"},
		"mark":               {argument("\uE0001\uE001"), "has characters for private use"},
		"mark in a key":      {with("x", "spec", "\uE0001\uE001"), "a key has characters for private use"},
		"no text":            {argument("a\xff"), "is not UTF-8"},
		"direction":          {argument("a\u202Eb"), "turn the direction of text"},
		"lines":              {argument("a: b\n- c\n---\n# {x: &y *z}\n"), ""},
		"yaml":               {argument("!!python/object:x {{ .Values }} ${x} %YAML @ ` | > ' \" yes 0x1F 1e3 ~ <<"), ""},
		"words":              {with([]any{"yes", "null", "~", "0755", "1.30", "2026-03-01", "<<", "", " ", "\t", "\r\n", "=", "-", "? a", "[", "{}"}, "spec", "networkProfile", "certSANs"), ""},
		"numbers":            {with([]any{int64(1) << 60, -1.5, 1e300, int64(0), true}, "spec", "numbers"), ""},
		"keys":               {with(object{"a.b/c": "1", "a b": "2", "yes": "4", "1": "5", "[name=x]": "6", "é": "7"}, "spec", "controlPlane", "deployment", "nodeSelector"), ""},
		"lines in a key":     {with("x", "metadata", "labels", "a\nb"), "metadata.labels: a key has several lines"},
		"empty key":          {with("x", "metadata", "labels", ""), "metadata.labels: a key is empty"},
		"empty":              {with(object{}, "spec", "controlPlane", "deployment", "nodeSelector"), ""},
		"emptied":            {with([]any{}, "spec", "controlPlane", "deployment", "tolerations"), ""},
		"huge":               {argument(strings.Repeat("x", 1<<20)), "is larger than 1 MiB"},
		"deep":               {with(deep, "spec", "deep"), "is larger than 1 MiB"},
		"spec is a text":     {with("x", "spec"), "no such key"},
		"spec is absent":     {with(nil, "spec"), "no such key"},
		"labels are a list":  {with([]any{"x"}, "metadata", "labels"), ""},
		"labels are numbers": {with(int64(1), "metadata", "labels", "x"), "metadata.labels[x] is not a string"},
		"status is a text":   {with("x", "status"), "Kamaji has not set up"},
		"not JSON":           {argument(fmt.Errorf("x")), "is not JSON"},
		"protected":          {with("x", "metadata", "annotations", "config.kubernetes.io/local-config"), ""},
		"above":              {with("../../../etc/passwd", "metadata", "name"), "its name want"},
		"dots":               {with("..", "metadata", "name"), "its name want"},
		"terminal":           {with("\x1b[2J\a\r", "spec", "kubernetes", "version"), "its version is"},
		"terminal key":       {with("x", "spec", "\x1b[2J", "$a"), "tells Kustomize what to do"},
		"terminal name":      {with("\x1b[2J", "metadata", "name"), "its name want"},
		"namespace":          {with("..", "metadata", "namespace"), "spec.adopt.namespace"},
		"no name":            {with(nil, "metadata", "name"), "its name want"},
		"uid":                {with("../x\ny: z", "metadata", "uid"), "is no uid"},
		"schema":             {with("x; DROP", "spec", "dataStoreSchema"), "spec.adopt.schema"},
		"version":            {with("v1.33.2\nclass: other", "spec", "kubernetes", "version"), "its version is"},
		"datastore":          {with("../default", "spec", "dataStore"), "is not there, and not declared"},
	} {
		t.Run(name, func(t *testing.T) {
			o := plane("team-a", "acme", tt.change)
			r := imported(t, nil, o, store("default"), plane("team-a", "neighbour"))
			safe(t, r)
			if r.Files["tenants/web/neighbour/tenant.yaml"] == nil {
				t.Errorf("its neighbour is not imported:\n%s", told(r))
			}
			got := told(r)
			if strings.ContainsAny(strings.ReplaceAll(got, "\n", ""), "\x1b\a\r") {
				t.Errorf("a terminal would be moved by %q", got)
			}
			if tt.want == "" {
				if got != "" || len(r.Imported) != 3 {
					t.Errorf("told:\n%.2000s", got)
				}
				if name != "labels are a list" {
					same(t, newRenderer(t), r.Files, []object{booksAside(o), store("default"), booksAside(plane("team-a", "neighbour"))})
				}
				return
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("told:\n%.2000s\nwant %q", got, tt.want)
			}
			for file, data := range r.Files {
				if strings.Contains(string(data), "passwd") || strings.Contains(file, "acme") {
					t.Errorf("%s is written:\n%s", file, data)
				}
			}
		})
	}
}

// safe wants files to stay where they belong.
func safe(t interface {
	Helper()
	Errorf(format string, args ...any)
}, r *adoption.Result,
) {
	t.Helper()
	for file := range r.Files {
		if path.Clean(file) != file || strings.HasPrefix(file, "..") || path.IsAbs(file) {
			t.Errorf("file %q", file)
		}
		if top, _, _ := strings.Cut(file, "/"); top != "tenants" && top != "classes" && top != "datastores" {
			t.Errorf("file %q", file)
		}
	}
}

// booksAside is an object without what tools and Kamaji note on it, and means nothing.
func booksAside(o object) object {
	out := maps.Clone(o)
	meta := maps.Clone(o["metadata"].(object))
	delete(meta, "annotations")
	out["metadata"] = meta
	return without(out, "spec.writePermissions", "spec.networkProfile.serviceCidrs", "spec.controlPlane.deployment.additionalMetadata", "spec.controlPlane.service.additionalMetadata")
}

func without(o object, paths ...string) object {
	for _, p := range paths {
		o = lack(o, strings.Split(p, "."))
	}
	return o
}

func lack(o object, path []string) object {
	out := maps.Clone(o)
	if len(path) == 1 {
		delete(out, path[0])
	} else if below, ok := o[path[0]].(object); ok {
		out[path[0]] = lack(below, path[1:])
	}
	return out
}

// A shard's objects may be anything: what is imported is what was live, and of the rest
// something is told.
func TestAnythingIsImportedOrTold(t *testing.T) {
	r := newRenderer(t)
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "yes", "1", "null", "a\nb", "- x", "{}", "TENANT-NAME", "$patch", "x.y/z", "[name=a]", "acme", "\uE000"}), rapid.String())
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		leaf := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Int64(), func(n int64) any { return n }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Map(rapid.Float64(), func(f float64) any { return f }))
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf,
			rapid.Map(rapid.MapOfN(text, value(depth-1), 0, 3), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(l []any) any { return l }))
	}
	places := [][]string{
		{"spec", "extra"}, {"spec", "networkProfile"}, {"spec", "networkProfile", "certSANs"}, {"spec", "networkProfile", "address"}, {"spec", "controlPlane"},
		{"spec", "controlPlane", "deployment", "resources"}, {"spec", "controlPlane", "service", "additionalMetadata"}, {"spec", "kubernetes"}, {"spec", "dataStoreSchema"},
		{"spec", "addons"}, {"metadata", "labels"}, {"metadata", "annotations"}, {"status"}, {"spec"}, {"spec", "dataStore"}, {"metadata", "name"},
	}
	f, _, err := fleet.Load(declared(nil))
	if err != nil {
		t.Fatal(err)
	}
	load := func(files map[string][]byte) (*fleet.Fleet, fleet.Findings, error) {
		return (&fleet.Loader{Judge: r.JudgeProvider}).Load(declared(files))
	}
	imports := 0
	rapid.Check(t, func(t *rapid.T) {
		o := plane("team-a", "acme")
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			with(value(3).Draw(t, "value"), rapid.SampledFrom(places).Draw(t, "place")...)(o)
		}
		result, err := adoption.Run(r, adoption.Input{Shard: "eu-1", Team: "web", Objects: []object{o, store("default")}, Fleet: f, Load: load, Schema: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		safe(t, result)
		if len(result.Imported) == 2 {
			imports++
		}
		if (len(result.Imported) == 2) == (len(result.Left) > 0) {
			t.Fatalf("imported %v, left %v", result.Imported, result.Left)
		}
		if _, findings, err := load(result.Files); err != nil || len(findings) > 0 {
			t.Fatal(err, findings)
		}
	})
	if imports == 0 {
		t.Error("nothing was ever imported")
	}
}

package schemas

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
)

var update = flag.Bool("update", false, "write the schemas anew from the types")

func TestSchemasAreGenerated(t *testing.T) {
	g := newGenerator(t)
	for i, k := range kinds(t) {
		want := g.generate(t, k)
		if *update {
			if err := os.WriteFile(file(k.name), want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file(k.name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the types say; run the test with -update (-want +got):\n%s", file(k.name), diff)
		}
		if Kinds()[i] != k.name || (!*update && string(JSON(strings.ToUpper(k.name))) != string(got)) {
			t.Errorf("%s is not given out", k.name)
		}
	}
	if len(Kinds()) != len(kinds(t)) || JSON("Pod") != nil {
		t.Errorf("kinds are %q", Kinds())
	}
	for name := range rules {
		if !g.used[name] {
			t.Errorf("there is a rule for %s, which is no field", name)
		}
	}
}

// validator judges documents by the generated schema of their kind.
type validator map[string]*validate.SchemaValidator

func newValidator(t *testing.T) validator {
	t.Helper()
	v := validator{}
	for _, k := range Kinds() {
		raw, err := os.ReadFile(file(k)) // what is embedded is older when -update wrote anew
		var s spec.Schema
		if err == nil {
			err = json.Unmarshal(raw, &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		v[k] = validate.NewSchemaValidator(&s, nil, "", strfmt.Default)
	}
	return v
}

// kindAt is the kind that stands at a path of a fleet, or none.
func kindAt(p string) string {
	switch parts := strings.Split(p, "/"); {
	case p == "fleet.yaml":
		return fleet.KindFleet
	case len(parts) == 2 && parts[0] == "shards" && path.Ext(p) == ".yaml":
		return fleet.KindShard
	case len(parts) == 2 && parts[0] == "datastores" && path.Ext(p) == ".yaml":
		return fleet.KindDataStore
	case len(parts) == 3 && parts[0] == "classes" && parts[2] == "class.yaml":
		return fleet.KindClass
	case len(parts) == 4 && parts[0] == "tenants" && parts[3] == "tenant.yaml":
		return fleet.KindTenant
	case len(parts) == 2 && parts[0] == "approvals" && path.Ext(p) == ".yaml":
		return fleet.KindApproval
	}
	return ""
}

// judge says what a schema finds in a document.
func (v validator) judge(kind string, raw []byte) []error {
	var doc any
	if err := yaml.UnmarshalStrict(raw, &doc); err != nil {
		return []error{err} // an editor's parser says this
	}
	return v[kind].Validate(doc).Errors
}

func TestExamplesFitTheSchemas(t *testing.T) {
	v, seen := newValidator(t), 0
	fleets, err := filepath.Glob("../../examples/*/fleet.yaml")
	if err != nil || len(fleets) < 2 {
		t.Fatal(fleets, err)
	}
	for _, f := range fleets {
		dir := os.DirFS(filepath.Dir(f))
		err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || kindAt(p) == "" {
				return err
			}
			seen++
			raw, err := fs.ReadFile(dir, p)
			for _, fault := range v.judge(kindAt(p), raw) {
				t.Errorf("%s of %s: %v", p, filepath.Dir(f), fault)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 10 {
		t.Errorf("judged %d files only", seen)
	}
}

// beyond are findings that no schema of one file can have, and why.
var beyond = []struct{ finding, why string }{
	{`Not found`, "whether it is declared stands in another file"},
	{`overlaps with|is not of the family of`, "two values are compared"},
	{`has bits set behind the prefix|want a CIDR|is smaller than \d+ addresses|is not a network that hosts can have`, "arithmetic with addresses"},
	{`the range ends before it starts|both ends of a range|no endpoint can have|want an IP address|want a plain IPv4`, "the same"},
	{`is taken over by tenants/`, "the other one stands in another file"},
	{`is of another namespace than`, "two values are compared"},
	{`must be more than nothing|port from 1 to 65535|want host:port`, "arithmetic with numbers"},
	{`as in (fleet|shards|datastores|classes|tenants|approvals)|is not the name of these items`, "a name is compared with the path"},
	{`, as classes/\S+ says`, "the class stands in another file"},
	{`also declared in|is where the tenant stands|a move keeps the tenant's name`, "paths are compared"},
	{`class \S+ |is for provider|does not serve|names no version`, "the class or datastore stands in another file"},
	{`is not among spec.allow|is not within spec.allow|is less than|is more than|has a default|name part must|labels of tenantry.io|prefix part`, "two values of a file are compared, or keys are"},
	{`says nothing of type|want a name of letters and digits|is no pattern|regular expression|enum|does not match|is none of|want a (string|whole number|list)`, "what fits a parameter is for its own type to say"},
}

// What the loader takes, the schemas take; what they can find, they find.
func TestSchemasAgreeWithTheLoader(t *testing.T) {
	v := newValidator(t)
	archives, err := filepath.Glob("../../fleet/testdata/*/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatal(archives, err)
	}
	found, excused := 0, 0
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{}
		for _, f := range archive.Files {
			if f.Name != "want" {
				files[f.Name] = &fstest.MapFile{Data: f.Data}
			}
		}
		_, findings, err := fleet.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		byFile := map[string]fleet.Findings{}
		for _, f := range findings {
			byFile[f.File] = append(byFile[f.File], f)
		}
		for p, f := range files {
			if kindAt(p) == "" || strings.Contains(string(f.Data), "<<:") { // parsers merge, the loader refuses to
				continue
			}
			faults := v.judge(kindAt(p), f.Data)
			missed := unexcused(byFile[p])
			switch {
			case len(byFile[p]) == 0 && len(faults) > 0:
				t.Errorf("%s: %s is valid, but its schema finds %v", name, p, faults)
			case len(faults) > 0:
				found++
			case len(missed) > 0:
				t.Errorf("%s: the schema takes %s, whose faults are\n%s", name, p, missed)
			case len(byFile[p]) > 0:
				excused++
			}
		}
	}
	if found < 20 {
		t.Errorf("the schemas found something in %d files only", found)
	}
	t.Logf("found something in %d files; %d files have faults that no schema finds", found, excused)
}

// unexcused are the findings that a schema could have.
func unexcused(all fleet.Findings) fleet.Findings {
	var out fleet.Findings
	for _, f := range all {
		ok := f.Field == ""
		for _, b := range beyond {
			ok = ok || regexp.MustCompile(b.finding).MatchString(f.Message)
		}
		if !ok {
			out = append(out, f)
		}
	}
	return out
}

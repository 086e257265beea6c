package arch_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tenantry/tenantry/"

// A room is a package, or a folder of packages when path ends in "/...".
type room struct {
	path string
	// may lists the rooms it may import, in the same form; its own folder is
	// not included.
	may []string
	why string
}

// The house, from the ground up. A package that stands in no room fails the
// test: where it belongs is decided here first.
var house = []room{
	{"fleet/strict", nil, "strict reading and writing of YAML knows no kind"},
	{"fleet", []string{"fleet/strict"}, "what people declare rests on nothing: everybody reads it"},
	{"fleet/ledger", []string{"fleet", "fleet/strict"}, "decisions name declarations by the same words"},
	{"fleet/placement", []string{"fleet", "fleet/ledger"}, "placing weighs what is declared against what was decided"},
	{"git", nil, "commits in, commits out: bytes and paths, never a tenant"},
	{"git/...", []string{"git", "git/..."}, "helpers of the Git room know as little as the room"},
	{"render", []string{"fleet", "fleet/ledger", "fleet/strict", "render/..."}, "a unit is a function of declaration, class, base and placement"},
	{"render/adoption", []string{"fleet", "fleet/ledger", "render"}, "makes declarations of what is live: what that means, provider.yaml and package render say"},
	{"render/trial", []string{"fleet", "fleet/strict", "render"}, "tries a provider by its own data: what it needs, package render tells everybody"},
	{"render/...", nil, "a provider is a folder: data and the embed of it"},
	{"reconciler/core", []string{"fleet", "fleet/ledger", "fleet/placement", "render"}, "Step and Decide know no edge: no Git, no shard, no clock"},
	{"reconciler/shard", []string{"fleet", "fleet/ledger", "render", "reconciler/core", "reconciler/jitter"}, "carries out what core decided on one shard, and reports"},
	{"reconciler/lease", []string{"reconciler/core", "reconciler/jitter"}, "a lease is a function of (object, now) and one API server"},
	{"reconciler/repository", []string{"fleet", "fleet/ledger", "git", "reconciler/core"}, "reads the branches for the core, and commits what it says"},
	{"reconciler/jitter", nil, "pauses follow from who waits; it knows nobody by kind"},
	{"reconciler/datastore", nil, "speaks to one etcd from inside a Job; knows keys and users only"},
	{"reconciler", []string{"fleet", "fleet/...", "git", "git/watch", "render", "reconciler/..."}, "wires the core to its edges"},
	{"cmd/tenantry", []string{"docs/schemas", "fleet", "fleet/...", "git", "render", "render/adoption", "render/trial", "reconciler", "reconciler/..."}, "flags, wiring, printing"},
	{"docs/schemas", []string{"fleet", "render"}, "data and the embed of it; its test makes the schemas from the types of fleet, and of provider.yaml from those of render"},
	{"examples", []string{"fleet", "fleet/...", "render"}, "data only; its test loads, validates and renders every example"},
	{"test/...", []string{"..."}, "tests look at the whole house; nobody imports them but tests"},
}

// For tests of a room: what they may import beside what the room may.
var testsMay = []string{
	"git/...",  // a real Git server to test against
	"test/...", // shared fixtures; test/ is no part of the product
}

func (r room) holds(pkg string) bool { return match(r.path, pkg) }

func (r room) allows(pkg string) bool {
	return slices.ContainsFunc(r.may, func(pattern string) bool { return match(pattern, pkg) })
}

// match tells whether pkg is pattern, or below it when it ends in "/...".
func match(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if dir, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(pkg, dir)
	}
	return pattern == pkg
}

// roomOf finds a package's room, an exact one before a folder.
func roomOf(pkg string) (room, bool) {
	for _, r := range house {
		if r.path == pkg {
			return r, true
		}
	}
	for _, r := range house {
		if r.holds(pkg) {
			return r, true
		}
	}
	return room{}, false
}

// judge says what is wrong with pkg importing other, both relative to the module.
func judge(pkg, other string, test bool) string {
	r, ok := roomOf(pkg)
	switch {
	case !ok:
		return pkg + " stands in no room of the house"
	case other == pkg || r.allows(other):
		return ""
	case test && slices.ContainsFunc(testsMay, func(pattern string) bool { return match(pattern, other) }):
		return ""
	default:
		return pkg + " imports " + other + ", but " + r.why
	}
}

func TestImportsGoDownwards(t *testing.T) {
	packages := goList(t)
	if len(packages) < 3 {
		t.Fatalf("go list found %d packages: the rule was tested on nothing", len(packages))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		check := func(imports []string, test bool) {
			for _, i := range imports {
				other, ours := strings.CutPrefix(i, module)
				if !ours {
					continue
				}
				if wrong := judge(name, other, test); wrong != "" {
					t.Error(wrong)
				}
			}
		}
		if _, ok := roomOf(name); !ok {
			t.Errorf("%s stands in no room of the house", name)
			continue
		}
		check(p.Imports, false)
		check(p.TestImports, true)
		check(p.XTestImports, true)
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name, reason string
		pkg, other   string
		test         bool
		allowed      bool
	}{
		{"Down", "imports go down", "render", "fleet", false, true},
		{"Up", "and never up", "fleet", "render", false, false},
		{"Sibling", "rooms on one floor do not import each other", "render", "git", false, false},
		{"Edges", "nor do the edges", "reconciler/shard", "reconciler/repository", false, false},
		{"CoreToEdge", "the core knows no edge", "reconciler/core", "reconciler/shard", false, false},
		{"CoreToGit", "nor Git", "reconciler/core", "git", false, false},
		{"Placement", "placement is a room within the ground floor", "fleet/placement", "fleet/ledger", false, true},
		{"LedgerToPlacement", "with an order of its own", "fleet/ledger", "fleet/placement", false, false},
		{"Product", "the product does not import its tests", "reconciler", "test/e2e", false, false},
		{"TestHelper", "a test may use shared fixtures", "reconciler", "test/gitserver", true, true},
		{"Test", "test/ sees the whole house", "test/e2e", "reconciler/core", false, true},
		{"Stranger", "a package in no room is wrong whatever it imports", "util", "fleet", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wrong := judge(tt.pkg, tt.other, tt.test)
			if (wrong == "") != tt.allowed {
				t.Errorf("%s: judge(%s, %s) = %q, want allowed %v", tt.reason, tt.pkg, tt.other, wrong, tt.allowed)
			}
		})
	}
}

// listed is what we ask `go list` of a package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func goList(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e",
		"-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

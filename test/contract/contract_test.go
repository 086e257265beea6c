package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/crds"
)

var fixture = cluster.New(cluster.Options{})

func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }

// steps parses YAML documents, one string a step.
func steps(t *testing.T, texts ...string) history {
	t.Helper()
	h := history{name: t.Name()}
	for _, text := range texts {
		objects, err := crds.Documents([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		h.steps = append(h.steps, objects)
	}
	return h
}

const (
	space  = "{apiVersion: v1, kind: Namespace, metadata: {name: contract}}\n---\n"
	widget = "{apiVersion: contract.example.com/v1, kind: Widget, metadata: {name: a, namespace: contract}, spec: {color: red, size: 1}}"
)

func TestJudge(t *testing.T) {
	changed := func(old, with string) string { return strings.Replace(widget, old, with, 1) }
	tests := []struct {
		name, reason string
		steps        []string
		want         string // the result, or what the error says
		accepted     bool
	}{
		{"Accepted", "objects, kinds and the definition that took part", []string{space + widget}, "2 objects of 2 kinds accepted by 1 CRDs", true},
		{"ForeignNamespace", "a unit may have objects in others' namespaces", []string{widget}, "1 objects of 1 kinds accepted by 1 CRDs", true},
		{"NotTried", "a definition that took nothing proves nothing", []string{space}, "1 objects of 1 kinds accepted by 0 CRDs", true},
		{"Changed", "every step counts", []string{widget, changed("size: 1", "size: 2")}, "2 objects of 1 kinds accepted by 1 CRDs", true},
		{"Missing", "a kind that nobody defined is a failure, not a skip", []string{space + changed("kind: Widget", "kind: Gadget")}, "contract.example.com/v1 Gadget is rendered, but no CRD", false},
		{"UnknownField", "a misspelt field would be dropped in silence", []string{changed("size:", "seize:")}, "seize", false},
		{"OutOfBounds", "values are judged", []string{changed("size: 1", "size: 11")}, "should be less than or equal to 10", false},
		{"Required", "so is what is left out", []string{changed("color: red, ", "")}, "color", false},
		{"Transition", "a change is held against what is there", []string{widget, changed("red", "blue")}, "the color stays", false},
	}
	cfg := fixture.Start(t).Shards[0].Config(t)
	definitions, err := crds.Read("testdata/crds")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := judge(t.Context(), cfg, definitions, []history{steps(t, tt.steps...)}, io.Discard)
			switch {
			case tt.accepted && (err != nil || got != tt.want):
				t.Errorf("%s: got %q, %v, want %q", tt.reason, got, err, tt.want)
			case !tt.accepted && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: got %q, %v, want …%s…", tt.reason, got, err, tt.want)
			}
		})
	}
}

// What was applied has to be at rest.
func TestAgain(t *testing.T) {
	cfg := fixture.Start(t).Shards[0].Config(t)
	definitions, err := crds.Read("testdata/crds")
	if err != nil {
		t.Fatal(err)
	}
	const big = "{apiVersion: contract.example.com/v1, kind: Widget, metadata: {name: again, namespace: contract}, spec: {color: red, size: 2}}"
	const plain = "{apiVersion: contract.example.com/v1, kind: Widget, metadata: {name: again, namespace: contract}, spec: {color: red}}"
	for _, tt := range []struct {
		name, reason string
		// first is applied, second is what is held to be the same.
		first, second string
		written       fields
		want          string
	}{
		{"Rests", "what controllers add is theirs", plain, plain, fields{"size": int64(3)}, ""},
		{"Ours", "they leave alone what is ours", big, big, fields{"size": int64(3)}, ""},
		{"Writes", "it is not the same", plain, big, fields{}, "wrote something"},
		{"Taken", "they took a field", big, big, fields{"!size": int64(3)}, "took fields of ours"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to, err := newTarget(cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range definitions {
				if err := d.Install(t.Context(), to.dynamic); err != nil {
					t.Fatal(err)
				}
			}
			if err := to.discover(t.Context(), definitions); err != nil {
				t.Fatal(err)
			}
			h := steps(t, tt.first, tt.second)
			first, second := h.steps[0][0], h.steps[1][0]
			to.written = map[schema.GroupKind]fields{first.GroupVersionKind().GroupKind(): {}}
			if err := to.take(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			made, err := to.apply(t.Context(), to.resource(first), first)
			if err != nil {
				t.Fatal(err)
			}
			to.written[first.GroupVersionKind().GroupKind()] = tt.written
			err = to.again(t.Context(), second, made)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: got %v, want …%s…", tt.reason, err, tt.want)
			}
			if err := to.remove(t.Context(), first); err != nil {
				t.Error(err)
			}
		})
	}
}

// Definitions out of modules are those of one version, or none.
func TestDownload(t *testing.T) {
	folders, err := crds.Download(t.Context(), crds.ClusterAPI)
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := crds.Read(folders...)
	if err != nil {
		t.Fatal(err)
	}
	h := history{steps: [][]*unstructured.Unstructured{{{Object: map[string]any{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster"}}}}}
	if got := needed(definitions, []history{h}); len(got) != 1 || got[0].Kind().Kind != "Cluster" {
		t.Errorf("of %d definitions these are needed: %v", len(definitions), got)
	}
	other := slices.Clone(crds.ClusterAPI)
	other[0].Sum = "h1:other"
	if _, err := crds.Download(t.Context(), other); err == nil || !strings.Contains(err.Error(), "its sum is") {
		t.Errorf("a module of another content: got %v", err)
	}
	other[0].Version = "v0.0.0-none"
	if _, err := crds.Download(t.Context(), other); err == nil || !strings.Contains(err.Error(), "v0.0.0-none") {
		t.Errorf("a version that is not there: got %v", err)
	}
}

func TestMisuse(t *testing.T) {
	for name, args := range map[string][]string{
		"NoFolder":  {"--crds", filepath.Join(t.TempDir(), "none")},
		"NoFlag":    {},
		"Argument":  {"--crds", t.TempDir(), "more"},
		"OtherFlag": {"--crd", t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args, &stdout, &stderr); code != 2 || stderr.Len() == 0 || stdout.Len() > 0 {
				t.Errorf("exit code %d, %q, %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

// A folder without definitions is the wrong folder, not an empty one.
func TestEmptyFolder(t *testing.T) {
	var stdout bytes.Buffer
	if code := run(t.Context(), []string{"--crds", t.TempDir(), "--repository", "../.."}, &stdout, io.Discard); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if got := stdout.String(); !strings.Contains(got, "holds no CustomResourceDefinition") || !strings.HasSuffix(got, "contract: failed\n") {
		t.Errorf("it says %q", got)
	}
}

// What is applied covers what providers can render.
func TestRendered(t *testing.T) {
	histories, err := rendered("../..")
	if err != nil {
		t.Fatal(err)
	}
	var kinds, names []string
	for _, h := range histories {
		names = append(names, h.name)
		for _, step := range h.steps {
			for _, o := range step {
				if !slices.Contains(kinds, o.GetKind()) {
					kinds = append(kinds, o.GetKind())
				}
			}
		}
	}
	for _, kind := range []string{"KamajiControlPlane", "MachineDeployment", "TenantControlPlane", "DataStore", "Deployment", "StatefulSet", "Job", "ClusterIssuer"} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("no %s is applied", kind)
		}
	}
	for _, name := range []string{"kamaji/tenant-address.golden.yaml", "native/datastore.golden.yaml", "examples/quickstart", "kamaji life-0 on 10.0.0.7", "cluster-api life-0 on a.eu-1.example.com", "k0smotron life-0 on a.eu-1.example.com", "examples/k0smotron", "kamaji datastore form-2", "kamaji/tenant-address with tenant-addons and without", "kamaji/tenant-host through all classes"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not applied; there are %v", name, names)
		}
	}
}

package trial_test

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/render/trial"
)

const description = `apiVersion: tenantry.io/v1alpha1
kind: Provider
metadata: {name: toy}
baseVersion: "1"
tenant:
  kinds: [v1/Namespace, apps/v1/Deployment]
  health:
  - kind: apps/v1/Deployment
    name: a
    reason: Pods
    current: object.status.?readyReplicas.orValue(0) == object.spec.replicas
    failed: object.status.?lost.orValue(false)
    message: string(object.status.?readyReplicas.orValue(0)) + " ready"
  outputs:
  - {name: version, kind: apps/v1/Deployment, object: a, value: object.status.version}
`

const objects = `apiVersion: v1
kind: Namespace
metadata: {name: TENANT-NAMESPACE}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: TENANT-NAMESPACE}
spec: {replicas: 2, paused: true, template: {spec: {containers: [{name: a}]}}}
`

const stamp = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
replacements:
- source: {kind: Tenant, fieldPath: spec.namespace}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [metadata.namespace]
  - select: {kind: Namespace}
    fieldPaths: [metadata.name]
`

const example = `tenant:
  name: acme
  uid: 7f3k2m9qx4
  baseVersion: "1"
  class: {name: standard, provider: toy}
  spec:
    class: standard
    version: v1.36.3
    replicas: 1
    network: {serviceCIDR: 10.96.0.0/16, podCIDR: 10.244.0.0/16, domain: cluster.local}
  placement: {shard: eu-1, address: 10.0.0.7}
`

func toy() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"provider.yaml": description, "kustomization.yaml": "resources: [objects.yaml]\n", "objects.yaml": objects, "stamp/kustomization.yaml": stamp,
		"testdata/a.input.yaml": example,
	} {
		files["toy/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// TestRun: everything that is wrong with a folder of tests is told, and stops nothing else.
func TestRun(t *testing.T) {
	file := func(name, text string) func(fstest.MapFS) {
		return func(files fstest.MapFS) { files["toy/testdata/"+name] = &fstest.MapFile{Data: []byte(text)} }
	}
	tests := []struct {
		name   string
		reason string
		change func(fstest.MapFS)
		want   string
	}{
		{"NoGolden", "There is nothing to hold against.", func(fstest.MapFS) {}, "testdata/a.golden.yaml: is missing"},
		{"NoTests", "Nothing was rendered.", func(files fstest.MapFS) { delete(files, "toy/testdata/a.input.yaml") }, "testdata: has no *.input.yaml"},
		{"Stray", "Its author thinks that it is read.", file("a.inptu.yaml", ""), "testdata/a.inptu.yaml: is not read"},
		{"GoldenAlone", "", file("b.golden.yaml", ""), "testdata/b.golden.yaml: has no testdata/b.input.yaml"},
		{"HealthAlone", "", file("b.health.yaml", ""), "testdata/b.health.yaml: has no testdata/b.input.yaml"},
		{"Link", "It may lead anywhere.", func(files fstest.MapFS) {
			files["toy/testdata/b.input.yaml"] = &fstest.MapFile{Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink}
		}, "testdata/b.input.yaml: is a symbolic link"},
		{"Folder", "", file("b/c.yaml", ""), "testdata/b: is not a file"},
		{"Large", "", file("b.input.yaml", strings.Repeat("a", 1<<20+1)), "testdata/b.input.yaml: has 1048577 bytes"},
		{"Alias", "", file("b.input.yaml", "a: &a [*a]\n"), "testdata/b.input.yaml:1:8: has the YAML alias *a"},
		{"UnknownField", "", file("b.input.yaml", strings.Replace(example, "placement:", "placment:", 1)), "did you mean placement?"},
		{"Neither", "", file("b.input.yaml", "teardown: true\n"), "wants tenant or dataStore"},
		{"StoreTornDown", "", file("b.input.yaml", "teardown: true\ndataStore: {name: a, uid: a, baseVersion: \"1\", spec: {driver: etcd, shards: [a]}}\n"), "b.input.yaml:1:11: teardown: says nothing of a datastore"},
		{"OddLifecycle", "", file("b.input.yaml", strings.Replace(example, "tenant:\n", "tenant:\n  lifecycle: Sleepy\n", 1)), `tenant.lifecycle: Unsupported value: "Sleepy"`},
		{"OtherProvider", "It would be tried by its own folder.", file("b.input.yaml", strings.Replace(example, "provider: toy", "provider: native", 1)), `is of provider "native"`},
		{"OtherVersion", "", file("b.input.yaml", strings.Replace(example, `baseVersion: "1"`, `baseVersion: "2"`, 1)), `with base version "2"`},
		{"NoCases", "", file("a.health.yaml", "cases: []\n"), "testdata/a.health.yaml: has no cases"},
		{"CyclicCases", "", file("a.health.yaml", "cases: &a [*a]\n"), "has the YAML alias *a"},
		{"CaseWithoutState", "", file("a.health.yaml", "cases: [{name: A}]\n"), `cases[0].state: Unsupported value: ""`},
		{"CaseWithoutName", "", file("a.health.yaml", "cases: [{state: Failed}]\n"), "cases[0].name: Required value"},
		{"OddObject", "", file("a.health.yaml", "cases: [{name: A, state: Failed, observed: [a]}]\n"), "cases[0].observed[0]: wants an object"},
		{"OddKeys", "", file("a.health.yaml", "cases: [{name: A, state: Failed, observed: [{1: {2: 3}}]}]\n"), "cases[0].observed[0]: is not an object"},
		{"OtherGroup", "Kinds of two groups may have one name.", file("a.health.yaml", "cases: [{name: A, state: Failed, observed: [{apiVersion: v1, kind: Deployment}]}]\n"), `"Deployment" is none of the unit's objects`},
		{"NotJudged", "Nobody would see it.", file("a.health.yaml", "cases: [{name: A, state: Failed, observed: [{kind: Namespace}]}]\n"), "Namespace/tenant-acme is not judged"},
		{"OutputFails", "A tenant that works has its version.", file("a.health.yaml", "cases: [{name: A, state: Current, observed: [{kind: Deployment, status: {readyReplicas: 2}}]}]\n"),
			"output version of Deployment.apps/tenant-acme/a: toy/provider.yaml:15:65: tenant.outputs[0].value: no such key: version"},
		{"OtherMessage", "", file("a.health.yaml", "cases: [{name: A, state: InProgress, reason: Pods, message: 1 ready}]\n"), `is "0 ready", want "1 ready"`},
		{"OtherSleep", "", file("a.health.yaml", "cases: [{name: A, state: InProgress, reason: Pods, asleep: true}]\n"), "asleep: is false, want true"},
		{"OtherOutputs", "", file("a.health.yaml", "cases: [{name: A, state: InProgress, reason: Pods, outputs: {version: a}}]\n"), "outputs: are map[], want map[version:a]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := toy()
			tt.change(files)
			report, err := trial.Run(files, "toy", trial.Options{Image: trial.Image})
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, c := range report.Cases {
				found += c.Problems.String()
			}
			if !strings.Contains(found, tt.want) || report.Failed() == 0 {
				t.Errorf("%s\ngot %s, want …%s…", tt.reason, found, tt.want)
			}
		})
	}
}

// TestUpdate: what was rendered is handed back, and then nothing is wrong; a patch takes
// away as well as it adds, and changes no other case.
func TestUpdate(t *testing.T) {
	files := toy()
	files["toy/testdata/a.health.yaml"] = &fstest.MapFile{Data: []byte(`cases:
- {name: Lost, state: Failed, reason: Pods, observed: [{kind: Deployment, status: {lost: true}}]}
- {name: Newborn, state: InProgress, reason: Pods, message: 0 ready, outputs: {}}
- name: Ready
  state: Current
  observed: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, paused: null}, status: {readyReplicas: 3, version: v1}}]
  outputs: {version: v1}
`)}
	report, err := trial.Run(files, "toy", trial.Options{Image: trial.Image, Update: true})
	if err != nil || report.Failed() > 0 || report.Warnings() > 0 {
		t.Fatalf("got %+v, %v", report.Cases, err)
	}
	// A link in the golden file's place is told, and nothing is written through it.
	linked := maps.Clone(files)
	linked["toy/testdata/a.golden.yaml"] = &fstest.MapFile{Data: []byte("../provider.yaml"), Mode: fs.ModeSymlink}
	if r, err := trial.Run(linked, "toy", trial.Options{Image: trial.Image, Update: true}); err != nil || r.Failed() != 1 || len(r.Goldens) > 0 {
		t.Errorf("through a link %d files would be written: %+v, %v", len(r.Goldens), r.Cases, err)
	}
	for name, data := range report.Goldens {
		files["toy/"+name] = &fstest.MapFile{Data: data}
	}
	if report, err = trial.Run(files, "toy", trial.Options{Image: trial.Image}); err != nil || report.Failed() > 0 || len(report.Goldens) > 0 {
		t.Errorf("got %+v, %v", report.Cases, err)
	}
	var names []string
	for _, c := range report.Cases {
		names = append(names, c.Name)
	}
	want := []string{"provider.yaml", "footprint", "testdata/a.input.yaml", "testdata/a.health.yaml: Lost", "testdata/a.health.yaml: Newborn", "testdata/a.health.yaml: Ready", "health"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// unreadable is a folder of which one file cannot be read.
type unreadable struct{ fstest.MapFS }

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if strings.HasSuffix(name, ".input.yaml") {
		return nil, errors.New("the disk is broken")
	}
	return u.MapFS.ReadFile(name)
}

// TestUnreadable: what is there and cannot be read is neither right nor wrong.
func TestUnreadable(t *testing.T) {
	if _, err := trial.Run(unreadable{toy()}, "toy", trial.Options{}); err == nil {
		t.Error("a file that cannot be read went by")
	}
	if _, err := trial.Run(toy(), "gone", trial.Options{}); err == nil {
		t.Error("a folder that is not there went by")
	}
}

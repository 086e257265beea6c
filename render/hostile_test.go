package render

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

const overlayHead = "resources: [../../providers/native]\n"

// TestHostileClasses gives each trick that Kustomize or a shard would fall for, and
// wants a clear error: no panic, no connection, no object.
func TestHostileClasses(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	url := server.URL
	host := strings.TrimPrefix(url, "http://")

	tests := []struct {
		name   string
		reason string
		files  map[string]string
		want   string
	}{
		{
			name:   "ResourceURL",
			reason: "Kustomize fetches URLs even from a file system in memory.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, " + url + "/x.yaml]"},
			want:   "is not a clean relative path",
		},
		{
			name:   "PatchURL",
			reason: "Patches are loaded in the same way as resources.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "patches: [{path: " + url + "/x.yaml}]"},
			want:   "is not a clean relative path",
		},
		{
			name:   "ComponentURL",
			reason: "So are components.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "components: ['" + url + "/x?ref=main']"},
			want:   "is not a clean relative path",
		},
		{
			name:   "GitRepository",
			reason: "Kustomize would run git.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, 'git@" + host + ":a/b.git']"},
			want:   "is not a clean relative path",
		},
		{
			name:   "GitHubShorthand",
			reason: "Kustomize takes the words for a repository although the folder exists.",
			files: map[string]string{
				"kustomization.yaml":                "resources: [../../providers/native, github.com/a/b]",
				"github.com/a/b/kustomization.yaml": "resources: []",
			},
			want: "is not a clean relative path",
		},
		{
			name:   "RepositoryInsideComponent",
			reason: "Every kustomization below is walked, not the first one only.",
			files: map[string]string{
				"kustomization.yaml":   overlayHead + "components: [a]",
				"a/kustomization.yaml": "kind: Component\nresources: ['" + url + "']",
			},
			want: "classes/standard/a/kustomization.yaml: resources",
		},
		{
			name:   "EscapeToAnotherClass",
			reason: "A class may name the provider's base and itself.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, ../other]"},
			want:   "leaves the class's folder",
		},
		{
			name:   "EscapeFromTheTree",
			reason: "There is nothing above, today.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, ../../../../etc/passwd]"},
			want:   "leaves the class's folder",
		},
		{
			name:   "EscapeInTheMiddle",
			reason: "A path that is not clean hides where it leads.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, a/../../other]"},
			want:   "is not a clean relative path",
		},
		{
			name:   "Absolute",
			reason: "Absolute paths mean another thing in every file system.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, /tenant/tenant.yaml]"},
			want:   "is not a clean relative path",
		},
		{
			name:   "FileNameEscape",
			reason: "Names of files come from a commit as well.",
			files:  map[string]string{"kustomization.yaml": overlayHead, "../../providers/native/stamp/kustomization.yaml": "{}"},
			want:   "is not a clean relative path",
		},
		{
			name:   "StampAgain",
			reason: "The stamp is Tenantry's to choose.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "components: [../../providers/native/stamp]"},
			want:   "leaves the class's folder",
		},
		{
			name:   "OpenAPI",
			reason: "A schema is global to the process: it would change other tenants' patches.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "openapi: {path: schema.json}", "schema.json": "{}"},
			want:   "openapi is not allowed",
		},
		{
			name:   "OpenAPIOtherCase",
			reason: "Kustomize reads keys without regard to case.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "OpenAPI: {path: schema.json}", "schema.json": "{}"},
			want:   "OpenAPI is not allowed",
		},
		{
			name:   "HelmCharts",
			reason: "Kustomize would run helm.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "helmCharts: [{name: x, repo: '" + url + "'}]"},
			want:   "helmCharts is not allowed",
		},
		{
			name:   "Generators",
			reason: "A generator is a program.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "generators: [g.yaml]", "g.yaml": "kind: X"},
			want:   "generators is not allowed",
		},
		{
			name:   "UnknownField",
			reason: "What is not known to be harmless is refused.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "wonders: []"},
			want:   "wonders is not allowed",
		},
		{
			name:   "FunctionAnnotation",
			reason: "An annotation must not name a program to run.",
			files: map[string]string{
				"kustomization.yaml": overlayHead + "patches: [{path: p.yaml}]",
				"p.yaml":             "kind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: /bin/true}'}}",
			},
			want: "is not allowed",
		},
		{
			name:   "CyclicAlias",
			reason: "Kustomize would overflow the stack, which ends the process.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, c.yaml]", "c.yaml": "a: &a\n  b: *a\n"},
			want:   "classes/standard/c.yaml: line",
		},
		{
			name:   "CyclicAliasInPatch",
			reason: "An inline patch is parsed as well.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "patches:\n- patch: |\n    a: &a\n      b: *a\n"},
			want:   "anchors and aliases are not allowed",
		},
		{
			name:   "DoubleDelete",
			reason: "Some versions of Kustomize panic on it.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- patch: |
    $patch: delete
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: kubeconfigs, namespace: TENANT-NAMESPACE}
    ---
    $patch: delete
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: kubeconfigs, namespace: TENANT-NAMESPACE}
`},
			want: "no matches for Id",
		},
		{
			name:   "DeleteTheControlPlane",
			reason: "Health would be read from nothing.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- patch: |
    $patch: delete
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: control-plane, namespace: TENANT-NAMESPACE}
`},
			want: "control-plane", // Kustomize's stamp finds no target, or the policy no object
		},
		{
			name:   "WithoutBase",
			reason: "An overlay on nothing is a mistake.",
			files:  map[string]string{"kustomization.yaml": "resources: [x.yaml]", "x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}"},
			want:   "want ../../providers/native",
		},
		{
			name:   "MissingFile",
			reason: "A path that leads nowhere is named.",
			files:  map[string]string{"kustomization.yaml": "resources: [../../providers/native, gone.yaml]"},
			want:   "gone.yaml does not exist",
		},
		{
			name:   "ForeignNamespace",
			reason: "A class must not reach into other tenants.",
			files:  added("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: tenant-blue}"),
			want:   "outside of the tenant's namespace",
		},
		{
			name:   "NoNamespace",
			reason: "It would land wherever the client's default is.",
			files:  added("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}"),
			want:   "outside of the tenant's namespace",
		},
		{
			name:   "SecondNamespace",
			reason: "A namespace is cluster-wide.",
			files:  added("apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}"),
			want:   "outside of the tenant's namespace",
		},
		{
			name:   "ClusterRole",
			reason: "A class must not give rights on the shard.",
			files:  added("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}"),
			want:   "outside of the tenant's namespace",
		},
		{
			name:   "Secret",
			reason: "Nothing that unlocks anything is in a commit.",
			files:  added("apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: TENANT-NAMESPACE}"),
			want:   "kind v1/Secret may not be rendered",
		},
		{
			name:   "JobWithTheRootCertificate",
			reason: "The datastore's namespace holds etcd's root certificate.",
			files:  added("apiVersion: batch/v1\nkind: Job\nmetadata: {name: add-x, namespace: DATASTORE-NAMESPACE}\nspec: {}"),
			want:   "may not add objects outside",
		},
		{
			name:   "PatchTheGrantedJob",
			reason: "It runs with etcd's root certificate.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- target: {kind: Job}
  patch: |
    - {op: replace, path: /spec/template/spec/containers/0/args, value: [datastore, drop]}
`},
			want: "Job.batch/DATASTORE-NAMESPACE/TENANT-JOB: a class may not change it",
		},
		{
			name:   "MoveTheGrantedJob",
			reason: "What is missed where it was is a change as well.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- target: {kind: Job}
  patch: |
    - {op: replace, path: /metadata/namespace, value: TENANT-NAMESPACE}
`},
			want: "a class may not remove it",
		},
		{
			name:   "PodSecurity",
			reason: "A class must not open the way to the node.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- target: {kind: Namespace}
  patch: |
    - {op: replace, path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: privileged}
`},
			want: "Namespace/TENANT-NAMESPACE: a class may not change it",
		},
		{
			name:   "OurLabel",
			reason: "By the label we tell whose an object is.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "labels: [{pairs: {tenantry.io/uid: other}}]"},
			want:   "metadata.labels[tenantry.io/uid] is Tenantry's own",
		},
		{
			name:   "OurAnnotation",
			reason: "By the annotation we tell a copy from the original.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /metadata/annotations, value: {tenantry.io/object: other}}
`},
			want: "metadata.annotations[tenantry.io/object] is Tenantry's own",
		},
		{
			name:   "OurLabelOnPods",
			reason: "A pod with our label would be taken for an object of ours.",
			files: map[string]string{"kustomization.yaml": overlayHead + `
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /spec/template/metadata/labels/tenantry.io~1uid, value: other}
`},
			want: "spec.template.metadata.labels[tenantry.io/uid] is Tenantry's own",
		},
		{
			name:   "ManagedBy",
			reason: "We write it.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "labels: [{pairs: {app.kubernetes.io/managed-by: helm}}]"},
			want:   "is Tenantry's own",
		},
		{
			name:   "Finalizer",
			reason: "A finalizer that nobody serves would keep the tenant for ever.",
			files:  added("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: TENANT-NAMESPACE, finalizers: [a/b]}"),
			want:   "metadata.finalizers is not allowed",
		},
		{
			name:   "Placeholder",
			reason: "A stamp fills in what its base holds, not what a class invents.",
			files:  added("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: TENANT-NAMESPACE}\ndata: {uid: TENANT-UID}"),
			want:   "placeholder TENANT-UID is left",
		},
		{
			name:   "TooManyObjects",
			reason: "A shard's API server is shared.",
			files:  added(many(maxObjects)),
			want:   "objects: want 200 at most",
		},
		{
			name:   "TooManyBytes",
			reason: "So is its storage.",
			files: map[string]string{
				"kustomization.yaml": "resources: [../../providers/native, a.yaml, b.yaml, c.yaml]",
				"a.yaml":             big("a"), "b.yaml": big("b"), "c.yaml": big("c"),
			},
			want: "bytes: want 2097152 at most",
		},
		{
			name:   "TooLargeFile",
			reason: "Parsing costs memory.",
			files:  added("# " + strings.Repeat("x", maxFileBytes)),
			want:   "bytes: want 1048576 at most",
		},
		{
			name:   "DuplicateKey",
			reason: "Readers disagree on which one holds.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "labels: []\nlabels: []\n"},
			want:   "is there twice",
		},
		{
			name:   "TwoKustomizations",
			reason: "Nobody can tell which one holds.",
			files:  map[string]string{"kustomization.yaml": overlayHead, "Kustomization": overlayHead},
			want:   "2 kustomizations",
		},
		{
			name:   "NamePrefix",
			reason: "The provider finds its objects by name.",
			files:  map[string]string{"kustomization.yaml": overlayHead + "namePrefix: x-"},
			want:   "names and namespaces are the provider's",
		},
		{
			name:   "NotYAML",
			reason: "The file is named.",
			files:  map[string]string{"kustomization.yaml": "resources: ["},
			want:   "classes/standard/kustomization.yaml: parse YAML",
		},
		{
			name:   "Cycle",
			reason: "It would never end.",
			files: map[string]string{
				"kustomization.yaml":   overlayHead + "components: [a]",
				"a/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../b]",
				"b/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../a]",
			},
			want: "classes/standard/a: it is named twice",
		},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			unit, err := r.Tenant(acmeWith(tt.files))
			switch {
			case err == nil:
				t.Fatalf("%s\nit was rendered: %d objects", tt.reason, len(unit.Objects))
			case !strings.Contains(err.Error(), tt.want):
				t.Errorf("%s\ngot:  %v\nwant: …%s…", tt.reason, err, tt.want)
			}
		})
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("rendering opened %d connections", n)
	}
	if _, err := r.Tenant(acme()); err != nil {
		t.Errorf("a plain tenant after all of them: %v", err)
	}
}

// added is an overlay with one file of further objects.
func added(objects string) map[string]string {
	return map[string]string{
		"kustomization.yaml": "resources: [../../providers/native, x.yaml]",
		"x.yaml":             objects,
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x%d, namespace: TENANT-NAMESPACE}\n", i)
	}
	return b.String()
}

func big(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: TENANT-NAMESPACE}\n" +
		"data: {x: " + strings.Repeat("x", maxFileBytes*3/4) + "}\n"
}

package examples_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// unrendered are kinds that no provider lists and the daemon writes all the same.
var unrendered = map[string]string{
	"v1/Secret":                                "kubeconfigs are derived from certificates",
	"rbac.authorization.k8s.io/v1/Role":        "a tenant's people may read the Secret with their kubeconfig",
	"rbac.authorization.k8s.io/v1/RoleBinding": "the same",
}

// verbs are what one object's life takes: it is listed and watched by label, looked
// for before it is made, applied (which is create or patch), deleted.
var verbs = []string{"create", "delete", "get", "list", "patch", "watch"}

// A provider's kinds and the rights on a shard say the same: nothing that it renders
// is refused there, and nothing may be done that no provider needs.
func TestShardRightsAreTheProviders(t *testing.T) {
	providers, err := filepath.Glob("../render/providers/*/provider.yaml")
	if err != nil || len(providers) < 2 {
		t.Fatalf("found %d providers (%v), want native and kamaji", len(providers), err)
	}
	base := granted(t, "install/shard/base")
	needed := map[string]string{}
	for kind := range unrendered {
		needed[resource(t, kind)] = kind
	}
	for _, path := range providers {
		name := filepath.Base(filepath.Dir(path))
		own, used := granted(t, "install/shard/"+name), map[string]bool{}
		for _, kind := range kinds(t, path) {
			r := resource(t, kind)
			needed[r] = kind
			used[r] = true
			got, there := own[r]
			if !there {
				got = base[r]
			}
			if diff := cmp.Diff(verbs, got); diff != "" {
				t.Errorf("%s renders %s; rights on %s (-want +got):\n%s", name, kind, r, diff)
			}
		}
		for r, got := range own {
			if !used[r] {
				t.Errorf("install/shard/%s gives %s on %s, of which the provider renders nothing", name, got, r)
			}
		}
	}
	for r, got := range base {
		if needed[r] == "" {
			t.Errorf("install/shard/base gives %s on %s, of which no provider renders anything", got, r)
		}
		if diff := cmp.Diff(verbs, got); diff != "" {
			t.Errorf("rights on %s (-want +got):\n%s", r, diff)
		}
	}
}

// kinds are all that a provider may render.
func kinds(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type part struct{ Kinds []string }
	var provider struct{ Tenant, Teardown, DataStore part }
	if err := yaml.Unmarshal(content, &provider); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(provider.Tenant.Kinds, provider.Teardown.Kinds, provider.DataStore.Kinds)
	if len(all) == 0 {
		t.Fatalf("%s lists no kinds", path)
	}
	return all
}

// resource is a kind's name in rules: deployments.apps, and *.apps for all of a group.
func resource(t *testing.T, kind string) string {
	t.Helper()
	if group, all := strings.CutSuffix(kind, "/*/*"); all {
		return schema.GroupResource{Group: group, Resource: "*"}.String()
	}
	i := strings.LastIndex(kind, "/")
	gv, err := schema.ParseGroupVersion(kind[:i])
	if err != nil {
		t.Fatal(err)
	}
	plural, _ := meta.UnsafeGuessKindToResource(gv.WithKind(kind[i+1:]))
	return plural.GroupResource().String()
}

// granted are the verbs that a folder's ClusterRoles give, by resource. It fails on
// what a test by resource would not see.
func granted(t *testing.T, dir string) map[string][]string {
	t.Helper()
	all := map[string]map[string]bool{}
	for _, content := range build(t, dir, "ClusterRole") {
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict(content, &role); err != nil {
			t.Fatal(err)
		}
		if role.AggregationRule != nil {
			t.Errorf("%s: ClusterRole %s takes rights from others", dir, role.Name)
		}
		for _, rule := range role.Rules {
			if len(rule.NonResourceURLs) > 0 {
				if !slices.Equal(rule.Verbs, []string{"get"}) {
					t.Errorf("%s: ClusterRole %s may %s %s", dir, role.Name, rule.Verbs, rule.NonResourceURLs)
				}
				continue
			}
			for _, group := range rule.APIGroups {
				for _, r := range rule.Resources {
					key := schema.GroupResource{Group: group, Resource: r}.String()
					if all[key] == nil {
						all[key] = map[string]bool{}
					}
					for _, v := range rule.Verbs {
						all[key][v] = true
					}
				}
			}
		}
	}
	sorted := map[string][]string{}
	for key, verbs := range all {
		sorted[key] = slices.Sorted(maps.Keys(verbs))
	}
	return sorted
}

// build gives the objects of a kind that Kustomize makes of a folder.
func build(t *testing.T, dir, kind string) map[string][]byte {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("build %s: %v", dir, err)
	}
	found := map[string][]byte{}
	for _, r := range made.Resources() {
		if r.GetKind() != kind {
			continue
		}
		content, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprintf("%s/%s", r.GetNamespace(), r.GetName())] = content
	}
	return found
}

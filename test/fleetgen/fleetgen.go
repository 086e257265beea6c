package fleetgen

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
)

// Options say what fleet to make.
type Options struct {
	// Seed makes one fleet differ from another of the same size.
	Seed uint64
	// Tenants, Classes and Shards are how many there are of each. Tenants are spread
	// over the classes, classes over the providers, in turn.
	Tenants, Classes, Shards int
	// Providers are the kinds of control planes; each has a datastore on each shard.
	Providers []string
	// PatchEvery gives every n-th tenant a patch of its own; 0 none.
	PatchEvery int
}

// Fleet is a generated repository.
type Fleet struct {
	// Files are by path.
	Files map[string]string
	// Tenants are the tenants' folders, Shards the shards' names, both in the order made.
	Tenants, Shards []string
}

// Scaled is a tenant's tenant.yaml with other replicas: a change as people make it.
func (f *Fleet) Scaled(dir string, replicas int) string {
	var kept strings.Builder
	for line := range strings.Lines(f.Files[dir+"/tenant.yaml"]) {
		if !strings.HasPrefix(line, "  replicas:") {
			kept.WriteString(line)
		}
	}
	return fmt.Sprintf("%s  replicas: %d\n", kept.String(), replicas)
}

// teamSize is how many tenants the largest teams have.
const teamSize = 40

// New makes a fleet.
func New(o Options) *Fleet {
	// Nothing here has to be unpredictable.
	g := &generator{Options: o, rand: rand.New(rand.NewPCG(o.Seed, 0)), fleet: &Fleet{Files: map[string]string{}}} //nolint:gosec // a seed is wanted
	g.fleet.Files["fleet.yaml"] = "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nmetadata:\n  name: generated\n"
	for i := range o.Shards {
		g.shard(i)
	}
	for i := range o.Classes {
		g.class(i)
	}
	team, left := -1, 0
	for i := range o.Tenants {
		if left == 0 {
			team, left = team+1, 1+g.rand.IntN(teamSize)
		}
		left--
		g.tenant(i, fmt.Sprintf("team-%03d", team))
	}
	return g.fleet
}

type generator struct {
	Options
	rand  *rand.Rand
	fleet *Fleet
}

func (g *generator) add(path, format string, args ...any) {
	g.fleet.Files[path] = "apiVersion: tenantry.io/v1alpha1\n" + fmt.Sprintf(format, args...)
}

// shard declares a shard and its datastores.
func (g *generator) shard(i int) {
	name := fmt.Sprintf("shard-%02d", i)
	g.fleet.Shards = append(g.fleet.Shards, name)
	g.add("shards/"+name+".yaml", "kind: Shard\nmetadata:\n  name: %s\n  labels: {region: %s}\nspec:\n  addressPool: [10.%d.0.0/16]\n",
		name, regions[i%len(regions)], 64+i)
	for _, provider := range g.Providers {
		store := name + "-" + provider
		g.add("datastores/"+store+".yaml", "kind: DataStore\nmetadata:\n  name: %s\nspec:\n  provider: %s\n  shards: [%s]\n%s",
			store, provider, name, kinds[provider].dataStore)
	}
}

var regions = []string{"eu", "us", "ap"}

// class declares a class; two in three have an overlay of their own.
func (g *generator) class(i int) {
	provider := g.Providers[i%len(g.Providers)]
	name := className(i)
	k, allow := kinds[provider], ""
	if g.PatchEvery > 0 {
		allow = fmt.Sprintf("  allow:\n    patches:\n    - {kind: %s, name: %s, fields: [%s]}\n", k.kind, k.object, k.field)
	}
	g.add("classes/"+name+"/class.yaml", "kind: ControlPlaneClass\nmetadata:\n  name: %s\nspec:\n  provider: %s\n  version: %s\n  replicas: %d\n%s",
		name, provider, versions[i%len(versions)], 1+i%3, allow)
	if i%3 == 0 {
		return
	}
	g.fleet.Files["classes/"+name+"/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" +
		fmt.Sprintf("resources: [../../providers/%s]\npatches:\n- target: {kind: %s}\n  patch: |\n", provider, path.Base(k.kind)) +
		fmt.Sprintf("    - {op: add, path: %s, value: %s}\n", k.path, fmt.Sprintf(k.value, i))
}

func className(i int) string { return fmt.Sprintf("class-%02d", i) }

// versions are Kubernetes versions; a class has one, and some tenants another.
var versions = []string{"v1.36.3", "v1.36.2", "v1.35.5"}

// tenant declares a tenant: most say nothing but their class.
func (g *generator) tenant(i int, team string) {
	// Names are told apart by their first letters, as people's are.
	name := fmt.Sprintf("%s-%05d", words[g.rand.IntN(len(words))], i)
	class := i % g.Classes
	dir := fmt.Sprintf("tenants/%s/%s", team, name)
	g.fleet.Tenants = append(g.fleet.Tenants, dir)
	spec := "  class: " + className(class) + "\n"
	switch g.rand.IntN(8) {
	case 0:
		spec += fmt.Sprintf("  version: %s\n", versions[g.rand.IntN(len(versions))])
	case 1:
		spec += fmt.Sprintf("  replicas: %d\n", 1+g.rand.IntN(3))
	case 2:
		spec += fmt.Sprintf("  network:\n    podCIDR: 10.%d.0.0/16\n    serviceCIDR: 10.%d.0.0/16\n", 128+g.rand.IntN(64), 192+g.rand.IntN(64))
	case 3:
		spec += fmt.Sprintf("  shardSelector: {region: %s}\n", regions[g.rand.IntN(min(len(regions), g.Shards))])
	case 4:
		spec += fmt.Sprintf("  access:\n    groups: [%s]\n", team)
	}
	g.add(dir+"/tenant.yaml", "kind: Tenant\nmetadata:\n  name: %s\nspec:\n%s", name, spec)
	// Not always a tenant of the same class.
	if g.PatchEvery > 0 && i%g.PatchEvery == i/g.PatchEvery%g.PatchEvery {
		g.patch(dir, kinds[g.Providers[class%len(g.Providers)]], i)
	}
}

// patch gives a tenant a Component that changes what its class allows.
func (g *generator) patch(dir string, k kind, i int) {
	g.fleet.Files[dir+"/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
		fmt.Sprintf("patches:\n- target: {kind: %s}\n  path: tolerations.yaml\n", path.Base(k.kind))
	g.fleet.Files[dir+"/tolerations.yaml"] = fmt.Sprintf("- op: add\n  path: /%s\n  value: [{key: pool, operator: Equal, value: pool-%d, effect: NoSchedule}]\n",
		strings.ReplaceAll(k.field, ".", "/"), i%7)
}

var words = []string{"acme", "billing", "checkout", "data", "edge", "finance", "games", "hr", "iot", "labs", "maps", "office", "portal", "search", "web"}

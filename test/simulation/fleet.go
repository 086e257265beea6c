package simulation

import (
	"fmt"
	"strings"
)

// What every history begins with: two shards, each with a datastore for either provider,
// a class of each, and nobody yet.
var (
	tenantNames  = []string{"ant", "bee", "cat", "dog", "eel", "fox"}
	shardNames   = []string{"eu", "us"}
	clusterNames = []string{"blue", "red"}
	classNames   = []string{"hosted", "native"}
)

const head = "apiVersion: tenantry.io/v1alpha1\nkind: "

func (w *world) fleetFiles() map[string][]byte {
	files := map[string][]byte{
		"fleet.yaml":                w.fleetFile(),
		"classes/hosted/class.yaml": classFile("hosted", "v1.36.3", ""),
		"classes/native/class.yaml": classFile("native", "v1.36.3", ""),
		"classes/open/class.yaml":   []byte(openClass),
	}
	for i, shard := range shardNames {
		files[shardFile(shard)] = shardDeclared(shard, i, false)
		files[storeFile("sql-"+shard)] = storeDeclared("sql-" + shard)
		files[storeFile("etcd-"+shard)] = storeDeclared("etcd-" + shard)
	}
	return files
}

func (w *world) fleetFile() []byte {
	return fmt.Appendf(nil, head+"Fleet\nmetadata: {name: simulated}\nspec: {deletion: {retention: %s, limit: %d}}\n", w.settings.Retention, w.settings.Limit)
}

func classFile(name, version, base string) []byte {
	provider := map[string]string{"hosted": "kamaji", "native": "native"}[name]
	if base != "" {
		base = ", baseVersion: \"" + base + "\""
	}
	return fmt.Appendf(nil, head+"ControlPlaneClass\nmetadata: {name: %s}\nspec: {provider: %s, version: %s%s}\n", name, provider, version, base)
}

// openClass lets its tenants have a Component of their own.
const openClass = head + `ControlPlaneClass
metadata: {name: open}
spec:
  provider: native
  version: v1.36.3
  allow:
    patches: [{kind: apps/v1/Deployment, name: control-plane, fields: [spec.template.spec.nodeSelector]}]
    resources: [v1/LimitRange]
`

func shardFile(name string) string { return "shards/" + name + ".yaml" }

func shardDeclared(name string, i int, cordon bool) []byte {
	return fmt.Appendf(nil, head+"Shard\nmetadata: {name: %s}\nspec: {addressPool: [10.%d.0.1-10.%d.0.30], cordon: %v}\n", name, i+1, i+1, cordon)
}

func storeFile(name string) string { return "datastores/" + name + ".yaml" }

func storeDeclared(name string) []byte {
	kind, shard, _ := strings.Cut(name, "-")
	if kind == "etcd" {
		return fmt.Appendf(nil, head+"DataStore\nmetadata: {name: %s}\nspec: {driver: etcd, shards: [%s], managed: {replicas: 1}}\n", name, shard)
	}
	return fmt.Appendf(nil, head+"DataStore\nmetadata: {name: %s}\nspec:\n  provider: kamaji\n  driver: MySQL\n  shards: [%s]\n"+
		"  endpoints: [\"%[1]s.data.svc:3306\"]\n  basicAuth:\n    username: {namespace: data, name: db, key: u}\n    password: {namespace: data, name: db, key: p}\n", name, shard)
}

func tenantFile(team, name string) string { return "tenants/" + team + "/" + name + "/tenant.yaml" }

func tenantDeclared(name, class, more string) []byte {
	return fmt.Appendf(nil, head+"Tenant\nmetadata: {name: %s}\nspec: {class: %s%s}\n", name, class, more)
}

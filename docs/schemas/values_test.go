package schemas

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/fleet"
)

// Values that come close to the edge of a rule, field by field: a schema takes
// whatever the loader takes, and refuses what it refuses for its form.
func TestValues(t *testing.T) {
	head := "apiVersion: " + fleet.APIVersion + "\nkind: "
	base := map[string]string{
		"fleet.yaml":              head + "Fleet\n",
		"shards/a.yaml":           head + "Shard\nmetadata: {name: a}\nspec: {domain: example.com}\n",
		"datastores/a.yaml":       head + "DataStore\nmetadata: {name: a}\nspec: {driver: etcd, shards: [a], managed: {}}\n",
		"classes/a/class.yaml":    head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native, version: v1.36.3}\n",
		"tenants/t/a/tenant.yaml": head + "Tenant\nmetadata: {name: a}\nspec: {class: a}\n",
	}
	tests := []struct {
		name, file, content string
		good, bad           []string
		looser              []string // refused by the loader for what no pattern can say
	}{
		{"Version", "tenants/t/a/tenant.yaml", head + "Tenant\nmetadata: {name: a}\nspec: {class: a, version: %s}\n",
			[]string{"v1.36.3", "v0.0.0", "v10.20.30"}, []string{"1.36.3", "v1.36", "v01.2.3", "v1.2.3-rc1", "v1.2.3.4", `""`, "~"}, nil},
		{"Replicas", "tenants/t/a/tenant.yaml", head + "Tenant\nmetadata: {name: a}\nspec: {class: a, replicas: %s}\n",
			[]string{"1", "9"}, []string{"0", "10", "-1", "1.5", `"1"`, "true"}, nil},
		{"Groups", "tenants/t/a/tenant.yaml", head + "Tenant\nmetadata: {name: a}\nspec: {class: a, access: {groups: [%s]}}\n",
			[]string{"web", `"web team"`, "oidc:web", "ä", "mysystem:x"}, []string{"system:masters", `" web"`, `"web "`, `""`, "a, a", "1"}, []string{`"a\u200bb"`}},
		{"Retention", "fleet.yaml", head + "Fleet\nspec: {deletion: {retention: %s}}\n",
			[]string{"72h", "1h30m", "0s", "1.5h", "+1h", "90m", ".5h"}, []string{"72", "3 days", "1d", "-1h", "h", `""`}, nil},
		{"Percent", "fleet.yaml", head + "Fleet\nspec: {deletion: {percent: %s}}\n",
			[]string{"0", "100"}, []string{"-1", "101", `"5"`}, nil},
		{"Storage", "datastores/a.yaml", head + "DataStore\nmetadata: {name: a}\nspec: {driver: etcd, shards: [a], managed: {storage: %s}}\n",
			[]string{"8Gi", "1.5Ti", ".5Gi", `"1000000000"`, "+8Gi", "100m", "5E", `"1E3"`}, []string{"lots", "8GB", "8 Gi", "-8Gi", "Gi", "1e9"}, []string{"0Gi"}},
		{"Members", "datastores/a.yaml", head + "DataStore\nmetadata: {name: a}\nspec: {driver: etcd, shards: [a], managed: {replicas: %s}}\n",
			[]string{"1", "3", "5"}, []string{"0", "2", "7", `"3"`}, nil},
		{"Endpoints", "datastores/a.yaml", head + "DataStore\nmetadata: {name: a}\nspec: {driver: MySQL, shards: [a], endpoints: [%s], basicAuth: {username: {namespace: a, name: a, key: a}, password: {namespace: a, name: a, key: a.b_C}}}\n",
			[]string{`"db:3306"`, `"10.0.0.1:1"`, `"[fd00::1]:3306"`, `"a.b:65535"`}, []string{`"db"`, `"tcp://db:3306"`, `"db:0"`, `""`, `"a:1", "a:1"`}, []string{`"db:65536"`, `"D B:1"`}},
		{"Domain", "shards/a.yaml", head + "Shard\nmetadata: {name: a}\nspec: {domain: %s}\n",
			[]string{"example.com", "a", "a-b.c1", "1.de"}, []string{"Example.com", "a_b", "-a", "a..b", "a.", `""`}, nil},
		{"Pool", "shards/a.yaml", head + "Shard\nmetadata: {name: a}\nspec: {addressPool: [%s]}\n",
			[]string{"10.0.0.1", "10.0.0.0/24", "10.0.0.1-10.0.0.9", `"fd00::/64"`, `"fd00::1"`}, []string{"all", `""`, "10.0.0.1%eth0"}, []string{"10.0.0.300", "10.0.0.1/24", "10.0.0.9-10.0.0.1"}},
		{"CPU", "shards/a.yaml", head + "Shard\nmetadata: {name: a}\nspec: {domain: a.b, capacity: {cpu: %s}}\n",
			[]string{`"32"`, "500m", "1.5k"}, []string{"32", "lots", `"-1"`, `""`}, []string{`"0"`}},
		{"Taints", "shards/a.yaml", head + "Shard\nmetadata: {name: a}\nspec: {domain: a.b, taints: [%s]}\n",
			[]string{"{key: a}", "{key: example.com/a_B, value: b, effect: NoSchedule}"}, []string{"a", "{value: b}", "{key: -a}", "{key: a, value: -b}", "{key: a, effect: NoExecute}", "{key: a}, {key: a}"}, []string{"{key: a}, {key: a, effect: NoSchedule}"}},
		{"Prefer", "tenants/t/a/tenant.yaml", head + "Tenant\nmetadata: {name: a}\nspec: {class: a, prefer: [%s]}\n",
			[]string{"{k: v}", "{k: v}, {l: v}"}, []string{"k", "{}", "{k: -v}", "{k: 1}", "{k: v}, {k: v}"}, nil},
		{"Spread", "tenants/t/a/tenant.yaml", head + "Tenant\nmetadata: {name: a}\nspec: {class: a, spread: %s}\n",
			[]string{"{group: a}", "{group: a, maxPerShard: 3}"}, []string{"a", "{}", "{maxPerShard: 2}", "{group: A}", "{group: a, maxPerShard: 0}"}, nil},
		{"Labels", "shards/a.yaml", head + "Shard\nmetadata: {name: a, labels: {k: %s}}\nspec: {domain: a.b}\n",
			[]string{"v", `""`, "a.b_C-1"}, []string{"-v", "a/b", "1", "true"}, nil},
		{"Service", "classes/a/class.yaml", head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native, version: v1.36.3, network: {serviceCIDR: %s}}\n",
			[]string{"10.100.0.0/16"}, []string{"10.100.0.0", "net/16", `""`}, []string{"10.100.0.1/16", "10.100.0.0/33", "10.100.0.0/30"}},
		{"BaseVersion", "classes/a/class.yaml", head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native, version: v1.36.3, baseVersion: %s}\n",
			[]string{`"1"`, `"12"`}, []string{"1", `"v1"`, `"0"`, `"01"`, `"1.0"`, `""`, `"9999999999"`}, nil},
		{"Versions", "classes/a/class.yaml", head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native, version: v1.36.3, allow: {versions: [v1.36.3, %s]}}\n",
			[]string{"v1.36", "v1.35.2"}, []string{"1.36", "v1", "v1.36.x", "v1.36.3"}, nil},
		{"Resources", "classes/a/class.yaml", head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native, version: v1.36.3, allow: {resources: [%s]}}\n",
			[]string{"v1/ConfigMap", "apps/v1/Deployment", "networking.k8s.io/v1/NetworkPolicy"}, []string{"ConfigMap", "v1/configmap", "a/b/c/D", `""`}, nil},
		{"Pattern", "classes/a/class.yaml", head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native, version: v1.36.3, parameters: {type: object, properties: {p: %s}}}\n",
			[]string{"{type: string}", "{type: string, default: a, enum: [a, b]}", "{type: integer, minimum: -1, maximum: 3, default: 0}", "{type: boolean, default: false}", "{type: array, maxItems: 2, default: [a]}"},
			[]string{"{}", "{type: number}", "{type: string, minLength: -1}", "{type: string, enum: []}", "{type: string, format: date}"}, []string{"{type: string, default: 1}", "{type: boolean, minimum: 1}"}},
	}
	v := newValidator(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for want, values := range map[string][]string{"good": tt.good, "bad": tt.bad, "looser": tt.looser} {
				for _, value := range values {
					content := fmt.Sprintf(tt.content, value)
					files := fstest.MapFS{}
					for p, text := range base {
						files[p] = &fstest.MapFile{Data: []byte(text)}
					}
					files[tt.file] = &fstest.MapFile{Data: []byte(content)}
					_, findings, err := fleet.Load(files)
					if err != nil {
						t.Fatal(err)
					}
					if (len(findings) == 0) != (want == "good") {
						t.Errorf("%s: the loader finds %v, want it %s", value, findings, want)
					}
					if faults := v.judge(kindAt(tt.file), []byte(content)); (len(faults) == 0) != (want != "bad") {
						t.Errorf("%s: the schema finds %v, want it %s", value, faults, want)
					}
				}
			}
		})
	}
}

// Package schemas holds a JSON Schema for each kind of a fleet repository, and for a
// provider's description, so that editors complete and check files while one types.
//
// The schemas are generated from the types of packages fleet and render: fields, their
// Go documentation, and as much of the rules as a schema can say. The test of this
// package generates them anew and compares, and holds them against every example,
// against the fleet's own test data and against all providers; run it with -update after
// a change of the types.
//
// # Why
//
// A schema judges one file by itself. What stands between files (a class that is
// not declared, addresses in two pools) is for "tenantry validate" to say, which
// also explains itself better. So a schema is only ever as strict as the loader,
// never stricter. It is draft-07 without references, which all editors understand.
package schemas

import (
	"embed"
	"strings"
)

//go:embed *.json
var files embed.FS

// base is where the schemas are found by editors.
const base = "https://raw.githubusercontent.com/tenantry/tenantry/main/docs/schemas/"

// Kinds are those of a fleet repository, in the order in which one meets them.
func Kinds() []string {
	return []string{"Fleet", "Shard", "DataStore", "ControlPlaneClass", "Tenant", "Approval", "Provider"}
}

// URL is where a kind's schema is found, in whatever case the kind is written.
func URL(kind string) string { return base + file(kind) }

// JSON is the schema of a kind, in whatever case it is written; nil when there is none.
func JSON(kind string) []byte {
	for _, k := range Kinds() {
		if strings.EqualFold(k, kind) {
			data, err := files.ReadFile(file(k))
			if err != nil {
				panic(err) // it is embedded: the test counts them
			}
			return data
		}
	}
	return nil
}

func file(kind string) string { return strings.ToLower(kind) + ".json" }

package fleet

import "github.com/tenantry/tenantry/fleet/strict"

// Encode writes a struct as the YAML of this project's files: members in the
// order of their declaration, keys of maps sorted. The same value gives the same
// bytes, in every version and year.
func Encode(v any) ([]byte, error) { return strict.Encode(v) }

package fleet

import "github.com/tenantry/tenantry/fleet/strict"

// Nearest gives the known name that was probably meant by a mistyped one, or nothing.
func Nearest(name string, known []string) string { return strict.Nearest(name, known) }

// Package scale measures a replica with a large fleet on real API servers.
//
//	make scale TENANTS=10000 SHARDS=4
//
// The fleet is test/fleetgen's; what a provider's operator does is played by test/kamaji.
// Tenants come in rounds, and after each a bare loop sends the same bytes to the same API
// servers, as many at once: what it takes longer to decide, render, order and remember is
// the daemon's own. Then one commit changes every class, the daemon starts anew over the
// applied fleet, and it is left alone for a while.
//
// Each figure is a line "figure: NAME VALUE UNIT"; limits.yaml says what is wanted, and what
// was measured. A figure beyond its limit is told, and fails nothing but where it is a count
// of what must not happen: machines differ.
package scale

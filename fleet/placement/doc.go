// Package placement chooses where a tenant lives: a shard, a datastore on it,
// and an address or a host name.
//
// Hard rules come first: the shard that the tenant pins, or those its selector
// matches, or all; not cordoned; with room; with a usable datastore of the
// class's provider that has room, unless that provider keeps the state of its
// tenants itself; with a free address. Among what is left the shard with the fewest
// tenants wins, and on it the datastore with the fewest; ties go by name. The
// address is the lowest free one.
//
// A tenant that adopts what runs already is placed where that runs, whatever room there
// is; its address is nobody else's from its declaration on.
//
// Everything in the ledger that is not purged takes room and keeps its address,
// also what is removed and may come back. Who is placed already is never asked
// about again: placement is sticky because the ledger remembers it.
//
// The package is pure, and its answers depend on nothing but the fleet, the
// ledger and the order of asking; PlaceAll asks by name.
//
// # Why
//
// Fewest tenants is a rule that a person can foresee from a table, and a refusal
// names for each shard what would have to change.
package placement

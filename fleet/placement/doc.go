// Package placement chooses where a tenant lives: a shard, a datastore on it,
// and an address or a host name.
//
// Hard rules come first, in this order (rules.go):
//
//	NotSelected      the tenant's selector; one that it pins is the only one asked
//	Cordoned         no new tenants
//	ProviderMissing  the class's provider is not installed there
//	Dedicated        the shard is for other teams
//	Tainted          a taint that the class does not tolerate
//	GroupThere       others of the tenant's group (spec.spread, within its team) are there
//	Full             tenants; CPUFull and MemoryFull, by what classes' tenants request
//	NoDataStore      none of the class's provider is for it; DataStoreFull none has room
//	NoAddress        the pool is used up; HostTaken what was taken over has the host
//
// Among the shards that are left, scores decide, part by part (score.go): the tenant's
// preferences, else its class's; the share of the shard's capacity that is taken with it,
// of tenants, CPU and memory the one of which most is taken; the share of the datastore's.
// What declares no capacity is weighed as if it were for 1,000 tenants. On each shard the
// emptiest datastore is taken. What is still equal is drawn by rendezvous hashing of the
// tenant's name and folder with the shard's or datastore's name. The address is the lowest
// free one. All arithmetic is of whole numbers.
//
// A tenant that adopts what runs already is placed where that runs, whatever room there
// is; its address is nobody else's from its declaration on.
//
// Everything in the ledger that is not purged takes room and keeps its address,
// also what is removed and may come back. Who is placed already is never asked
// about again: placement is sticky because the ledger remembers it. So the rules hold
// when a tenant is placed; what is declared later moves nobody.
//
// The package is pure, and its answers depend on nothing but the fleet, the
// ledger, what classes in force request (Known) and the order of asking; PlaceAll asks
// by name.
//
// # Why
//
// Scores are compared one after the other, not added up with weights: a person can
// foresee the answer from a table, and Explain prints that table. A refusal names for each
// shard what would have to change, and the nearest of these fixes.
//
// A pool of a team's own is a list of teams, on a shard or a datastore, and not a taint:
// taints are tolerated by classes, which any team may choose. A team that has a pool and
// wants to be nowhere else selects it.
//
// A preference goes before even load: whoever declares one wants it while there is room.
package placement

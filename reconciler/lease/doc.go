// Package lease keeps the Lease that guards one shard.
//
// The Lease (coordination.k8s.io/v1, tenantry-system/tenantry) lives in the
// shard that it guards. Whoever holds it may write there; everybody else waits.
// There is no other coordination: any number of replicas run, each on the shards
// whose Lease it holds.
//
//	absent ──create──┐
//	                 ▼
//	free ──take──► mine ──renew──► mine … ──release──► free
//	                 │
//	                 └─ not renewed for its duration ──steal──► another's
//
// state.go and record.go hold the protocol as pure functions of (lease object,
// me, now); keeper.go is the edge that reads, writes and waits.
//
// # What it guarantees
//
// Two keepers never both believe that they hold: a keeper's belief ends a margin
// before the earliest moment at which another may steal (Deadline), and each
// write carries the resourceVersion that it was decided on. Expiry is judged by
// the local clock alone, from the moment a record was first seen: clocks of
// machines may differ by hours. The margin allows for clocks that run at a
// slightly different pace, and for a request that is on its way when it ends.
//
// The Lease also remembers, as annotations, the ledger's tip and the declared
// commit that its holder acted on last, so that a ledger that was rewound or
// lost is noticed by the next holder.
//
// # Why not client-go's leader election
//
// It neither tells until when one may act (the deadline that every request to
// the shard has to end before) nor carries annotations, and it reads the lease
// before every renewal. The protocol is the same, so the two understand each
// other's records.
package lease

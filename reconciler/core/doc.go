// Package core is Tenantry's reconciler without its hands: one state machine,
// Step(event, now) → effects, single-threaded and without I/O.
//
// Events say what Git and the shards hold, effects say what to do there. Between
// them stand pure functions: load and place (package fleet), render (package
// render), and here the decisions, the work on a shard and the status:
//
//	Declared ─┐                       ┌─► PushLedger   decisions, first
//	LedgerRead┼─► decide ─► ledger ───┤
//	Lease     │               │       │
//	Observed ─┴───────────► work ─────┼─► Do           what differs on a shard
//	                          │       │
//	                        report ───┴─► PushStatus   what came of it
//
// Step is level-triggered. It never acts on what an event says happened, only
// on what is so now: a missed event costs time, never truth.
//
// # What it guarantees
//
// Nothing is done on a shard that is not in the ledger as it was read or
// acknowledged. Nothing is done on a shard whose Lease is not held, whose
// identity is not the pinned one, or whose objects have not all been reported.
// Nothing is deleted unless the ledger's tip was read again after the wish to
// delete arose. What cannot be told (a broken file, a missing branch, an
// unreadable ledger) holds what exists, it never removes it.
//
// An object that somebody has changed is put right by one write. One that is changed
// back again and again is Contested and waits (contest.go): whoever changes it cannot
// make us write as fast as they like.
//
// # Why
//
// A controller that talks to Git and to clusters while it thinks cannot be
// replayed. This one can: the same events at the same times give the same
// effects, in the daemon, in a preview and in a simulated fleet.
package core

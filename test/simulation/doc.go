// Package simulation lives through random histories of a fleet, with everything that
// can go wrong, and judges at every step what must always hold.
//
//	history ──acts──► people, faults
//	                        │
//	            ┌───────────▼─────────────────────────────────────┐
//	            │ world: one goroutine, virtual time, a seed       │
//	            │                                                  │
//	replicas ───┤ network: parks each request, delivers one thing  ├──► simulated API servers
//	(the real   │          at a time: request, answer, frame       │    and their controllers
//	 daemon)    │                                                  ├──► simulated Git host
//	            └───────────┬─────────────────────────────────────┘
//	                        ▼
//	                     judge: invariants after every write and push; calm at the end
//
// A replica is reconciler.Run as the binary runs it: core, repository, shards, Leases,
// with the real Git code and the real Kubernetes client below. All live in one bubble of
// testing/synctest, where time passes only when everybody waits, so a day takes
// milliseconds. The world looks at them from outside alone: at what is requested, what is
// stored in clusters, what is pushed, what is logged.
//
// # The same seed, the same history
//
// A replica's goroutines run as they like between two deliveries, but they can do nothing
// to each other until the world has taken in all that they asked for, in an order of its
// own. Who asks, what and when is all that chance sees. A test lives through histories
// twice and compares.
//
// # Reading a failure
//
// A history is text: settings, then acts, each with the time that passes before it. What
// is left of a failing one after shrinking replays with
//
//	make sim HISTORY=failed.txt
//
// and what became of it is kept in testdata under a name that says what went wrong.
package simulation

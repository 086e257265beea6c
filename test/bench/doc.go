// Command bench measures what Tenantry promises: how long a pass over a large fleet
// takes and how much memory, what it asks of API servers, and how soon a commit is
// applied.
//
//	make bench
//
// Each figure is a line "figure: NAME VALUE UNIT"; all of them stand together at the
// end, and one that is missing fails the run. What is slow does not: machines differ.
// docs/benchmarks.md says what is measured how.
//
//	bench ──► bench pass     a process of its own: its memory is the pass's alone
//	  │  ├──► go test -bench ./render, ./reconciler/repository, ./test/bench
//	  │  └──► go tool pprof  what is left to be made faster
//	  └─► figures
//
// # Why
//
// A promise that nothing measures is forgotten. The pass runs the real core, loader and
// renderer and the real edge on Git; shards are played where they would be measured
// instead, and are real API servers where requests are counted.
package main

// Command mutate tells how much of the code that decides is held by tests: it changes
// that code in one place at a time and looks whether a test fails.
//
//	make mutate             a sample, always the same
//	make mutate MUTANTS=0   all of them
//
//	files ──Find──► mutants ──weave──► overlay ──go build──► those that do not compile are dropped
//	                                      │
//	                                      └──go test -c──► a binary a stage
//
//	each mutant: its package's tests ─► the core's tests ─► random histories ─► the simulator
//	             killed by the first that fails, or that takes many times as long
//
// What survives is printed with its place. Survivors that cannot be killed, since they
// change nothing that anybody could see, stand in explained.txt with the reason; they are
// reported apart and count as survivors. An explanation that fits no mutant any more
// is an error.
//
// # Why
//
// Known mutation tools build and link the tests once for each mutant, which takes longer
// than most tests here do, run a package's tests only, and keep no reasons. Here all
// mutants are woven into one build: a function with mutants is there as it is and, under
// other names, once for each of them; a variable of the environment says which is called.
// The product itself has no switch.
package main

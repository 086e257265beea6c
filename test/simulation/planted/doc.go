// Package planted holds bugs: faults of controllers as they were really made, each as a
// patch of this product's own code. They judge the simulator: one that finds nothing
// wrong with any of them proves nothing by finding nothing wrong with the product.
//
//	bugs/<name>.patch ──Bugs──► Bug ──Weave──► files ──Write──► overlay.json
//	                                                               │
//	                          go test -c -overlay overlay.json ◄───┘
//	                                    │
//	      TENANTRY_PLANTED=<name> simulation.test …    has that one bug
//	                              simulation.test …    has none
//
// A patch says what the bug is and where one like it was seen, then, by file, the lines
// as they are and as they would be. Those lines have to be in the file exactly once: a
// product that has moved on is an error, so that no bug quietly becomes another, or none.
//
// bugs/<name>.txt, where there is one, is a short history in which the bug shows: random
// ones bring together what it takes, too, but some of them seldom. Without the bug nothing
// is wrong in it.
//
// # Why
//
// Building the test binary takes far longer than finding most bugs with it. So all bugs
// are woven into one build: each function that a bug changes is there as it is and, under
// another name, as the bug has it; the environment says at the start of the process
// which of them is called. The product itself has no switch: it is never built from
// these files but by the simulator's runner.
package planted

// Command sim runs the simulator on all processors, and judges it.
//
//	make sim                    2,000 seeds, then every planted bug
//	make sim SEEDS=50000        more of them
//	make sim FROM=2001          others
//	make sim SEED=42            one seed again, told in words
//	make sim HISTORY=failed.txt one history again
//
// It builds the simulator's test binary twice, as the product is and with the planted
// bugs, and starts a process a processor:
//
//	seeds FROM … ──blocks──► simulation.test ─┐
//	                        simulation.test ─┴─ a line of JSON a seed ──► figures
//
//	each bug ──its history, seeds 1, 2 …──► planted.test, TENANTRY_PLANTED=<bug> ──► until it is found
//
// A process lives through its seeds one after the other on one thread, since the
// order of what happens in it is the seed's to decide. A process that dies or says
// nothing any more has failed at the seed whose turn it was.
//
// A seed that violates an invariant is shrunk to a short history, which is printed and
// kept, with the commands that replay both. The exit code is 1 then, and when a planted
// bug was not found. A history or seed that fails without any bug finds none.
package main

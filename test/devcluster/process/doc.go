// Package process starts processes so that none outlives the cluster.
//
// Three nets, each for what slips through the one before:
//
//	stop     up stops its children in order, the node stops its pods
//	kernel   a child dies with the thread that started it (PDEATHSIG), so
//	         kill -9 of up or of the node takes their children along
//	sweep    a watchdog holds the end of a pipe; when up is gone, however it
//	         went, it kills whatever still carries the run's mark
//
// # Why
//
// The kernel's signal reaches children, not grandchildren: what a shell in a
// pod started would go on for ever. Every process carries the run's mark in its
// environment instead, which children inherit, and the watchdog needs nothing
// but /proc to find them.
package process

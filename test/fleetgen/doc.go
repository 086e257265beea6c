// Package fleetgen makes fleets of any size out of a seed, for benchmarks: the same
// options give the same files, today and on every machine.
//
// A fleet looks like one that grew: teams of different sizes, classes of different
// versions with and without overlays, tenants that say little and some that say more,
// and here and there one with a patch of its own.
//
// # Why a generator
//
// What is fast with ten tenants says nothing about ten thousand, and ten thousand
// files in this repository would say nothing to a reader.
package fleetgen

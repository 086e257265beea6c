// Command demo shows the whole of Tenantry on one machine without a cluster: two
// management clusters run as processes (test/devcluster), a fleet repository is
// served over smart HTTP, the daemon brings up its tenants, and a third one is
// onboarded by a commit. `make demo` builds what it needs and runs it.
//
//	demo              show everything, clean up, exit 0
//	KEEP=1 demo       stay at the end, with a list of things to try, until Ctrl-C
//
// What it shows as a command was run exactly like that by sh, in the clone of the
// fleet and in the environment that the file "env" in its folder gives to anyone
// who wants to play along. Its last line says what was counted, not what was
// expected; after a failure the last line says what failed, the exit code is 1 and
// all logs are kept.
//
// # Why
//
// It is the first thing that people run and the last thing that CI runs, so it uses
// only what people have: the binaries, git and kubectl. It looks at the fleet through
// Git and at tenants through the references in Git, never past them.
package main

// Tenantry turns a Git repository into a fleet of Kubernetes control planes.
//
// This is the command: flags, wiring and printing. Answers go to stdout,
// everything else to stderr. It exits with 0 when all is well, 1 when it found
// problems or could not do what was asked, 2 when it was asked wrongly.
//
// # Why
//
// Settings come from flags, the environment and a file, and all three are read
// in one place (config.go) by one table, so that every verb knows every setting
// by one name: --status-branch, TENANTRY_STATUS_BRANCH, statusBranch.
package main

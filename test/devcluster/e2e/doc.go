// Package e2e tests the built devcluster binary from outside, as its users use
// it. It needs bin/devcluster: run the tests by build.sh.
package e2e

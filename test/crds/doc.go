// Package crds reads custom resource definitions of providers, from folders and out of
// Go modules, and has API servers serve them.
package crds

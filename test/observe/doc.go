// Package observe looks at a running daemon from outside: what API servers note of its
// requests (Audit), what it says of itself (Daemon), and what it costs.
//
// It is for measuring: nothing of the daemon is in the process that measures it.
package observe

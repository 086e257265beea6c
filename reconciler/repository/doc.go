// Package repository is the reconciler's edge to Git: it fetches and reads the
// three branches, searches history for last good declarations, and commits
// decisions and observations.
//
// One goroutine does all of it, one thing at a time and the urgent first:
// decisions, then reading, then observations. So what the core is told of the
// branches is always in the order in which it happened. A search of history lets
// decisions pass between two commits, and nothing takes longer than a bound: a Git
// server that hangs is a failure, reported and tried again.
//
// # Why
//
// Decisions are never laid on a tip that they were not taken on: a conflict goes
// back to the core. Observations may be, because each path has one writer: a
// status draft is put on the new tip, and people's edits of other paths stay. The
// overview on that branch tells of all files there, whoever wrote them: it is made
// where the draft is laid down, on that very tip.
package repository

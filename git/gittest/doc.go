// Package gittest serves real Git repositories for tests and demonstrations: the
// installed git answers over smart HTTP or SSH on loopback, and can be told to fail
// the way networks and hosts do. It also makes commits as a person would, so that what
// this project wrote is read, and what it reads was written, by Git itself.
//
// # Why a real server
//
// What matters about Git hosts is what they do when things go wrong: who wins a
// race for a branch, what a hook's refusal looks like, what is left after a
// connection broke. A fake would only repeat what we believe about that.
//
// It imports nothing of package testing, so that ordinary programs can use it.
package gittest

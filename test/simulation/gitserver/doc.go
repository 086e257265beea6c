// Package gitserver plays the host of one Git repository, in memory and one request at
// a time, over the smart protocol of HTTP.
//
//	server := gitserver.New(gitserver.Options{Now: time.Now})
//	server.ServeHTTP(w, r)                    what a Git client asks
//	server.Commit("main", files, "message")   what people push
//
// Pushes are compare-and-swap on the old value that the client names, as a real host's
// are. What it does is held against a real one by the same suite that judges both
// (conformance_test.go).
package gitserver

// Package gitserver plays the host of one Git repository, in memory and one request at
// a time, over the smart protocol of HTTP.
//
//	server := gitserver.New(gitserver.Options{Now: time.Now})
//	server.ServeHTTP(w, r)                    what a Git client asks
//	server.Commit("main", files, "message")   what people push
//
// It lists, fetches (only what is lacking) and pushes (deltas, thin packs, several
// branches, all or nothing) as a host of today does; the same history is the same bytes.
// Not played: references other than branches, shallow and partial clones, protocol
// version 2 (clients fall back), who may do what (Refuse).
//
// Pushes are compare-and-swap on the old value that the client names, as a real host's
// are. What it does is held against a real one by the same suite that judges both
// (conformance_test.go).
package gitserver

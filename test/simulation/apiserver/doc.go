// Package apiserver plays the API server of one cluster, in memory and one request at
// a time: what a request finds and leaves behind depends on nothing but the requests
// before it, the clock that it is given and its seed.
//
//	server := apiserver.New(apiserver.Options{Identity: "…", Now: time.Now, Seed: 1})
//	server.ServeHTTP(w, r)         every request but watches
//	server.Watch(r)                a watch; its frames are taken one by one
//	server.Write, Get, List        what people and controllers do there
//
// It has what a client can trip over: resourceVersions, uids and preconditions,
// server-side apply with managedFields and conflicts, generations, finalizers,
// namespaces that end slowly, subresources, labelled lists in pages, old lists,
// watches with bookmarks and gaps, history that was compacted (410), admission that
// changes or refuses, metadata alone instead of objects, discovery and OpenAPI.
//
// What it does is held against a real API server by the same suite that judges both
// (conformance_test.go).
package apiserver

// Package apiserver plays the API server of one cluster, in memory and one request at
// a time: what a request finds and leaves behind depends on nothing but the requests
// before it, the clock that it is given and its seed.
//
//	server := apiserver.New(apiserver.Options{Identity: "…", Now: time.Now, Seed: 1})
//	server.ServeHTTP(w, r)         every request but watches
//	server.Watch(r)                a watch; its frames are taken one by one
//	server.Write, Get, List        what people and controllers do there
//	server.Finalize(namespace)     a namespace that was deleted comes to its end
//	apiserver.NewTransport(server) for clients that are not simulated
//
// It has what a client can trip over: resourceVersions, uids and preconditions,
// server-side apply with managedFields and conflicts, generations, finalizers,
// namespaces that end slowly, subresources, labelled lists in pages, old lists,
// watches with bookmarks and gaps, history that was compacted (410), admission that
// changes or refuses, metadata alone instead of objects, discovery and OpenAPI.
//
// What it does is held against a real API server: the same scenarios judge both
// (conformance_test.go), random scripts have to leave the same behind step by step
// (script_test.go), and so has everything that the providers render (rendered_test.go).
//
// It leaves out what its clients never meet: garbage collection, JSON patches, other
// versions of a kind, the validation of custom resources, and of its own kinds all but a
// few mistakes (validate.go).
//
// # Why
//
// managedFields decide whose an object is and whether it drifted, so they are kept by
// the library that real API servers keep them with, over schemas that were read from one
// (schemas/, compared by schemas_test.go). Two shortcuts spare its cost where what it
// does is known beforehand; tests hold them to it (kind.first, Server.again).
package apiserver

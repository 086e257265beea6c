package apiserver

import (
	"errors"
	"net/http"
	"time"
)

// Options of a Server.
type Options struct {
	// Identity is the uid of the namespace kube-system.
	Identity string
	// Now is the cluster's clock.
	Now func() time.Time
	// Seed makes uids: two servers of one seed give the same ones.
	Seed uint64
}

// Key names an object by the resource that it is served as.
type Key struct {
	Group, Version, Kind, Namespace, Name string
}

// Object is an object as JSON has it. What a Server gives is shared: never change it.
type Object = map[string]any

// Change is one write that was carried out, as an observer sees it. Was is nil for a
// new object, Is for one that is gone; both carry managedFields.
type Change struct {
	Key         Key
	Verb        string // create, update, patch, apply, delete
	Subresource string
	// Manager is the field manager of the request; who deletes may have none.
	Manager string
	Was, Is Object
}

// Attempt is a write before it is carried out. Object may be changed by admission.
type Attempt struct {
	Key           Key
	Verb, Manager string
	Object        Object
}

// Server plays one API server. It is not safe for several goroutines: whoever plays the
// world calls it from one.
type Server struct {
	// Changed is called after every write, if set.
	Changed func(Change)
	// Admit is asked before every write of content, if set. What it gives as an error is
	// what the API server says of a webhook that refuses (or cannot be reached).
	Admit func(*Attempt) error
	// Stale makes lists that allow it (resourceVersion=0) as old as history allows, if set
	// and true.
	Stale func() bool
}

// New makes a cluster with the namespaces that every cluster has.
func New(Options) *Server { return nil }

// ServeHTTP answers any request but a watch.
func (s *Server) ServeHTTP(http.ResponseWriter, *http.Request) {}

// IsWatch tells whether a request is for Watch.
func IsWatch(*http.Request) bool { return false }

// Watch begins a watch. When it cannot be begun the status says so: write it with its code.
func (s *Server) Watch(*http.Request) (*Watch, *Refusal) { return nil, nil }

// Refusal is an answer other than success.
type Refusal struct {
	Code int
	Body []byte
}

// Watch is one watch as the server keeps it.
type Watch struct{}

// Pending tells whether Next has a frame: an event, a bookmark, or the error that ends
// the watch (410 after Compact). Time passing may make one pending.
func (w *Watch) Pending() bool { return false }

// Next gives the next frame. Ended is true when nothing comes after it.
func (w *Watch) Next() (frame []byte, ended bool) { return nil, true }

// Stop ends it.
func (w *Watch) Stop() {}

var errAbsent = errors.New("absent")

// Get gives an object as it is stored, nil when there is none.
func (s *Server) Get(Key) Object { return nil }

// List gives all objects of all kinds, or of one (Key with Group, Version, Kind), in a
// fixed order.
func (s *Server) List(kinds ...Key) []Object { return nil }

// Write makes or changes an object as somebody else's client would with an update, as
// manager; subresource may be "status". It gives what is stored.
func (s *Server) Write(manager, subresource string, object Object) (Object, error) {
	return nil, errAbsent
}

// Apply makes or changes an object by server-side apply, by force, as manager.
func (s *Server) Apply(manager string, object Object) (Object, error) { return nil, errAbsent }

// Delete deletes an object as somebody else's client would, without preconditions.
func (s *Server) Delete(Key) error { return errAbsent }

// Define adds a kind to those that are served; Undefine takes it away, with its objects.
func (s *Server) Define(Kind)   {}
func (s *Server) Undefine(Kind) {}

// Kind is a kind that is served, beside those of a plain cluster.
type Kind struct {
	Group, Version, Kind, Resource string
	Namespaced, Status             bool
}

// Compact forgets what was: watches and lists from before get 410.
func (s *Server) Compact() {}

package apiserver

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Options of a Server.
type Options struct {
	// Identity is the uid of the namespace kube-system.
	Identity string
	// Now is the cluster's clock.
	Now func() time.Time
	// Seed makes uids: two servers of one seed give the same ones.
	Seed uint64
	// NoWatchList refuses watches that are to begin with a list, as API servers do that
	// are old or so configured.
	NoWatchList bool
	// RefuseNull refuses applies that leave a mapping of a custom resource without any of
	// its children while somebody else owns the mapping, as some API servers do.
	RefuseNull bool
	// Bookmarks is the time between two bookmarks of a watch; default a minute, negative
	// for none but those that end a list.
	Bookmarks time.Duration
	// Kinds are served beside those of a plain cluster: CertManager, Kamaji, or others.
	Kinds []Kind
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

// Attempt is a write before it is carried out. Object may be changed by admission; it is
// a copy. Of a delete it is nil.
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

	options   Options
	slow      bool  // has the field manager do everything; for comparison
	version   int64 // the last resourceVersion given
	compacted int64 // what was before it is forgotten
	random    *rand.Rand
	addresses int

	kinds      []*kind // in a fixed order
	byResource map[resourceKey]*kind
	byName     map[schema.GroupVersionKind]*kind
	versions   map[string][]*kind
}

// Kind is a kind that is served.
type Kind struct {
	Group, Version, Kind, Resource string
	Namespaced, Status             bool
}

// New makes a cluster with the namespaces that every cluster has.
func New(options Options) *Server {
	s := &Server{options: options, random: rand.New(rand.NewPCG(options.Seed, 0x6b756265))}
	for _, k := range builtin() {
		s.define(k, false)
	}
	for _, k := range options.Kinds {
		s.define(k, true)
	}
	for _, name := range []string{metav1.NamespaceSystem, metav1.NamespaceDefault, metav1.NamespacePublic, "kube-node-lease"} {
		o := Object{"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"name": name}}
		if name == metav1.NamespaceSystem && options.Identity != "" {
			o = set(o, options.Identity, "metadata", "uid")
		}
		if _, err := s.create(write{kind: s.kindNamed("", "v1", "Namespace"), name: name, verb: "create", manager: "kube-apiserver"}, o); err != nil {
			panic(fmt.Sprintf("make namespace %s: %v", name, err)) // there is none yet
		}
	}
	return s
}

func (s *Server) now() time.Time {
	if s.options.Now == nil {
		return time.Now()
	}
	return s.options.Now()
}

// uid makes a random UUID.
func (s *Server) uid() string {
	a, b := s.random.Uint64(), s.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func keyOf(k *kind, namespace, name string) Key {
	return Key{Group: k.Group, Version: k.Version, Kind: k.Kind.Kind, Namespace: namespace, Name: name}
}

// Get gives an object as it is stored, nil when there is none.
func (s *Server) Get(key Key) Object {
	k := s.kindNamed(key.Group, key.Version, key.Kind)
	if k == nil {
		return nil
	}
	return k.get(key.Namespace, key.Name).entire()
}

// List gives all objects of all kinds, or of one (Key with Group, Version, Kind; with a
// Namespace those in it), in a fixed order.
func (s *Server) List(kinds ...Key) (all []Object) {
	for _, k := range s.kinds {
		for _, p := range k.order {
			st := k.objects[p]
			for _, key := range kinds {
				if key.Group == k.Group && key.Version == k.Version && key.Kind == k.Kind.Kind &&
					(key.Namespace == "" || key.Namespace == st.key.Namespace) {
					all = append(all, st.entire())
				}
			}
			if len(kinds) == 0 {
				all = append(all, st.entire())
			}
		}
	}
	return all
}

// Write makes or changes an object as somebody else's client would with an update, as
// manager; subresource may be "status". It gives what is stored. An object without a
// resourceVersion is written over whatever is there.
func (s *Server) Write(manager, subresource string, o Object) (Object, error) {
	o, w, err := s.target(manager, subresource, o)
	if err != nil {
		return nil, err
	}
	was := w.kind.get(w.namespace, w.name)
	var st *stored
	switch {
	case was == nil:
		w.verb = "create"
		st, err = s.create(w, o)
	default:
		w.verb = "update"
		if metaOf(o)["resourceVersion"] == nil {
			o = set(o, versionText(was.version), "metadata", "resourceVersion")
		}
		st, _, err = s.update(w, o)
	}
	return st.entire(), err
}

// Apply makes or changes an object by server-side apply, by force, as manager.
func (s *Server) Apply(manager string, o Object) (Object, error) {
	o, w, err := s.target(manager, "", o)
	if err != nil {
		return nil, err
	}
	w.verb = "apply"
	st, _, err := s.apply(w, o, true)
	return st.entire(), err
}

func (s *Server) target(manager, subresource string, o Object) (Object, write, error) {
	o, _ = normal(o).(Object)
	gv, err := schema.ParseGroupVersion(textOf(o, "apiVersion"))
	if err != nil {
		return nil, write{}, apierrors.NewBadRequest(err.Error())
	}
	k := s.kindNamed(gv.Group, gv.Version, textOf(o, "kind"))
	if k == nil {
		return nil, write{}, notServed()
	}
	meta := metaOf(o)
	return o, write{kind: k, subresource: subresource, namespace: textOf(meta, "namespace"), name: textOf(meta, "name"), manager: manager}, nil
}

// Delete deletes an object as somebody else's client would, without preconditions.
func (s *Server) Delete(key Key) error {
	k := s.kindNamed(key.Group, key.Version, key.Kind)
	if k == nil {
		return notServed()
	}
	_, _, err := s.remove(write{kind: k, namespace: key.Namespace, name: key.Name, verb: "delete"}, metav1.DeleteOptions{})
	return err
}

// Compact forgets what was: watches and lists from before get 410.
func (s *Server) Compact() {
	s.compacted = s.version
	for _, k := range s.kinds {
		k.history.compact()
	}
}

// notServed is the answer to a path that is not served.
func notServed() *apierrors.StatusError {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, "", schema.GroupResource{}, "", "404 page not found", 0, true)
}

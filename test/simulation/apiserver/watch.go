package apiserver

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Watch is one watch as the server keeps it.
type Watch struct {
	server *Server
	sel    selection
	// first are the frames that it begins with.
	first [][]byte
	// next is the position in the kind's history that is looked at next, after the
	// version from which on events are told.
	next  int
	after int64

	bookmark time.Duration // between two; 0: none
	marked   time.Time     // when one was sent last
	end      time.Time     // zero: it does not end by itself
	over     bool
}

// IsWatch tells whether a request is for Watch.
func IsWatch(r *http.Request) bool {
	watch, err := strconv.ParseBool(r.URL.Query().Get("watch"))
	return err == nil && watch && r.Method == http.MethodGet
}

// Watch begins a watch. When it cannot be begun the status says so: write it with its code.
func (s *Server) Watch(r *http.Request) (*Watch, *Refusal) {
	w, err := s.watch(r)
	if err != nil {
		return nil, refusal(err)
	}
	return w, nil
}

func (s *Server) watch(r *http.Request) (*Watch, error) {
	route, err := s.route(r.URL.Path)
	if err != nil {
		return nil, err
	}
	sel, err := selected(r, route.kind, route.namespace)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	w := &Watch{server: s, sel: sel, marked: s.now()}
	if on, _ := strconv.ParseBool(query.Get("allowWatchBookmarks")); on {
		w.bookmark = s.options.Bookmarks
		if w.bookmark == 0 {
			w.bookmark = time.Minute
		}
	}
	if seconds, _ := strconv.Atoi(query.Get("timeoutSeconds")); seconds > 0 {
		w.end = s.now().Add(time.Duration(seconds) * time.Second)
	}
	version := int64(0)
	if text := query.Get("resourceVersion"); text != "" {
		if version, err = parseVersion(text); err != nil {
			return nil, err
		}
	}
	initial := query.Get("sendInitialEvents")
	whole := version == 0
	if there := initial != ""; there || query.Get("resourceVersionMatch") != "" {
		if err := s.allowed(there, query.Get("resourceVersionMatch"), w.bookmark != 0); err != nil {
			return nil, err
		}
		if version > s.version {
			return nil, tooLarge(version, s.version)
		}
		whole, _ = strconv.ParseBool(initial)
	}
	switch {
	case whole:
		for _, st := range sel.kind.then(s.version) {
			if sel.holds(st) {
				w.first = append(w.first, frame("ADDED", sel.text(st)))
			}
		}
		if initial != "" {
			w.first = append(w.first, w.mark(true))
		}
		version = s.version
	case version == 0:
		version = s.version
	case version < s.compacted:
		w.expire(version)
		return w, nil
	}
	w.next, w.after = sel.kind.history.after(version), version
	return w, nil
}

// allowed tells whether a watch may begin with a list.
func (s *Server) allowed(initial bool, match string, bookmarks bool) error {
	var wrong field.ErrorList
	at := field.NewPath("sendInitialEvents")
	switch {
	case !initial:
		wrong = append(wrong, field.Forbidden(field.NewPath("resourceVersionMatch"), "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
	case s.options.NoWatchList:
		wrong = append(wrong, field.Forbidden(at, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"))
	case match != string(metav1.ResourceVersionMatchNotOlderThan):
		wrong = append(wrong, field.Forbidden(field.NewPath("resourceVersionMatch"), "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
	case !bookmarks:
		wrong = append(wrong, field.Forbidden(at, "sendInitialEvents requires setting allowWatchBookmarks to true"))
	default:
		return nil
	}
	return apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("ListOptions").GroupKind(), "", wrong)
}

func (w *Watch) expire(version int64) {
	w.first = [][]byte{frame("ERROR", encode(statusOf(apierrors.NewResourceExpired(
		fmt.Sprintf("too old resource version: %d (%d)", version, w.server.compacted)))))}
	w.over = true
}

// Pending tells whether Next has a frame: an event, a bookmark, or the error that ends
// the watch (410 after Compact). Time passing may make one pending: see Due.
func (w *Watch) Pending() bool {
	if len(w.first) > 0 || w.over || w.sel.kind.history.end {
		return true
	}
	return w.event() != nil || w.over || w.passed(w.end) || w.passed(w.due())
}

// Due is when time alone makes a frame pending; zero when it never does.
func (w *Watch) Due() time.Time {
	due := w.due()
	if due.IsZero() || !w.end.IsZero() && w.end.Before(due) {
		return w.end
	}
	return due
}

func (w *Watch) due() time.Time {
	if w.bookmark <= 0 {
		return time.Time{}
	}
	return w.marked.Add(w.bookmark)
}

func (w *Watch) passed(t time.Time) bool { return !t.IsZero() && !w.server.now().Before(t) }

// Next gives the next frame, a line. Ended is true when nothing comes after it; there
// may be none with it.
func (w *Watch) Next() (frame []byte, ended bool) {
	if len(w.first) == 0 && !w.over {
		if found := w.event(); found != nil {
			w.next++
			return found, w.over
		}
	}
	switch {
	case len(w.first) > 0:
		frame, w.first = w.first[0], w.first[1:]
		return frame, w.over && len(w.first) == 0
	case w.over, w.sel.kind.history.end, w.passed(w.end):
		w.over = true
		return nil, true
	case w.passed(w.due()):
		return w.mark(false), false
	}
	return nil, false
}

// Stop ends it.
func (w *Watch) Stop() { w.over, w.first = true, nil }

// event gives the frame of the next event that the watch is about, and goes on to it.
func (w *Watch) event() []byte {
	h := &w.sel.kind.history
	if w.next < h.dropped {
		w.expire(w.after)
		return nil
	}
	for ; w.next-h.dropped < len(h.events); w.next++ {
		e := h.events[w.next-h.dropped]
		w.after = e.version
		was, is := w.sel.holds(e.was), w.sel.holds(e.is)
		switch {
		case !was && is:
			return frame("ADDED", w.sel.text(e.is))
		case was && is:
			return frame("MODIFIED", w.sel.text(e.is))
		case was && e.last != nil:
			return frame("DELETED", w.sel.text(e.last))
		case was:
			// It has left the selection: what it was, as of this version.
			left := *e.was
			left.content, left.text, left.brief = set(e.was.content, versionText(e.version), "metadata", "resourceVersion"), nil, nil
			return frame("DELETED", w.sel.text(&left))
		}
	}
	return nil
}

// mark is a bookmark: nothing up to this version is missing.
func (w *Watch) mark(initial bool) []byte {
	w.marked = w.server.now()
	meta := Object{"resourceVersion": versionText(w.server.version), "creationTimestamp": nil}
	if initial {
		meta["annotations"] = Object{metav1.InitialEventsAnnotationKey: "true"}
	}
	o := Object{"kind": w.sel.kind.Kind.Kind, "apiVersion": w.sel.kind.apiVersion(), "metadata": meta}
	if w.sel.brief {
		o["kind"], o["apiVersion"] = "PartialObjectMetadata", "meta.k8s.io/v1"
	}
	return frame("BOOKMARK", encode(o))
}

func frame(name string, content []byte) []byte {
	b := make([]byte, 0, len(content)+40)
	b = append(b, `{"type":"`...)
	b = append(b, name...)
	b = append(b, `","object":`...)
	b = append(b, content...)
	return append(b, "}\n"...)
}

package apiserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// changes is a watch that is open.
type changes struct {
	w      *world
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (w *world) watch(path, accept string) *changes {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	r := w.request(ctx, http.MethodGet, path, nil)
	r.Header.Set("Accept", accept)
	response, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		w.Fatalf("watch %s: %d", path, response.StatusCode)
	}
	c := &changes{w: w, lines: bufio.NewScanner(response.Body), cancel: cancel}
	c.lines.Buffer(nil, 1<<20)
	return c
}

// next gives the next event; the end of the watch is one, too.
func (c *changes) next() (name string, a answer) {
	c.w.Helper()
	if !c.lines.Scan() {
		return "END", answer{}
	}
	var event struct {
		Type   string
		Object object
	}
	if err := json.Unmarshal(c.lines.Bytes(), &event); err != nil {
		c.w.Fatal(err)
	}
	return event.Type, answer{object: event.Object, text: c.lines.Text()}
}

// want wants the next events to be these: type and name.
func (c *changes) want(want ...string) (last answer) {
	c.w.Helper()
	for _, w := range want {
		name, a := c.next()
		got := strings.TrimSpace(name + " " + fmt.Sprint(a.meta()["name"]))
		if a.meta()["name"] == nil {
			got = name
		}
		if got != w {
			c.w.Fatalf("want %s, got %s: %s", w, got, a.text)
		}
		last = a
	}
	return last
}

func watches() []scenario {
	return []scenario{
		{"Watch", "every change is told once, in order, from a version on", func(w *world) {
			at := w.three()
			from := w.ok(w.get(at)).version()
			c := w.watch(at+"?watch=true&resourceVersion="+from, "application/json")
			w.ok(w.post(at, made("v1", "Secret", "d", nil)))
			w.ok(w.merge(at+"/a", object{"data": object{"k": "dw=="}}))
			w.ok(w.merge(at+"/a", object{"data": object{"k": "dw=="}}))
			last := w.ok(w.get(at + "/b"))
			w.ok(w.remove(at+"/b", nil))
			changed := w.get(at + "/a")
			c.want("ADDED d")
			w.same("what came", changed.object, c.want("MODIFIED a").object)
			gone := c.want("DELETED b")
			if gone.version() == last.version() || gone.uid() != last.uid() {
				w.Errorf("the last of it is %s", gone.text)
			}
			again := w.watch(at+"?watch=true&resourceVersion="+changed.version(), "application/json")
			w.same("version", gone.version(), again.want("DELETED b").version())
		}},
		{"WatchSelected", "what comes into a selection is new, what leaves it is gone", func(w *world) {
			at := w.three()
			from := w.ok(w.get(at)).version()
			c := w.watch(at+"?watch=true&labelSelector=team&resourceVersion="+from, "application/json")
			w.ok(w.merge(at+"/c", object{"data": object{"k": "dw=="}}))
			w.ok(w.merge(at+"/c", object{"metadata": object{"labels": object{"team": "red"}}}))
			w.ok(w.merge(at+"/a", object{"metadata": object{"labels": object{"team": "blue"}}}))
			left := w.ok(w.merge(at+"/b", object{"metadata": object{"labels": object{"team": nil}}}))
			w.ok(w.remove(at+"/b", nil))
			w.ok(w.remove(at+"/a", nil))
			c.want("ADDED c", "MODIFIED a")
			gone := c.want("DELETED b")
			w.same("version", left.version(), gone.version())
			w.same("labels", any(object{"team": "blue"}), gone.has("metadata", "labels"))
			c.want("DELETED a")
		}},
		{"WatchWithoutVersion", "a watch from nowhere begins with what is there", func(w *world) {
			at := w.three()
			for _, version := range []string{"", "&resourceVersion=0"} {
				c := w.watch(at+"?watch=true"+version, "application/json")
				seen := map[string]bool{}
				for range 3 {
					name, a := c.next()
					seen[name+" "+a.meta()["name"].(string)] = true
				}
				w.same("events", map[string]bool{"ADDED a": true, "ADDED b": true, "ADDED c": true}, seen)
				c.cancel()
			}
		}},
		{"WatchBrief", "metadata alone, when that is asked for", func(w *world) {
			at := w.three()
			c := w.watch(at+"?watch=true&resourceVersion="+w.get(at).version(), brief)
			w.ok(w.merge(at+"/a", object{"data": object{"k": "dw=="}}))
			a := c.want("MODIFIED a")
			w.same("kind", any("PartialObjectMetadata"), a.has("kind"))
			w.same("data", nil, a.has("data"))
			w.same("metadata", w.get(at+"/a").meta(), a.meta())
		}},
		{"WatchFinalized", "a deletion that waits is a change", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			first := w.ok(w.post(at, made("v1", "ConfigMap", "a", object{"metadata": object{"finalizers": []any{"example.com/hold"}}})))
			c := w.watch(at+"?watch=true&resourceVersion="+first.version()+"&fieldSelector=metadata.name=a", "application/json")
			w.ok(w.remove(at+"/a", nil))
			w.ok(w.merge(at+"/a", object{"metadata": object{"finalizers": nil}}))
			if marked := c.want("MODIFIED a"); marked.has("metadata", "deletionTimestamp") == nil {
				w.Errorf("it is not marked: %s", marked.text)
			}
			gone := c.want("DELETED a")
			w.same("as it was before the end", any([]any{"example.com/hold"}), gone.has("metadata", "finalizers"))
			if gone.has("metadata", "deletionTimestamp") == nil {
				w.Errorf("it is not marked: %s", gone.text)
			}
		}},
		{"WatchList", "a watch can begin with a list that ends with a mark", func(w *world) {
			at := w.three()
			ask := "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=team"
			c := w.watch(at+ask, "application/json")
			c.want("ADDED a", "ADDED b")
			name, mark := c.next()
			w.same("type", "BOOKMARK", name)
			w.same("mark", any("true"), mark.has("metadata", "annotations", "k8s.io/initial-events-end"))
			w.same("kind", any("Secret"), mark.has("kind"))
			w.ok(w.merge(at+"/a", object{"data": object{"k": "dw=="}}))
			c.want("MODIFIED a")
			w.refused(w.get(at+"?watch=true&sendInitialEvents=true&allowWatchBookmarks=true"), 422, "Invalid", "FieldValueForbidden resourceVersionMatch")
			w.refused(w.get(at+"?watch=true&resourceVersionMatch=NotOlderThan"), 422, "Invalid", "FieldValueForbidden resourceVersionMatch")
		}},
		{"WatchEnds", "a watch ends when it was told to", func(w *world) {
			at := w.three()
			c := w.watch(at+"?watch=true&timeoutSeconds=1&resourceVersion="+w.get(at).version(), "application/json")
			if w.play != nil {
				time.AfterFunc(1100*time.Millisecond, func() { w.play.Do(func(*apiserver.Server) {}) })
			}
			c.want("END")
		}},
		{"WatchTooOld", "who comes too late is told to begin anew", func(w *world) {
			at := kindPath("cert-manager.io/v1", w.space(), "certificates")
			w.ok(w.post(at, certificate("a")))
			if w.play != nil {
				w.play.Do((*apiserver.Server).Compact)
			}
			c := w.watch(at+"?watch=true&resourceVersion=1", "application/json")
			name, a := c.next()
			w.same("type", "ERROR", name)
			w.same("status", []any{"Status", "Failure", "Expired", 410.0}, []any{a.has("kind"), a.has("status"), a.has("reason"), a.has("code")})
			c.want("END")
		}},
		{"Reflector", "client-go's reflectors follow, by a list or by a watch alone", func(w *world) {
			at := w.three()
			ns := w.get(at + "/a").meta()["namespace"].(string)
			client, err := metadata.NewForConfig(metadata.ConfigFor(w.cfg))
			if err != nil {
				w.Fatal(err)
			}
			secrets := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(ns)
			into := &recorder{news: make(chan string, 100)}
			ctx, cancel := context.WithCancel(w.Context())
			done := make(chan struct{})
			r := cache.NewReflectorWithOptions(&cache.ListWatch{
				ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
					o.LabelSelector = "team"
					return secrets.List(ctx, o)
				},
				WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
					o.LabelSelector = "team"
					return secrets.Watch(ctx, o)
				},
			}, nil, into, cache.ReflectorOptions{})
			go func() {
				defer close(done)
				_ = r.ListAndWatchWithContext(ctx)
			}()
			defer func() { cancel(); <-done }()
			into.want(w, "all a b")
			w.ok(w.merge(at+"/c", object{"metadata": object{"labels": object{"team": "red"}}}))
			into.want(w, "add c")
			w.ok(w.merge(at+"/b", object{"metadata": object{"labels": object{"team": "red"}}}))
			into.want(w, "update b")
			w.ok(w.remove(at+"/a", nil))
			into.want(w, "delete a")
		}},
		{"Lease", "a generated client keeps a Lease, whatever it speaks", func(w *world) {
			ns := w.space()
			for _, speaks := range []string{"application/json", "application/vnd.kubernetes.protobuf"} {
				cfg := rest.CopyConfig(w.cfg)
				cfg.ContentType, cfg.AcceptContentTypes = speaks, speaks+",application/json"
				client, err := kubernetes.NewForConfig(cfg)
				if err != nil {
					w.Fatal(err)
				}
				leases, me, seconds := client.CoordinationV1().Leases(ns), "me", int32(15)
				_, err = leases.Get(w.Context(), "l", metav1.GetOptions{})
				w.same("none", true, apierrors.IsNotFound(err))
				now := metav1.NewMicroTime(time.Unix(1000, 5000).UTC())
				made, err := leases.Create(w.Context(), &coordinationv1.Lease{
					ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "l"},
					Spec:       coordinationv1.LeaseSpec{HolderIdentity: &me, LeaseDurationSeconds: &seconds, RenewTime: &now},
				}, metav1.CreateOptions{FieldManager: "me"})
				if err != nil {
					w.Fatal(err)
				}
				w.same("time", now.UnixMicro(), made.Spec.RenewTime.UnixMicro())
				next := made.DeepCopy()
				later := metav1.NewMicroTime(now.Add(time.Second))
				next.Spec.RenewTime, next.ManagedFields = &later, nil
				renewed, err := leases.Update(w.Context(), next, metav1.UpdateOptions{FieldManager: "me"})
				if err != nil {
					w.Fatal(err)
				}
				w.same("entries", 1, len(renewed.ManagedFields))
				_, err = leases.Update(w.Context(), next, metav1.UpdateOptions{FieldManager: "me"})
				w.same("stale", true, apierrors.IsConflict(err))
				_, err = leases.Create(w.Context(), made, metav1.CreateOptions{})
				if err == nil {
					w.Error("a second one was made")
				}
				if err := leases.Delete(w.Context(), "l", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(made.UID))}); err != nil {
					w.Error(err)
				}
			}
		}},
	}
}

// recorder is a store that tells what it is told.
type recorder struct{ news chan string }

func (r *recorder) tell(verb string, o any) error {
	r.news <- verb + " " + o.(metav1.Object).GetName()
	return nil
}

func (r *recorder) Add(o any) error    { return r.tell("add", o) }
func (r *recorder) Update(o any) error { return r.tell("update", o) }
func (r *recorder) Delete(o any) error { return r.tell("delete", o) }
func (r *recorder) Resync() error      { return nil }

func (r *recorder) Replace(all []any, _ string) error {
	names := []string{"all"}
	for _, o := range all {
		names = append(names, o.(metav1.Object).GetName())
	}
	slices.Sort(names[1:]) // what was watched comes in any order
	r.news <- strings.Join(names, " ")
	return nil
}

func (r *recorder) want(w *world, want string) {
	w.Helper()
	select {
	case got := <-r.news:
		w.same("news", want, got)
	case <-time.After(patience):
		w.Fatalf("waited for %s", want)
	}
}

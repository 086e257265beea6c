package apiserver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// What no client can bring about at a real server, but the world that is played here can.

// clock is a cluster's clock.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func played(t *testing.T, options apiserver.Options) (*apiserver.Server, *clock) {
	t.Helper()
	c := &clock{time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	options.Now = c.Now
	return apiserver.New(options), c
}

func ask(t *testing.T, s *apiserver.Server, path string) answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	a := answer{code: w.Code, text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.object)
	return a
}

func config(name, value string) apiserver.Object {
	return made("v1", "ConfigMap", name, object{"metadata": object{"namespace": "default"}, "data": object{"k": value}})
}

func write(t *testing.T, s *apiserver.Server, o apiserver.Object) apiserver.Object {
	t.Helper()
	stored, err := s.Write("somebody", "", o)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

const configs = "/api/v1/namespaces/default/configmaps"

func begin(t *testing.T, s *apiserver.Server, query string) *apiserver.Watch {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, configs+"?watch=true"+query, nil)
	if !apiserver.IsWatch(r) {
		t.Fatal("a watch is not told")
	}
	w, no := s.Watch(r)
	if no != nil {
		t.Fatalf("%d %s", no.Code, no.Body)
	}
	return w
}

// events are the types and names of what a watch has pending, and whether it has ended.
func events(t *testing.T, w *apiserver.Watch) (all []string) {
	t.Helper()
	for w.Pending() {
		frame, ended := w.Next()
		if frame != nil {
			var e struct {
				Type   string
				Object object
			}
			if err := json.Unmarshal(frame, &e); err != nil {
				t.Fatal(err)
			}
			a := answer{object: e.Object}
			all = append(all, strings.TrimSuffix(fmt.Sprint(e.Type, " ", a.meta()["name"]), " <nil>"))
		}
		if ended {
			return append(all, "END")
		}
	}
	return all
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestSeedsGiveTheSame(t *testing.T) {
	run := func(seed uint64) string {
		s, c := played(t, apiserver.Options{Identity: "x", Seed: seed, Kinds: apiserver.Kamaji()})
		for i := range 5 {
			c.now = c.now.Add(time.Second)
			write(t, s, config(fmt.Sprint(i), "v"))
		}
		content, err := json.Marshal(s.List())
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	same(t, "of one seed", run(1), run(1))
	if run(1) == run(2) {
		t.Error("two seeds give the same")
	}
}

func TestCompact(t *testing.T) {
	s, _ := played(t, apiserver.Options{})
	first := answer{object: write(t, s, config("a", "1"))}
	behind, level := begin(t, s, "&resourceVersion="+first.version()), begin(t, s, "&resourceVersion="+first.version())
	page := ask(t, s, "/api/v1/namespaces?limit=1")
	write(t, s, config("a", "2"))
	same(t, "a watch that keeps up", []string{"MODIFIED a"}, events(t, level))
	s.Compact()
	same(t, "it goes on", []string(nil), events(t, level))
	same(t, "one that does not", []string{"ERROR", "END"}, events(t, behind))
	same(t, "one that begins too late", []string{"ERROR", "END"}, events(t, begin(t, s, "&resourceVersion="+first.version())))
	write(t, s, config("a", "3"))
	same(t, "what comes later", []string{"MODIFIED a"}, events(t, level))
	next, _ := page.meta()["continue"].(string)
	for _, path := range []string{"/api/v1/namespaces?limit=1&continue=" + next, configs + "?resourceVersionMatch=Exact&resourceVersion=" + first.version()} {
		a := ask(t, s, path)
		same(t, path, []any{410, "Expired"}, []any{a.code, a.reason()})
		if on, ok := a.meta()["continue"].(string); ok {
			same(t, "it can be gone on with all the same", 200, ask(t, s, "/api/v1/namespaces?limit=1&continue="+on).code)
		}
	}
}

func TestStale(t *testing.T) {
	s, _ := played(t, apiserver.Options{})
	write(t, s, config("a", "1"))
	s.Compact()
	old := ask(t, s, configs)
	write(t, s, config("a", "2"))
	write(t, s, config("b", "1"))
	s.Stale = func() bool { return true }
	same(t, "of the cache", old.object["items"], ask(t, s, configs+"?resourceVersion=0").object["items"])
	same(t, "its version", old.version(), ask(t, s, configs+"?resourceVersion=0").version())
	same(t, "of the truth", []string{"a", "b"}, ask(t, s, configs).names())
	same(t, "a watch from there", []string{"MODIFIED a", "ADDED b"}, events(t, begin(t, s, "&resourceVersion="+old.version())))
}

func TestTimePasses(t *testing.T) {
	s, c := played(t, apiserver.Options{})
	w := begin(t, s, "&allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion="+ask(t, s, configs).version())
	same(t, "at first", false, w.Pending())
	same(t, "due", c.now.Add(time.Minute), w.Due())
	c.now = w.Due()
	same(t, "after a minute", []string{"BOOKMARK"}, events(t, w))
	same(t, "due", c.now.Add(40*time.Second), w.Due())
	c.now = w.Due()
	same(t, "in the end", []string{"END"}, events(t, w))
	silent, _ := played(t, apiserver.Options{Bookmarks: -1})
	if due := begin(t, silent, "&allowWatchBookmarks=true&resourceVersion=1").Due(); !due.IsZero() {
		t.Errorf("without bookmarks something is due at %v", due)
	}
}

func TestNoWatchList(t *testing.T) {
	s, _ := played(t, apiserver.Options{NoWatchList: true})
	_, no := s.Watch(httptest.NewRequest(http.MethodGet, configs+"?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", nil))
	if no == nil || no.Code != 422 || !strings.Contains(string(no.Body), "sendInitialEvents") {
		t.Errorf("it is not refused: %+v", no)
	}
}

func TestAdmit(t *testing.T) {
	s, _ := played(t, apiserver.Options{})
	write(t, s, config("a", "1"))
	var asked []string
	s.Admit = func(a *apiserver.Attempt) error {
		asked = append(asked, a.Verb+" "+a.Key.Name)
		switch {
		case a.Object == nil:
			return errors.New(`admission webhook "no" denied the request: stays`)
		case a.Key.Name == "b":
			return apierrors.NewInternalError(errors.New("failed calling webhook"))
		}
		a.Object["data"].(object)["k"] = "theirs"
		return nil
	}
	same(t, "what is stored", any("theirs"), answer{object: write(t, s, config("a", "2"))}.has("data", "k"))
	if _, err := s.Apply("me", config("b", "1")); !apierrors.IsInternalError(err) {
		t.Errorf("the refusal is %v", err)
	}
	key := apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: "default", Name: "a"}
	if err := s.Delete(key); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "admission webhook") {
		t.Errorf("the refusal is %v", err)
	}
	same(t, "asked", []string{"update a", "apply b", "delete a"}, asked)
	if s.Get(key) == nil {
		t.Error("it was deleted all the same")
	}
}

func TestChanged(t *testing.T) {
	s, _ := played(t, apiserver.Options{})
	var seen []string
	s.Changed = func(c apiserver.Change) {
		entries := func(o apiserver.Object) int { return len(answer{object: o}.managers()) }
		seen = append(seen, fmt.Sprint(c.Verb, " ", c.Key.Kind, "/", c.Key.Name, " by ", c.Manager, " ", entries(c.Was), ">", entries(c.Is)))
	}
	write(t, s, config("a", "1"))
	write(t, s, config("a", "1"))
	if _, err := s.Apply("me", config("a", "2")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: "default", Name: "a"}); err != nil {
		t.Fatal(err)
	}
	same(t, "seen", []string{
		"create ConfigMap/a by somebody 0>1", "apply ConfigMap/a by me 1>2", "delete ConfigMap/a by  2>0",
	}, seen)
}

func TestDefineAndUndefine(t *testing.T) {
	kind := apiserver.Kind{Group: "example.com", Version: "v1", Kind: "Thing", Resource: "things", Namespaced: true}
	s, _ := played(t, apiserver.Options{})
	const things = "/apis/example.com/v1/namespaces/default/things"
	same(t, "before", 404, ask(t, s, things).code)
	s.Define(kind)
	if _, err := s.Apply("me", made("example.com/v1", "Thing", "a", object{"metadata": object{"namespace": "default"}, "spec": object{"x": 1}})); err != nil {
		t.Fatal(err)
	}
	same(t, "then", []string{"a"}, ask(t, s, things).names())
	w, no := s.Watch(httptest.NewRequest(http.MethodGet, things+"?watch=true", nil))
	if no != nil {
		t.Fatalf("%s", no.Body)
	}
	same(t, "a watch", []string{"ADDED a"}, events(t, w))
	s.Undefine(kind)
	same(t, "it ends", []string{"DELETED a", "END"}, events(t, w))
	same(t, "after", 404, ask(t, s, things).code)
	s.Define(kind)
	same(t, "once more", []string{}, ask(t, s, things).names())
}

// Newer servers refuse what they make of a mapping that has lost its last child.
func TestRefuseNull(t *testing.T) {
	for refuse, want := range map[bool]string{false: "map[]", true: "422"} {
		s, _ := played(t, apiserver.Options{RefuseNull: refuse, Kinds: apiserver.CertManager()})
		o := certificate("a")
		o["metadata"].(object)["namespace"] = "default"
		o["spec"].(object)["privateKey"] = object{"size": 256}
		if _, err := s.Apply("me", o); err != nil {
			t.Fatal(err)
		}
		theirs := certificate("a")
		theirs["metadata"].(object)["namespace"] = "default"
		theirs["spec"] = object{"privateKey": object{}}
		if _, err := s.Apply("they", theirs); err != nil {
			t.Fatal(err)
		}
		delete(o["spec"].(object), "privateKey")
		stored, err := s.Apply("me", o)
		got := fmt.Sprint(answer{object: stored}.has("spec", "privateKey"))
		if err != nil {
			got = fmt.Sprint(apierrors.APIStatus(&apierrors.StatusError{}).Status().Code)
			status := apierrors.APIStatus(nil)
			if errors.As(err, &status) && strings.Contains(err.Error(), `must be of type object: "null"`) {
				got = fmt.Sprint(status.Status().Code)
			}
		}
		same(t, fmt.Sprintf("refusing is %t", refuse), want, got)
	}
}

package apiserver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Applies that change values alone leave what the field manager leaves, whatever others
// have done in between.
func TestAgainIsTheFieldManagers(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	options := Options{Identity: "x", Now: func() time.Time { return now }, Kinds: slices.Concat(CertManager(), Kamaji())}
	quick, slow := New(options), New(options)
	slow.slow = true
	r := rand.New(rand.NewPCG(1, 2))
	both := func(what string, do func(*Server) error) {
		t.Helper()
		if a, b := fmt.Sprint(do(quick)), fmt.Sprint(do(slow)); a != b {
			t.Fatalf("%s: %s, and %s", what, a, b)
		}
	}
	spaces := map[any]bool{}
	shortcuts := 0
	for _, o := range Rendered(t) {
		if ns, ok := metaOf(o)["namespace"]; ok && !spaces[ns] {
			spaces[ns] = true
			both("namespace", func(s *Server) error {
				_, err := s.Write("w", "", Object{"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"name": ns}})
				return err
			})
		}
		_, w, err := quick.target("me", "", o)
		if err != nil {
			t.Fatal(err)
		}
		key := w.key()
		for step := range 15 {
			now = now.Add(time.Second)
			changed := o
			switch r.IntN(6) {
			case 0:
				changed = set(o, fmt.Sprint(step), "metadata", "annotations", "epoch")
			case 1:
				changed = set(o, fmt.Sprint(step), "metadata", "labels", "l")
			case 2:
				changed = set(set(o, fmt.Sprint(step), "metadata", "annotations", "epoch"), "x", "metadata", "labels", "l")
			}
			switch r.IntN(60) {
			case 0, 3, 4, 5, 6:
				both("status", func(s *Server) error {
					if s.Get(key) == nil || !w.kind.Status {
						return nil
					}
					_, err := s.Write("controller", "status", set(s.Get(key), []any{}, "status", "conditions"))
					return err
				})
			case 1:
				both("update", func(s *Server) error {
					if s.Get(key) == nil {
						return nil
					}
					_, err := s.Write("they", "", set(s.Get(key), fmt.Sprint(step), "metadata", "annotations", "theirs"))
					return err
				})
			case 2:
				both("drift", func(s *Server) error {
					if s.Get(key) == nil {
						return nil
					}
					_, err := s.Write("they", "", set(s.Get(key), "drifted", "metadata", "annotations", "epoch"))
					return err
				})
			}
			if r.IntN(12) == 0 && key.Kind != "Namespace" {
				both("delete", func(s *Server) error { return s.Delete(key) })
			}
			if was := quick.kindNamed(key.Group, key.Version, key.Kind).get(key.Namespace, key.Name); quick.again(write{kind: w.kind, manager: "me"}, was, changed) != nil {
				shortcuts++
			}
			both(key.Name, func(s *Server) error {
				_, err := s.Apply("me", changed)
				return err
			})
			if diff := cmp.Diff(slow.Get(key), quick.Get(key)); diff != "" {
				t.Fatalf("%v (-want +got):\n%s", key, diff)
			}
		}
	}
	if shortcuts < 300 {
		t.Errorf("only %d were short", shortcuts)
	}
}

// Updates by the author that change values alone leave what the field manager leaves,
// whatever others, admission and the author's other updates have done in between.
func TestRewrittenIsTheFieldManagers(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	options := Options{Identity: "x", Now: func() time.Time { return now }}
	quick, slow := New(options), New(options)
	slow.slow = true
	r := rand.New(rand.NewPCG(3, 4))
	shortcuts := 0
	for n := range 40 {
		name := fmt.Sprint("lease-", n)
		key := Key{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Namespace: "default", Name: name}
		begun := Object{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": Object{"name": name, "namespace": "default", "annotations": Object{"tip": "a"}},
			"spec":     Object{"holderIdentity": "me", "leaseDurationSeconds": int64(15), "renewTime": "2030-01-01T00:00:00.000000Z"},
		}
		for step := range 25 {
			now = now.Add(time.Duration(r.IntN(3)) * time.Second / 2)
			manager, admit := "me", r.IntN(25) == 0
			edit := []func(Object) Object{
				func(o Object) Object { return o },
				func(o Object) Object { return set(o, now.Format("2006-01-02T15:04:05.000000Z"), "spec", "renewTime") },
				func(o Object) Object { return set(o, fmt.Sprint(step/2), "metadata", "annotations", "tip") },
				func(o Object) Object { return set(o, now.Format("2006-01-02T15:04:05.000000Z"), "spec", "renewTime") },
				func(o Object) Object { return set(o, fmt.Sprint(step), "metadata", "annotations", "admitted") },
				func(o Object) Object { return set(o, "x", "metadata", "labels", "l") },
				func(o Object) Object { return set(o, int64(step), "spec", "leaseTransitions") },
				func(o Object) Object { return set(o, "2031-01-01T00:00:00Z", "metadata", "creationTimestamp") },
				func(o Object) Object { return set(o, []any{}, "metadata", "managedFields") },
				func(o Object) Object { return set(o, nil, "metadata", "managedFields") },
			}[min(r.IntN(18), 9)%10]
			if r.IntN(15) == 0 {
				manager = "they"
			}
			var done [2]string
			for i, s := range []*Server{quick, slow} {
				s.Admit = nil
				if admit {
					s.Admit = func(a *Attempt) error {
						a.Object = set(a.Object, "by admission", "metadata", "annotations", "admitted")
						return nil
					}
				}
				o := begun
				if have := s.Get(key); have != nil {
					o = edit(have)
				}
				if r := s.kindNamed(key.Group, key.Version, key.Kind).get(key.Namespace, key.Name); s == quick && r != nil {
					sent := maps.Clone(o)
					sent["metadata"] = maps.Clone(metaOf(o))
					if entries := entriesOf(sent); s.rewritten(write{kind: r.kind, manager: manager}, r, sent, entries) != nil {
						shortcuts++
					}
				}
				_, err := s.Write(manager, "", o)
				done[i] = fmt.Sprint(err)
			}
			if done[0] != done[1] {
				t.Fatalf("step %d: %s, and %s", step, done[0], done[1])
			}
			if diff := cmp.Diff(slow.Get(key), quick.Get(key)); diff != "" {
				t.Fatalf("step %d (-want +got):\n%s", step, diff)
			}
			if r.IntN(30) == 0 && quick.Get(key) != nil {
				for _, s := range []*Server{quick, slow} {
					if err := s.Delete(key); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	if shortcuts < 200 {
		t.Errorf("only %d were short", shortcuts)
	}
}

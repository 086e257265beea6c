package apiserver

import (
	"fmt"
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
	for _, o := range rendered(t) {
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

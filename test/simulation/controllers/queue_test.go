package controllers

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestQueue holds the queue against a list that is searched.
func TestQueue(t *testing.T) {
	type asked struct {
		name string
		at   time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		q, model := newQueue(), []asked(nil)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "what") > 0 {
				a := asked{rapid.StringMatching(`[a-h]`).Draw(t, "name"), time.Unix(int64(rapid.IntRange(0, 5).Draw(t, "at")), 0)}
				q.add(core("Job", "n", a.name), a.at)
				if i := slices.IndexFunc(model, func(b asked) bool { return b.name == a.name }); i < 0 {
					model = append(model, a)
				} else if a.at.Before(model[i].at) {
					model[i].at = a.at
				}
				continue
			}
			at, ok := q.next()
			if ok != (len(model) > 0) {
				t.Fatalf("there is something: %v, with %d asked for", ok, len(model))
			}
			if !ok {
				continue
			}
			// Of one time, the first asked for: a stable order.
			first := slices.MinFunc(model, func(a, b asked) int { return a.at.Compare(b.at) })
			if got := q.take(); got != core("Job", "n", first.name) || !at.Equal(first.at) || q.holds(got) {
				t.Fatalf("took %v of %v, want %v", got, at, first)
			}
			model = slices.DeleteFunc(model, func(a asked) bool { return a == first })
		}
	})
}

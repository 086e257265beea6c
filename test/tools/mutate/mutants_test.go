package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{
			"a comparison has its boundary and its contrary",
			"func f(a, b int) bool { return a < b }",
			[]string{"`return a < b` is gone", "`return a < b` becomes `return *new(bool)`", "`a < b` becomes `a <= b`", "`a < b` becomes `a >= b`"},
		},
		{
			"a condition is turned round, and what it joins is joined otherwise",
			"func f(a, b bool) { if a && b { g() } }",
			[]string{
				"the function returns at once", "`a && b` becomes `!(a && b)`", "`a && b` becomes `a || b`", "`g()` is gone",
			},
		},
		{
			"an append may be dropped, as a statement or within one",
			"func f(a []int) []int { a = append(a, 1); return append(a, 2) }",
			[]string{
				"the function returns at once", "`a = append(a, 1)` is gone", "`return append(a, 2)` is gone",
				"`append(a, 1)` becomes `a`", "`1` becomes `2`",
				"`return append(a, 2)` becomes `return *new([]int)`", "`append(a, 2)` becomes `a`", "`2` becomes `3`",
			},
		},
		{
			"zero values are not returned instead of zero values",
			"func f() (int, error) { return 0, nil }",
			[]string{"`return 0, nil` is gone", "`0` becomes `1`"},
		},
		{
			"a function within another returns its own results",
			"func f() { g(func() error { return h() }) }",
			[]string{"the function returns at once", "`g(func() error { return h() })` is gone", "`return h()` is gone", "`return h()` becomes `return *new(error)`"},
		},
		{
			"cases go, conditions of cases are turned round, values of cases are not",
			"func f(a string) { switch { case ok(a): g() }; switch a { case x: a++ } }",
			[]string{
				"the function returns at once", "the case is gone", "`ok(a)` becomes `!(ok(a))`", "`g()` is gone",
				"the case is gone (2)", "`a++` is gone", "`a++` becomes `a--`",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := find("x/y.go", "package x\n\n"+test.text+"\n")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range s.mutants {
				_, what, _ := strings.Cut(m.Key, "`: ")
				got = append(got, what)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mutants (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeysAreDistinct(t *testing.T) {
	sources, err := read("../../..", decides)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var all []Mutant
	for _, s := range sources {
		for _, m := range s.mutants {
			if seen[m.Key] {
				t.Errorf("two mutants are called %s", m.Key)
			}
			seen[m.Key] = true
			if m.ID != len(all) {
				t.Fatalf("mutant %d has the number %d", len(all), m.ID)
			}
			all = append(all, m)
		}
	}
	if !slices.Equal(sample(all, 20, 1), sample(all, 20, 1)) {
		t.Error("the same seed gives another sample")
	}
}

func TestExplain(t *testing.T) {
	mutants := []Mutant{{File: "a.go", Key: "a.go f: x"}, {File: "a.go", Key: "a.go f: y"}, {File: "a.go", Key: "a.go g: z"}}
	got, err := explain("# remark\nb.go f: not looked at\n    why\na.go f: x\na.go f: y\n    because\n    of that\n\na.go g: z\n    other\n", mutants)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.go f: x": "because of that", "a.go f: y": "because of that", "a.go g: z": "other", "b.go f: not looked at": "why"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("explanations (-want +got):\n%s", diff)
	}
	for text, reason := range map[string]string{
		"a.go h: x\n  why\n": "there is no such mutant any more: a.go h: x",
		"a.go f: x\n":        "no reason is given for a.go f: x",
		"  why\n":            "explains nothing",
	} {
		if _, err := explain(text, mutants); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("explain %q: got error %v, want one with %q", text, err, reason)
		}
	}
}

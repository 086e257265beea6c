package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	limits = `package room

type Room struct{ most int }

func (r Room) Full(n int) bool {
	unsaid := 1
	r.log(unsaid)
	return n >= r.most
}

func (r Room) log(values ...int) {
	for i := len(values) - 1; i > 0; i-- {
	}
}
`
	limitsTest = `package room

import "testing"

func TestFull(t *testing.T) {
	if (Room{most: 3}).Full(2) || !(Room{most: 3}).Full(4) {
		t.Error("wrong")
	}
}
`
)

// TestMutantsAreTried has a module mutated whose test misses a boundary and all of a log.
func TestMutantsAreTried(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.test\n\ngo 1.26\n", "room/limits.go": limits, "room/limits_test.go": limitsTest} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said []string
	r := &runner{root: root, dir: t.TempDir(), workers: 2, say: func(format string, _ ...any) { said = append(said, format) }}
	sources, err := read(root, []string{"room/*.go"})
	if err != nil {
		t.Fatal(err)
	}
	overlay, left, err := r.compile(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	ways := []stage{{name: "tests", room: "room"}}
	if err := r.prepare(t.Context(), overlay, ways); err != nil {
		t.Fatal(err)
	}
	ways[0].patience /= 5
	verdicts, err := r.judge(t.Context(), left, ways, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range verdicts {
		_, what, _ := strings.Cut(v.mutant.Key, "room/limits.go Room.")
		name, what, _ := strings.Cut(what, ": ")
		_, what, _ = strings.Cut(what, "`: ")
		got[name+": "+what] = v.killer
	}
	want := map[string]string{
		// Without its return the function is no Go, nor without the call of log: `unsaid`
		// would be of no use. Both are not here.
		"Full: the function returns at once":                     "tests",
		"Full: `1` becomes `2`":                                  "",
		"Full: `return n >= r.most` becomes `return *new(bool)`": "tests",
		"Full: `n >= r.most` becomes `n > r.most`":               "",
		"Full: `n >= r.most` becomes `n < r.most`":               "tests",
		"log: the function returns at once":                      "",
		"log: `len(values) - 1` becomes `len(values) + 1`":       "",
		"log: `1` becomes `2`":                                   "",
		"log: `i > 0` becomes `i >= 0`":                          "",
		"log: `i > 0` becomes `i <= 0`":                          "tests", // for ages
		"log: `0` becomes `1`":                                   "",
		"log: `i--` becomes `i++`":                               "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("killers (-want +got):\n%s", diff)
	}
}

package planted

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the product's, seen from here.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func bugs(t *testing.T) []Bug {
	t.Helper()
	all, err := Bugs()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBugsFitTheProduct: each applies to the product as it is, and what comes of all of
// them together compiles.
func TestBugsFitTheProduct(t *testing.T) {
	all := bugs(t)
	if len(all) < 20 {
		t.Errorf("%d bugs are planted: too few to judge by", len(all))
	}
	for _, b := range all {
		if _, err := Weave(root(t), []Bug{b}); err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		return
	}
	overlay, err := Write(root(t), t.TempDir(), all)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", overlay}
	for _, dir := range Packages(all) {
		args = append(args, "./"+dir)
	}
	build := exec.CommandContext(t.Context(), "go", args...)
	build.Dir = root(t)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOTOOLCHAIN=local")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("the product with all bugs does not compile: %v\n%s", err, out)
	}
}

const product = `package lock

import "time"

// Lock is held until its end.
type Lock struct{ end time.Time }

func (l *Lock) Held(now time.Time) bool {
	return now.Before(l.end)
}

func (l *Lock) Free() { l.end = time.Time{} }

func first[T any](all ...T) T { return all[0] }
`

func TestWeave(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock", "lock.go"), []byte(product), 0o600); err != nil {
		t.Fatal(err)
	}
	plant := func(name string, edits ...Edit) Bug { return Bug{Name: name, Edits: edits} }
	edit := func(old, new string) Edit { return Edit{File: "lock/lock.go", Old: old, New: new} }
	tests := []struct {
		name, reason string
		bugs         []Bug
		want         []string
		fails        string
	}{
		{
			"TwoInOneFunction", "each has its own, and the product's is left for who has none",
			[]Bug{
				plant("for-ever", edit("\treturn now.Before(l.end)\n", "\treturn !l.end.IsZero()\n")),
				plant("for-longer", edit("\treturn now.Before(l.end)\n", "\treturn !now.After(l.end)\n")),
			},
			[]string{
				`Held(now time.Time) bool { if plantedBug == "for-ever" { return l.Held_for_ever(now) }; if plantedBug == "for-longer" { return l.Held_for_longer(now) };` + "\n\treturn now.Before(l.end)\n",
				"func (l *Lock) Held_for_ever(now time.Time) bool {\n\treturn !l.end.IsZero()\n}",
				"func (l *Lock) Held_for_longer(now time.Time) bool {\n\treturn !now.After(l.end)\n}",
			}, "",
		}, {
			"NoResult", "a function without results ends where the bug's does",
			[]Bug{plant("leak", edit("func (l *Lock) Free() { l.end = time.Time{} }\n", "func (l *Lock) Free() {}\n"))},
			[]string{`Free() { if plantedBug == "leak" { l.Free_leak(); return }; l.end`, "func (l *Lock) Free_leak() {}"}, "",
		}, {
			"Generic", "type parameters and a variadic one are handed on",
			[]Bug{plant("last", edit("func first[T any](all ...T) T { return all[0] }\n", "func first[T any](all ...T) T { return all[len(all)-1] }\n"))},
			[]string{`return first_last[T](all...)`, "func first_last[T any](all ...T) T { return all[len(all)-1] }"}, "",
		}, {
			"Import", "what a bug imports is imported",
			[]Bug{plant("slow", edit("import \"time\"\n", "import (\n\t\"os\"\n\t\"time\"\n)\n"), edit("\treturn now.Before(l.end)\n", "\t_ = os.Getpid()\n\treturn now.Before(l.end)\n"))},
			[]string{`package lock; import "os"`}, "",
		}, {
			"MovedOn", "a product without these lines is an error",
			[]Bug{plant("old", edit("\treturn true\n", "\treturn false\n"))}, nil, "plant bug old: the product has moved on: lock/lock.go no longer has the lines",
		}, {
			"Type", "types are the same for all",
			[]Bug{plant("type", edit("type Lock struct{ end time.Time }\n", "type Lock struct{ end, begin time.Time }\n"))}, nil, "it changes no function",
		}, {
			"NoGo", "a bug has to be Go",
			[]Bug{plant("typo", edit("\treturn now.Before(l.end)\n", "\treturn now.Before(l.end\n"))}, nil, "plant bug typo: read lock/lock.go",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			woven, err := Weave(dir, tt.bugs)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("%s: got %v, want an error with %q", tt.reason, err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(woven["lock/lock.go"]), want) {
					t.Errorf("%s: want %q in\n%s", tt.reason, want, woven["lock/lock.go"])
				}
			}
			if got := string(woven["lock/"+switchFile]); !strings.Contains(got, "package lock") || !strings.Contains(got, Variable) {
				t.Errorf("got the switch %q", got)
			}
		})
	}
}

// TestPlanted: one binary has exactly the bug that it is started with.
func TestPlanted(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":  "module example.org/planted\n\ngo 1.26\n",
		"main.go": "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(said())\n}\n\nfunc said() string { return \"well\" }\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := "func said() string { return \"well\" }\n"
	overlay, err := Write(dir, t.TempDir(), []Bug{
		{Name: "one", Edits: []Edit{{"main.go", old, strings.Replace(old, "well", "one", 1)}}},
		{Name: "two", Edits: []Edit{{"main.go", old, strings.Replace(old, "well", "two", 1)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "planted")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", binary, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOTOOLCHAIN=local")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for name, want := range map[string]string{"": "well", "one": "one", "two": "two", "three": "well"} {
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = append(os.Environ(), Variable+"="+name)
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("with bug %q: got %q (%v), want %q", name, got, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	const head = "What it is.\nSeen: somewhere.\n"
	tests := []struct{ name, reason, text, want string }{
		{"Well", "two files, one with two hunks", head + "\n--- a.go\n@@\n-a\n+b\n@@\n c\n\n-d\n--- b.go\n@@\n-a\n+b\n", ""},
		{"NoWords", "a bug says what it is and where it was seen", "What it is.\n\n--- a.go\n@@\n-a\n+b\n", "where one like it was seen"},
		{"NoHunk", "and does something", head, "it changes nothing"},
		{"Same", "that is a change", head + "--- a.go\n@@\n a\n", "a hunk of a.go changes nothing"},
		{"Stray", "within a file", head + "@@\n-a\n+b\n", `"@@" stands in no hunk`},
		{"Mark", "by lines that say what they are", head + "--- a.go\n@@\n-a\nb\n", "line 6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := parse("x", tt.text)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want an error with %q", tt.reason, err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := (Edit{"a.go", "c\n\nd\n", "c\n\n"}); len(b.Edits) != 3 || b.Edits[1] != want {
				t.Errorf("%s: got %+v", tt.reason, b.Edits)
			}
		})
	}
}

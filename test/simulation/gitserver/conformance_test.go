package gitserver_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
)

// One suite judges the simulated host and a real one, both by what the git room makes of
// their answers.

func ledger(parent git.Hash, path, data string) git.Draft {
	return git.Draft{Branch: "ledger", Parent: parent, Message: "Set " + path, When: noon, Files: map[string][]byte{path: []byte(data)}}
}

func tips(t *testing.T, r *git.Repository, branches ...string) map[string]git.Hash {
	t.Helper()
	found, err := r.Fetch(t.Context(), branches...)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func push(t *testing.T, r *git.Repository, d git.Draft) git.Hash {
	t.Helper()
	tip, err := r.Push(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// seen is what a client reads of a commit.
func seen(t *testing.T, r *git.Repository, commit git.Hash) map[string]string {
	t.Helper()
	v, err := r.Revision(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	err = fs.WalkDir(v, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(v, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func refusedAs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestEmptyRepository(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		r, _ := client(t, h)
		same(t, "branches of nothing", map[string]git.Hash{}, tips(t, r, "main", "ledger"))
		_, err := r.Push(t.Context(), ledger(git.Hash(strings.Repeat("1", 40)), "a", "1"))
		refusedAs(t, err, git.ErrUnreadable)
		first := push(t, r, ledger("", "a", "1"))
		same(t, "tip", string(first), h.tip("ledger"))
		same(t, "files", map[string]string{"a": "1"}, h.files("ledger"))
		same(t, "branches", map[string]git.Hash{"ledger": first}, tips(t, r, "main", "ledger"))
		_, err = r.Push(t.Context(), ledger("", "b", "1"))
		refusedAs(t, err, git.ErrConflict)
	})
}

func TestFetchBringsWhatIsLacking(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		h.commit("main", "Begin", map[string]string{"fleet.yaml": "fleet", "tenants/a": "1", "tenants/b": "2", "deep/er/c": "3"})
		r, w := client(t, h)
		tips(t, r, "main")
		tips(t, r, "main")
		h.commit("main", "Change", map[string]string{"tenants/a": "4"})
		tip := h.commit("main", "Change more", map[string]string{"new": "5", "tenants/b": ""})
		same(t, "branches", map[string]git.Hash{"main": git.Hash(tip)}, tips(t, r, "main"))
		same(t, "files", map[string]string{"fleet.yaml": "fleet", "tenants/a": "4", "deep/er/c": "3", "new": "5"}, seen(t, r, git.Hash(tip)))
		// commit, root, three folders and four files; twice commit, root and tenants/, and two files.
		same(t, "objects of the fetches", []int{1 + 4 + 4, 6 + 2}, w.fetched)
		h.move("elsewhere", tip)
		h.commit("elsewhere", "Branch off", map[string]string{"only": "here"})
		tips(t, r, "main", "elsewhere")
		same(t, "objects of the third fetch", []int{3}, w.fetched[2:])
	})
}

func TestEveryKindOfChange(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		for i, files := range []map[string]string{
			{"a": "1", "dir/b": "2", "dir/c": "3"},
			{"dir/b": ""},
			{"dir/c": ""},       // the folder goes with its last file
			{"a/below": "4"},    // a file becomes a folder
			{"a": "5", "z": ""}, // and a file again; removing nothing
			{"a": "", "x": "6"},
			{"dir-": "7", "dir/a": "8", "dir.": "9", "dir0": "10"}, // sorts as if it ended in a slash
			{"dir": ""},
			{"x": "", "dir-": "", "dir.": "", "dir0": ""}, // nothing is left
			{"again": "11"},
		} {
			tip := h.commit("main", fmt.Sprint("Step ", i), files)
			r, _ := client(t, h)
			same(t, "branches", map[string]git.Hash{"main": git.Hash(tip)}, tips(t, r, "main"))
			same(t, fmt.Sprint("files of step ", i), h.files("main"), seen(t, r, git.Hash(tip)))
		}
		same(t, "files", map[string]string{"again": "11"}, h.files("main"))
		same(t, "commits", 10, len(h.subjects("main")))
	})
}

func TestPushSendsWhatIsNew(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		h.commit("main", "Declare", map[string]string{"tenants/acme/tenant.yaml": "acme"})
		h.commit("ledger", "Begin", map[string]string{"a/1": "1", "b/2": "2"})
		r, w := client(t, h)
		at := tips(t, r, "main", "ledger")
		v, err := r.Revision(t.Context(), at["main"])
		if err != nil {
			t.Fatal(err)
		}
		tip := push(t, r, git.Draft{Branch: "ledger", Parent: at["ledger"], Message: "Keep acme", When: noon,
			Files: map[string][]byte{"b/2": nil, "a/1": []byte("3")}, Mounts: map[string]git.Hash{"sources/declared": v.Tree()}})
		same(t, "files", map[string]string{"a/1": "3", "sources/declared/tenants/acme/tenant.yaml": "acme"}, h.files("ledger"))
		same(t, "objects of the push", []int{5}, w.pushed) // commit, root, a/, sources/ and a file
		emptied := push(t, r, git.Draft{Branch: "ledger", Parent: tip, Message: "Empty", When: noon,
			Files: map[string][]byte{"a/1": nil}, Mounts: map[string]git.Hash{"sources/declared": ""}})
		same(t, "files", map[string]string{}, h.files("ledger"))
		same(t, "log", []string{"Empty", "Keep acme", "Begin"}, h.subjects("ledger"))
		other, _ := client(t, h)
		same(t, "branches", map[string]git.Hash{"ledger": emptied}, tips(t, other, "ledger"))
		same(t, "files for others", map[string]string{}, seen(t, other, emptied))
	})
}

func TestLostMessages(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		pushes       int
		answers      int
	}{
		{"answer", "the push was carried out: only looking tells", 0, 1},
		{"push", "nothing was done: the same commit has to be sent again", 1, 0},
		{"both", "one after the other", 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			hosts(t, func(t *testing.T, h host) {
				h.commit("ledger", "Begin", map[string]string{"a": "1"})
				r, w := client(t, h)
				at := tips(t, r, "ledger")["ledger"]
				w.losePushes, w.loseAnswers = c.pushes, c.answers
				tip := push(t, r, ledger(at, "b", "2"))
				same(t, "the same draft again", tip, push(t, r, ledger(at, "b", "2")))
				same(t, "log", []string{"Set b", "Begin"}, h.subjects("ledger"))
			})
		})
	}
}

// The answer is lost, and before we look somebody builds on our commit, or throws it away.
func TestLostAnswerAndAnotherWriter(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		begin := h.commit("ledger", "Begin", map[string]string{"a": "1"})
		r, w := client(t, h)
		at := tips(t, r, "ledger")["ledger"]
		w.loseAnswers, w.afterPush = 1, func() { h.commit("ledger", "Build on it", map[string]string{"b": "2"}) }
		ours := push(t, r, ledger(at, "c", "3"))
		same(t, "log", []string{"Build on it", "Set c", "Begin"}, h.subjects("ledger"))
		head := tips(t, r, "ledger")["ledger"]
		for _, q := range []struct {
			older, newer git.Hash
			want         bool
		}{{ours, head, true}, {head, ours, false}, {at, head, true}, {head, head, true}} {
			got, err := r.IsAncestor(t.Context(), q.older, q.newer)
			if err != nil || got != q.want {
				t.Errorf("is %s an ancestor of %s: got %t, %v, want %t", q.older, q.newer, got, err, q.want)
			}
		}
		w.loseAnswers, w.afterPush = 1, func() {
			h.move("ledger", begin)
			h.commit("ledger", "Go another way", map[string]string{"d": "4"})
		}
		_, err := r.Push(t.Context(), ledger(head, "e", "5"))
		refusedAs(t, err, git.ErrConflict)
		same(t, "log", []string{"Go another way", "Begin"}, h.subjects("ledger"))
	})
}

func TestMovedTips(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		h.commit("ledger", "Begin", map[string]string{"a": "1"})
		r, w := client(t, h)
		at := tips(t, r, "ledger")["ledger"]
		h.commit("ledger", "Be first", map[string]string{"b": "2"})
		_, err := r.Push(t.Context(), ledger(at, "c", "3"))
		refusedAs(t, err, git.ErrConflict)
		same(t, "pushes", 0, w.asked["POST git-receive-pack"])

		// Now behind the look: the host's own compare-and-swap has to refuse.
		for _, overtake := range []func(){
			func() { h.commit("ledger", "Overtake", map[string]string{"d": "4"}) },
			func() { h.move("ledger", string(at)) },
			func() { h.move("ledger", "") },
		} {
			at := tips(t, r, "ledger")["ledger"]
			var want string
			w.beforePush = func() {
				overtake()
				want = h.tip("ledger")
			}
			_, err := r.Push(t.Context(), ledger(at, "e", "5"))
			refusedAs(t, err, git.ErrConflict)
			same(t, "tip", want, h.tip("ledger"))
		}
		same(t, "pushes", 3, w.asked["POST git-receive-pack"])
		// Begun by two at the same time.
		w.beforePush = func() { h.commit("ledger", "Begin anew", map[string]string{"f": "6"}) }
		_, err = r.Push(t.Context(), ledger("", "g", "7"))
		refusedAs(t, err, git.ErrConflict)
		same(t, "log", []string{"Begin anew"}, h.subjects("ledger"))
	})
}

func TestRefusedPush(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		h.commit("ledger", "Begin", map[string]string{"a": "1"})
		r, w := client(t, h)
		at := tips(t, r, "ledger")["ledger"]
		h.refuse("protected branch: ask the platform team")
		_, err := r.Push(t.Context(), ledger(at, "b", "2"))
		refusedAs(t, err, git.ErrRejected)
		if err != nil && !strings.Contains(err.Error(), "ask the platform team") {
			t.Errorf("got %v, want the host's words", err)
		}
		same(t, "pushes", 1, w.asked["POST git-receive-pack"])
		same(t, "log", []string{"Begin"}, h.subjects("ledger"))
		h.refuse("")
		push(t, r, ledger(at, "b", "2"))
		same(t, "log", []string{"Set b", "Begin"}, h.subjects("ledger"))
	})
}

func TestDeletedAndRewrittenBranches(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		first := h.commit("main", "One", map[string]string{"a": "1"})
		second := h.commit("main", "Two", map[string]string{"a": "2"})
		r, w := client(t, h)
		tips(t, r, "main")
		h.move("main", first)
		same(t, "rewound", map[string]git.Hash{"main": git.Hash(first)}, tips(t, r, "main"))
		same(t, "fetches of objects", 1, w.asked["POST git-upload-pack"])
		other := h.commit("main", "Another two", map[string]string{"a": "3"})
		same(t, "rewritten", map[string]git.Hash{"main": git.Hash(other)}, tips(t, r, "main"))
		same(t, "objects of the fetches", []int{4 + 2, 3}, w.fetched)
		if is, err := r.IsAncestor(t.Context(), git.Hash(second), git.Hash(other)); err != nil || is {
			t.Errorf("what was thrown away is an ancestor: %t, %v", is, err)
		}
		h.move("main", "")
		same(t, "deleted", map[string]git.Hash{}, tips(t, r, "main"))
		h.move("main", second)
		same(t, "brought back", map[string]git.Hash{"main": git.Hash(second)}, tips(t, r, "main"))
		h.move("main", "")
		root := h.commit("main", "Begin anew", map[string]string{"a": "1"})
		same(t, "begun anew", map[string]git.Hash{"main": git.Hash(root)}, tips(t, r, "main"))
		same(t, "files", map[string]string{"a": "1"}, seen(t, r, git.Hash(root)))
	})
}

// Branches move between the list of them and the fetch of what it names.
func TestMovedBehindTheList(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		first := h.commit("main", "One", map[string]string{"a": "1"})
		r, w := client(t, h)
		w.beforeFetch = func() { h.commit("main", "Two", map[string]string{"a": "2"}) }
		same(t, "what was listed is still reached", map[string]git.Hash{"main": git.Hash(first)}, tips(t, r, "main"))
		w.beforeFetch = func() { h.move("main", first) }
		_, err := r.Fetch(t.Context(), "main")
		refusedAs(t, err, git.ErrUnreachable)
		if err != nil && !strings.Contains(err.Error(), "not our ref") {
			t.Errorf("got %v, want the host's words", err)
		}
		same(t, "the next look", map[string]git.Hash{"main": git.Hash(first)}, tips(t, r, "main"))
	})
}

func TestBranchesInTheWay(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		h.commit("ledger", "Begin", map[string]string{"a": "1"})
		r, _ := client(t, h)
		d := ledger("", "b", "2")
		d.Branch = "ledger/below"
		_, err := r.Push(t.Context(), d)
		refusedAs(t, err, git.ErrRejected)
		h.move("ledger", "")
		push(t, r, d)
		same(t, "branches", 1, len(tips(t, r, "ledger", "ledger/below")))
	})
}

func TestSeveralWriters(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		h.commit("ledger", "Begin", map[string]string{"a": "1"})
		one, _ := client(t, h)
		two, _ := client(t, h)
		for i := range 6 {
			at := tips(t, one, "ledger")["ledger"]
			same(t, "what both see", at, tips(t, two, "ledger")["ledger"])
			push(t, one, ledger(at, fmt.Sprint("one/", i), "1"))
			_, err := two.Push(t.Context(), ledger(at, fmt.Sprint("two/", i), "2"))
			refusedAs(t, err, git.ErrConflict)
			push(t, two, ledger(tips(t, two, "ledger")["ledger"], fmt.Sprint("two/", i), "2"))
		}
		same(t, "files", 13, len(h.files("ledger")))
		same(t, "commits", 13, len(h.subjects("ledger")))
		same(t, "what is read", h.files("ledger"), seen(t, one, tips(t, one, "ledger")["ledger"]))
	})
}

func TestLargeCommits(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		many := map[string]string{"large": strings.Repeat("0123456789abcdef\n", 200_000)}
		for i := range 500 {
			many[fmt.Sprintf("tenants/%02d/t%d.yaml", i%20, i)] = fmt.Sprint("tenant ", i)
		}
		tip := h.commit("main", "Declare", many)
		r, w := client(t, h)
		same(t, "branches", map[string]git.Hash{"main": git.Hash(tip)}, tips(t, r, "main"))
		same(t, "files", many, seen(t, r, git.Hash(tip)))
		same(t, "objects", []int{1 + 1 + 1 + 20 + 501}, w.fetched)
		d := git.Draft{Branch: "ledger", Message: "Decide", When: noon, Files: map[string][]byte{}}
		for path, data := range many {
			d.Files[path] = []byte(data + "!")
		}
		push(t, r, d)
		got := h.files("ledger")
		same(t, "files", len(many), len(got))
		for path, data := range many {
			if got[path] != data+"!" {
				t.Errorf("%s differs", path)
			}
		}
	})
}

package git_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func TestDraftsThatAreRefused(t *testing.T) {
	repo := initRepo(t)
	tip := commit(t, repo, "ledger", map[string]string{"a": "1"})
	r := open(t, git.Options{URL: repo.Dir})
	for _, path := range []string{
		"", ".", "..", "/a", "a/", "a//b", "./a", "a/../b", "../a", ".git/config", "a/.git", "a/.GIT/x", ".git./x", ".git ", "git~1",
		".git::$INDEX_ALLOCATION/x", `a\b`, "a\x00b", "a\nb", "a\x7f", "\xff",
	} {
		if h, err := r.Push(t.Context(), draft(tip, path, "1")); err == nil {
			t.Errorf("path %q was pushed as %s", path, h)
		}
	}
	for name, change := range map[string]func(*git.Draft){
		"a file that is a folder, too": func(d *git.Draft) { d.Files = map[string][]byte{"x": []byte("1"), "x/y": []byte("1")} },
		"a file below a mount": func(d *git.Draft) {
			d.Mounts = map[string]git.Hash{"x": hash("1")}
			d.Files = map[string][]byte{"x/y": nil}
		},
		"a file and a mount":             func(d *git.Draft) { d.Mounts = map[string]git.Hash{"x": ""}; d.Files = map[string][]byte{"x": nil} },
		"a mount of nothing":             func(d *git.Draft) { d.Mounts = map[string]git.Hash{"x": hash("2")} },
		"a mount of a commit":            func(d *git.Draft) { d.Mounts = map[string]git.Hash{"x": tip} },
		"a mount of a name":              func(d *git.Draft) { d.Mounts = map[string]git.Hash{"x": "main"} },
		"a parent that is unknown":       func(d *git.Draft) { d.Parent = hash("3") },
		"a parent that is no name":       func(d *git.Draft) { d.Parent = "main" },
		"no message":                     func(d *git.Draft) { d.Message = " \n" },
		"a message with a NUL":           func(d *git.Draft) { d.Message = "a\x00b" },
		"no time":                        func(d *git.Draft) { d.When = time.Time{} },
		"a time before time":             func(d *git.Draft) { d.When = time.Unix(-1, 0) },
		"no branch":                      func(d *git.Draft) { d.Branch = "" },
		"a branch outside":               func(d *git.Draft) { d.Branch = "../../config" },
		"a branch that is a lock":        func(d *git.Draft) { d.Branch = "ledger.lock" },
		"a branch with a control letter": func(d *git.Draft) { d.Branch = "a\nb" },
	} {
		d := draft(tip, "x", "1")
		change(&d)
		if h, err := r.Push(t.Context(), d); err == nil || errors.Is(err, git.ErrConflict) || errors.Is(err, git.ErrUncertain) {
			t.Errorf("%s: got %s, %v, want a refusal before anything is sent", name, h, err)
		}
	}
	if got, err := repo.Tip("ledger"); err != nil || git.Hash(got) != tip {
		t.Errorf("tip is %s, %v, want %s still", got, err, tip)
	}
}

func hash(digit string) git.Hash { return git.Hash(strings.Repeat(digit, 40)) }

func TestTheSameDraftIsTheSameCommit(t *testing.T) {
	var hashes []git.Hash
	for range 2 {
		remote := gittest.New(t, gittest.Options{})
		r := open(t, git.Options{URL: remote.URL})
		d := draft("", "a", "1")
		d.Message, d.When = "Märchen\n\nMore of it.\n", time.Unix(1_700_000_000, 999).In(time.FixedZone("", 3600))
		h, err := r.Push(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, h)
		want := "tenantry <tenantry@localhost> 1700000000 +0000"
		raw := remote.MustGit("cat-file", "commit", "ledger")
		if strings.Count(raw, want) != 2 || !strings.HasSuffix(raw, "\n\nMärchen\n\nMore of it.\n") {
			t.Errorf("commit:\n%s", raw)
		}
	}
	if hashes[0] != hashes[1] {
		t.Errorf("two commits of one draft: %s and %s", hashes[0], hashes[1])
	}
}

func TestFileModesAreKept(t *testing.T) {
	repo := initRepo(t)
	tip, err := repo.CommitEntries("ledger", "Modes", map[string]gittest.Entry{
		"run": {Mode: "100755", Data: "#!"}, "link": {Mode: "120000", Data: "run"},
		"module": {Mode: "160000", Data: strings.Repeat("12", 20)}, "file": gittest.File("1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, git.Options{URL: repo.Dir})
	d := draft(git.Hash(tip), "run", "changed")
	d.Files["link"] = []byte("now a file")
	d.Files["file/below"] = []byte("now a folder")
	if _, err := r.Push(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	want := "100644 file/below\n100644 link\n160000 module\n100755 run\n"
	if diff := cmp.Diff(want, gitOut(t, repo, "ls-tree", "-r", "--format=%(objectmode) %(path)", "ledger")); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// Random drafts do to the tree what they say, and Git finds nothing to complain
// about. Names are chosen to collide: folders, files, and Git's own sort order.
func TestRandomDraftsAgreeWithGit(t *testing.T) {
	names := []string{"a", "a.b", "a-b", "a0", "b", "ab", "é"}
	dir, seed := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		seed++
		repo, err := gittest.Init(filepath.Join(dir, fmt.Sprint(seed)))
		if err != nil {
			rt.Fatal(err)
		}
		r, err := git.Open(t.Context(), git.Options{URL: repo.Dir})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		path := rapid.Custom(func(rt *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(rt, "parts"), "/")
		})
		want, tip := map[string]string{}, git.Hash("")
		for step := range rapid.IntRange(1, 4).Draw(rt, "steps") {
			d := git.Draft{Branch: "ledger", Parent: tip, Message: fmt.Sprint("Step ", step), When: noon, Files: map[string][]byte{}}
			for range rapid.IntRange(1, 6).Draw(rt, "changes") {
				p := path.Draw(rt, "path")
				if clashes(d.Files, p) {
					continue
				}
				d.Files[p] = nil
				if rapid.Bool().Draw(rt, "set") {
					d.Files[p] = []byte(rapid.StringN(0, 3, -1).Draw(rt, "data"))
				}
			}
			if tip, err = r.Push(t.Context(), d); err != nil {
				rt.Fatal(err)
			}
			model(want, d.Files)
			got, err := repo.Files("ledger")
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("files after %v (-want +got):\n%s", slices.Sorted(maps.Keys(d.Files)), diff)
			}
		}
		if out, err := repo.Git("fsck", "--strict"); err != nil {
			rt.Fatalf("%v\n%s", err, out)
		}
	})
}

func clashes(files map[string][]byte, p string) bool {
	for other := range files {
		if other == p || strings.HasPrefix(other, p+"/") || strings.HasPrefix(p, other+"/") {
			return true
		}
	}
	return false
}

// model is what a draft means, on a flat map.
func model(files map[string]string, changes map[string][]byte) {
	for p, data := range changes {
		if data == nil {
			delete(files, p)
			for other := range files {
				if strings.HasPrefix(other, p+"/") {
					delete(files, other)
				}
			}
		}
	}
	for p, data := range changes {
		if data == nil {
			continue
		}
		for other := range files {
			if strings.HasPrefix(other, p+"/") || strings.HasPrefix(p, other+"/") {
				delete(files, other)
			}
		}
		files[p] = string(data)
	}
}

// What our reader says of a tree is what Git says of it.
func TestReadingAgreesWithGit(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	for i := range 40 { // long similar files, so that Git packs them as deltas
		remote.MustCommit("main", map[string]string{
			fmt.Sprintf("d%d/file", i%7): strings.Repeat(fmt.Sprintf("line %d\n", i), 100),
			"log":                        strings.Repeat("the same line over and over\n", 200+i),
		})
	}
	remote.MustGit("gc", "-q", "--aggressive")
	if out := remote.MustGit("verify-pack", "-v", glob(t, remote.Dir, "objects/pack/*.idx")); !strings.Contains(out, "chain length") {
		t.Fatal("the pack holds no deltas: nothing is tested")
	}
	r := open(t, git.Options{URL: remote.URL})
	v := revision(t, r, fetch(t, r, "main")["main"])
	if diff := cmp.Diff(remote.MustFiles("main"), contents(t, v)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for path, data := range remote.MustFiles("main") {
		if info, err := v.Stat(path); err != nil || info.Size() != int64(len(data)) {
			t.Errorf("stat %s: %v, %v, want %d bytes", path, info, err, len(data))
		}
	}
	first := strings.Fields(remote.MustGit("rev-list", "--max-parents=0", "main"))[0]
	if found, err := r.IsAncestor(t.Context(), git.Hash(first), v.Commit()); err != nil || !found {
		t.Errorf("the first commit: ancestor %t, %v", found, err)
	}
}

// A status commit of 50 tenants on a tree of 10,000 files.
func BenchmarkPush50Of10000(b *testing.B) {
	repo, err := gittest.Init(filepath.Join(b.TempDir(), "fleet.git"))
	if err != nil {
		b.Fatal(err)
	}
	files := map[string]string{}
	path := func(i int) string { return fmt.Sprintf("status/eu-1/%02x/tenant-%05d.yaml", i%256, i) }
	for i := range 10_000 {
		files[path(i)] = strings.Repeat(fmt.Sprintf("line of tenant %d\n", i), 30)
	}
	hash, err := repo.Commit("status", "Begin", files)
	if err != nil {
		b.Fatal(err)
	}
	r, err := git.Open(b.Context(), git.Options{URL: repo.Dir})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	tip := git.Hash(hash)
	n := 0
	for b.Loop() {
		n++
		d := git.Draft{Branch: "status", Parent: tip, Message: "Report", When: noon, Files: map[string][]byte{}}
		for i := range 50 {
			d.Files[path((n*50+i*197)%10_000)] = fmt.Appendf(nil, "report %d of %d", n, i)
		}
		if tip, err = r.Push(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}
}

// Reading a whole fleet of 10,000 files.
func BenchmarkRead10000(b *testing.B) {
	remote := gittest.New(b, gittest.Options{})
	files := map[string]string{}
	for i := range 10_000 {
		files[fmt.Sprintf("tenants/team-%d/tenant-%d/tenant.yaml", i%100, i)] = fmt.Sprintf("tenant %d\n", i)
	}
	remote.MustCommit("main", files)
	r, err := git.Open(b.Context(), git.Options{URL: remote.URL})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	tips, err := r.Fetch(b.Context(), "main")
	if err != nil {
		b.Fatal(err)
	}
	v, err := r.Revision(b.Context(), tips["main"])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for path := range files {
			if _, err := v.ReadFile(path); err != nil {
				b.Fatal(err)
			}
		}
	}
}

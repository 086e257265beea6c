package gitserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// The installed git takes either host for the real thing.
func installed(t *testing.T, test func(t *testing.T, h host, url string)) {
	t.Parallel()
	t.Run("simulated", func(t *testing.T) {
		t.Parallel()
		h := newSimulated(t)
		test(t, h, listen(t, h.Server))
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		h := newGenuine(t)
		test(t, h, h.URL)
	})
}

// listen has a simulated host answer on a port.
func listen(t *testing.T, s *gitserver.Server) (url string) {
	t.Helper()
	var one sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/fleet.git"
}

// work is somebody's clone.
type work struct {
	t *testing.T
	gittest.Repo
}

func clone(t *testing.T, url string) *work {
	t.Helper()
	w := &work{t, gittest.Repo{Dir: t.TempDir()}}
	w.git("clone", "-q", url, ".")
	return w
}

func (w *work) git(args ...string) string {
	w.t.Helper()
	out, err := w.Git(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// fails runs git, which is to fail and to say something.
func (w *work) fails(say string, args ...string) {
	w.t.Helper()
	if out, err := w.Git(args...); err == nil || !strings.Contains(err.Error(), say) {
		w.t.Errorf("git %s: %q, %v, want that it fails and says %q", strings.Join(args, " "), out, err, say)
	}
}

// commit commits a file and gives the commit.
func (w *work) commit(path, data string) string {
	w.t.Helper()
	file := filepath.Join(w.Dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.git("add", "-A")
	w.git("commit", "-q", "-m", "Write "+path)
	return w.git("rev-parse", "HEAD")
}

func TestInstalledGitFetches(t *testing.T) {
	installed(t, func(t *testing.T, h host, url string) {
		// A folder sorts as if it ended in a slash: fsck sees to it.
		h.commit("main", "Begin", map[string]string{"a": "1", "dir/b": "2", "dir-": "3", "dir.": "4", "dir0": "5"})
		tip := h.commit("main", "Go on", map[string]string{"a": "3"})
		w := clone(t, url)
		same(t, "branch checked out", "main", w.git("branch", "--show-current"))
		same(t, "commit", tip, w.git("rev-parse", "HEAD"))
		same(t, "files", "a\ndir-\ndir.\ndir/b\ndir0", w.git("ls-files"))
		same(t, "listed", tip+"\tHEAD\n"+tip+"\trefs/heads/main", w.git("ls-remote"))

		// More commits of our own than a few rounds of negotiation tell, the last of which
		// are long enough to be compressed.
		for i := range 100 {
			w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprint("Ours ", i))
		}
		tip = h.commit("main", "Theirs", map[string]string{"dir/c": "4"})
		other := h.commit("other", "Unrelated", map[string]string{"x": "5"})
		w.git("fetch", "-q")
		same(t, "fetched", tip, w.git("rev-parse", "origin/main"))
		same(t, "fetched, too", other, w.git("rev-parse", "origin/other"))
		h.move("other", "")
		w.git("fetch", "-q", "--prune")
		same(t, "branches", "origin/HEAD -> origin/main\n  origin/main", w.git("branch", "-r"))
		w.git("-c", "protocol.version=0", "fetch", "-q", url, tip) // by its hash
		w.fails("", "fetch", "-q", url, strings.Repeat("1", 40))
		w.git("fsck", "--strict")
	})
}

// A short way and a long one lead to the same commits: those are not sent again.
func TestMergesAreFetched(t *testing.T) {
	installed(t, func(t *testing.T, h host, url string) {
		h.commit("main", "Begin", map[string]string{"a": "1"})
		r, conn := client(t, h)
		w := clone(t, url)
		w.git("checkout", "-q", "--orphan", "long")
		for i := range 6 {
			w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprint("Step ", i))
		}
		w.git("merge", "-q", "--no-edit", "--allow-unrelated-histories", "origin/main")
		main := h.commit("main", "Go on", map[string]string{"b": "2"})
		tips(t, r, "main")
		w.git("push", "-q", "origin", "long")
		tip := tips(t, r, "main", "long")["long"]
		same(t, "files", map[string]string{"a": "1"}, seen(t, r, tip))
		same(t, "objects", []int{6, 7}, conn.fetched)
		raw := fetchRaw(t, h, lines("want "+string(tip)+" side-band-64k\n", "", "have "+main+"\n", "done\n"))
		same(t, "objects for who says less", 7, packed(raw))
	})
}

func TestInstalledGitPushes(t *testing.T) {
	installed(t, func(t *testing.T, h host, url string) {
		w := clone(t, url) // of nothing
		w.git("checkout", "-q", "-b", "main")
		first := w.commit("dir/a", strings.Repeat("a line that is long enough for deltas\n", 2000))
		w.git("push", "-q", "origin", "main")
		same(t, "tip", first, h.tip("main"))
		second := w.commit("dir/a", strings.Repeat("a line that is long enough for deltas\n", 2000)+"and one more\n")
		w.git("push", "-q", "origin", "main", "main:refs/heads/copy") // a thin pack
		same(t, "tip", second, h.tip("copy"))
		same(t, "lines", 2001, strings.Count(h.files("main")["dir/a"], "\n"))
		w.commit("large", incompressible(3<<20))
		w.git("-c", "http.postBuffer=8388608", "push", "-q", "origin", "main") // the real one here takes no chunks
		same(t, "size", 3<<20, len(h.files("main")["large"]))

		h.commit("main", "Theirs", map[string]string{"b": "2"})
		ours := w.commit("c", "3")
		w.fails("fetch first", "push", "origin", "main")
		w.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
		w.git("push", "-q", "origin", "main")
		same(t, "a merge", w.git("rev-parse", "HEAD"), h.tip("main"))
		same(t, "files", []string{"2", "3"}, []string{h.files("main")["b"], h.files("main")["c"]})

		w.git("reset", "-q", "--hard", first)
		w.fails("non-fast-forward", "push", "origin", "main")
		w.fails("stale info", "push", "--force-with-lease=main:"+ours, "origin", "main")
		w.git("push", "-q", "--force", "origin", "main")
		same(t, "after force", first, h.tip("main"))
		w.git("push", "-q", "origin", "--delete", "copy")
		same(t, "deleted", "", h.tip("copy"))
		w.fails("remote ref does not exist", "push", "-q", "origin", "--delete", "copy")
		other := clone(t, url)
		same(t, "cloned", first, other.git("rev-parse", "HEAD"))
		other.git("fsck", "--strict")
	})
}

func TestInstalledGitIsRefused(t *testing.T) {
	installed(t, func(t *testing.T, h host, url string) {
		begin := h.commit("main", "Begin", map[string]string{"a": "1"})
		w := clone(t, url)
		tip := w.commit("b", "2")
		h.refuse("declined by the platform team")
		w.fails("declined", "push", "origin", "main")
		same(t, "tip", begin, h.tip("main"))
		h.refuse("")
		// All or nothing: main/below cannot be beside main.
		w.fails("atomic", "push", "--atomic", "origin", "main", "main:refs/heads/main/below")
		same(t, "tip", begin, h.tip("main"))
		w.fails("main/below", "push", "origin", "main", "main:refs/heads/main/below")
		same(t, "tip of what could be", tip, h.tip("main"))
	})
}

// incompressible gives as many characters.
func incompressible(size int) string {
	state, out := uint32(1), make([]byte, size)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = byte(state>>24)&0x3f + '0'
	}
	return string(out)
}

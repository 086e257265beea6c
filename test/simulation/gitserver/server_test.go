package gitserver_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

const (
	none    = "0000000000000000000000000000000000000000"
	nowhere = "1111111111111111111111111111111111111111"
)

// lines writes lines of Git's protocol; an empty one is a flush.
func lines(texts ...string) string {
	var out strings.Builder
	for _, text := range texts {
		if text == "" {
			out.WriteString("0000")
			continue
		}
		fmt.Fprintf(&out, "%04x%s", len(text)+4, text)
	}
	return out.String()
}

// ask sends a service a request as it stands.
func ask(t *testing.T, s *gitserver.Server, service, request string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/any/where/"+service, strings.NewReader(request))
	r.Header.Set("Content-Type", "application/x-"+service+"-request")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	same(t, "status", http.StatusOK, w.Code)
	return w.Body.String()
}

func TestWhatIsListed(t *testing.T) {
	h := newSimulated(t)
	list := func(service string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/any/where/info/refs?service="+service, nil))
		same(t, "kind", "application/x-"+service+"-advertisement", w.Header().Get("Content-Type"))
		return w.Body.String()
	}
	if got := list("git-receive-pack"); !strings.Contains(got, none+" capabilities^{}\x00report-status") {
		t.Errorf("of nothing: %q", got)
	}
	b, a := h.commit("main", "Begin", map[string]string{"a": "1"}), h.commit("a", "Begin", map[string]string{"a": "2"})
	for service, want := range map[string][]string{
		"git-upload-pack":  {b + " HEAD\x00", " symref=HEAD:refs/heads/main ", a + " refs/heads/a\n", b + " refs/heads/main\n"},
		"git-receive-pack": {a + " refs/heads/a\x00", " atomic ", b + " refs/heads/main\n"},
	} {
		rest := list(service)
		for _, part := range want {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Errorf("%s: %q does not come next in %q", service, part, rest)
			}
			rest = after
		}
	}
}

// Both hosts answer what a client has in the same words.
func TestNegotiation(t *testing.T) {
	hosts(t, func(t *testing.T, h host) {
		older := h.commit("main", "One", map[string]string{"a": "1"})
		two := h.commit("main", "Two", map[string]string{"a": "2"})
		other := h.commit("other", "Other", map[string]string{"a": "3"})
		for _, c := range []struct {
			name, caps string
			told       []string
			want       string
		}{
			{"nothing, done", "multi_ack_detailed", []string{"", "done\n"}, "NAK"},
			{"nothing", "multi_ack_detailed", []string{"", ""}, "NAK"},
			{"a stranger", "multi_ack_detailed", []string{"", "have " + nowhere + "\n", ""}, "NAK"},
			{"all", "multi_ack_detailed", []string{"", "have older\n", ""}, "ACK older common, ACK older ready, NAK"},
			{"too little", "multi_ack_detailed", []string{"", "have other\n", ""}, "ACK other common, NAK"},
			{"both, done", "multi_ack_detailed", []string{"", "have other\n", "have older\n", "done\n"}, "ACK other common, ACK older common, ACK older"},
			{"more than enough", "multi_ack_detailed", []string{"", "have older\n", "have " + nowhere + "\n", ""}, "ACK older common, ACK nowhere ready, NAK"},
			{"two rounds", "multi_ack_detailed", []string{"", "have other\n", "", "have older\n", "done\n"}, "ACK other common, NAK"},
			{"older clients", "multi_ack", []string{"", "have older\n", "have " + nowhere + "\n", "done\n"}, "ACK older continue, ACK nowhere continue, ACK older"},
			{"oldest clients", "", []string{"", "have " + nowhere + "\n", "have older\n", "have other\n", "done\n"}, "ACK older"},
			{"oldest with nothing", "", []string{"", "have " + nowhere + "\n", "done\n"}, "NAK"},
		} {
			names := []string{"older", older, "other", other, "nowhere", nowhere}
			for i, line := range c.told {
				c.told[i] = strings.NewReplacer(names...).Replace(line)
			}
			said := strings.ReplaceAll(strings.Join(acknowledged(fetchRaw(t, h, lines(append([]string{"want " + two + " " + c.caps + "\n"}, c.told...)...))), ", "), "\n", "")
			for i := 0; i < len(names); i += 2 {
				said = strings.ReplaceAll(said, names[i+1], names[i])
			}
			same(t, c.name, c.want, said)
		}
	})
}

// fetchRaw sends a host a request for objects as it stands.
func fetchRaw(t *testing.T, h host, request string) []byte {
	t.Helper()
	url, by := h.reach()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/git-upload-pack", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	res, err := by.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := swap(&res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// acknowledged are the lines before a pack.
func acknowledged(answer []byte) (said []string) {
	for len(answer) >= 4 && !bytes.HasPrefix(answer, []byte("PACK")) {
		var size int
		if _, err := fmt.Sscanf(string(answer[:4]), "%04x", &size); err != nil || size < 4 || size > len(answer) {
			return append(said, fmt.Sprintf("malformed %q", answer))
		}
		said = append(said, string(answer[4:size]))
		answer = answer[size:]
	}
	return said
}

func TestRequestsThatAreNone(t *testing.T) {
	h := newSimulated(t)
	for _, c := range []struct {
		name, method, path, kind string
		want                     int
	}{
		{"old protocol", http.MethodGet, "/info/refs", "", http.StatusForbidden},
		{"unknown service", http.MethodGet, "/info/refs?service=git-archive", "", http.StatusForbidden},
		{"no kind", http.MethodPost, "/git-upload-pack", "text/plain", http.StatusUnsupportedMediaType},
		{"files", http.MethodGet, "/HEAD", "", http.StatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(c.method, c.path, nil)
			r.Header.Set("Content-Type", c.kind)
			h.ServeHTTP(w, r)
			same(t, "status", c.want, w.Code)
		})
	}
}

func TestPushesThatAreRefused(t *testing.T) {
	h := newSimulated(t)
	tip := h.commit("main", "Begin", map[string]string{"a": "1"})
	tree, err := h.Tree(tip)
	if err != nil {
		t.Fatal(err)
	}
	orphan, orphanPack := lacking(t)
	emptyPack := "PACK\x00\x00\x00\x02\x00\x00\x00\x00\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e"
	for _, c := range []struct{ name, command, pack, want string }{
		{"other value", nowhere + " " + tip + " refs/heads/main", emptyPack, "ng refs/heads/main failed to update ref"},
		{"begun already", none + " " + tip + " refs/heads/main", emptyPack, "ng refs/heads/main failed to update ref"},
		{"no such object", tip + " " + nowhere + " refs/heads/main", emptyPack, "ng refs/heads/main missing necessary objects"},
		{"no commit", tip + " " + tree + " refs/heads/main", emptyPack, "ng refs/heads/main cannot be updated"},
		{"no branch", none + " " + tip + " refs/tags/v1", emptyPack, "ng refs/tags/v1 funny refname"},
		{"no name", none + " " + tip + " refs/heads/a..b", emptyPack, "ng refs/heads/a..b funny refname"},
		{"in the way", none + " " + tip + " refs/heads/main/x", emptyPack, "ng refs/heads/main/x failed to update ref"},
		{"lacks its folder", tip + " " + orphan + " refs/heads/main", orphanPack, "ng refs/heads/main missing necessary objects"},
		{"torn pack", tip + " " + tip + " refs/heads/main", emptyPack[:31] + "x", "unpack pack is corrupted"},
		{"cut pack", tip + " " + tip + " refs/heads/main", emptyPack[:20], "unpack early EOF"},
		{"nonsense", "please", "", "ERR receive-pack: protocol error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pushed := 0
			h.Pushed = func(gitserver.Push) { pushed++ }
			got := ask(t, h.Server, "git-receive-pack", lines(c.command+"\x00report-status", "")+c.pack)
			if !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			same(t, "branches", []string{"main"}, h.Branches())
			same(t, "tip", tip, h.Tip("main"))
			same(t, "pushes", 0, pushed)
		})
	}
	t.Run("nothing asked", func(t *testing.T) {
		same(t, "answer", "", ask(t, h.Server, "git-receive-pack", "0000"))
	})
}

// lacking gives a commit without its folder, and a pack of it.
func lacking(t *testing.T) (hash, pack string) {
	t.Helper()
	text := "tree " + nowhere + "\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nm\n"
	sum := sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(text), text))
	var out bytes.Buffer
	out.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x01")
	out.Write([]byte{0x90 | byte(len(text)&0xf), byte(len(text) >> 4)}) // a commit of less than 2 KiB
	z := zlib.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	end := sha1.Sum(out.Bytes())
	return hex.EncodeToString(sum[:]), out.String() + string(end[:])
}

// Whoever listens is told of each branch that a client moved, and may refuse it.
func TestPushesAreTold(t *testing.T) {
	h := newSimulated(t)
	var told []gitserver.Push
	h.Pushed = func(p gitserver.Push) {
		same(t, "tip when it is told", p.New, h.Tip(p.Branch))
		told = append(told, p)
	}
	begin := h.commit("ledger", "Begin", map[string]string{"a": "1"}) // is no push
	r, _ := client(t, h)
	second := push(t, r, ledger(tips(t, r, "ledger")["ledger"], "b", "2"))
	d := ledger("", "c", "3")
	d.Branch = "status"
	status := push(t, r, d)
	h.Refuse = func(p gitserver.Push) error {
		if p.Branch == "ledger" {
			return errors.New("not\nthat one")
		}
		return nil
	}
	if _, err := r.Push(t.Context(), ledger(second, "d", "4")); !errors.Is(err, git.ErrRejected) || !strings.Contains(err.Error(), "not that one") {
		t.Errorf("got %v, want a rejection", err)
	}
	ask(t, h.Server, "git-receive-pack", lines(string(status)+" "+none+" refs/heads/status\x00report-status delete-refs", ""))
	same(t, "pushes", []gitserver.Push{
		{Branch: "ledger", Old: begin, New: string(second)},
		{Branch: "status", New: string(status)},
		{Branch: "status", Old: string(status)},
	}, told)
}

func TestWhatPeopleSee(t *testing.T) {
	h := newSimulated(t)
	first := h.commit("main", "Begin\n\nAt length.", map[string]string{"a": "1", "dir/b": "2"})
	second := h.commit("main", "Go on", map[string]string{"dir/b": "3"})
	back := h.commit("main", "Go back", map[string]string{"dir/b": "2"})
	same(t, "log", []string{back, second, first}, h.Log("main"))
	same(t, "log of no branch", nil, h.Log("other"))
	parents, err := h.Parents(back)
	same(t, "parents", []string{second}, parents)
	same(t, "error", nil, err)
	message, err := h.Message(first)
	same(t, "message", "Begin\n\nAt length.\n", message)
	same(t, "error", nil, err)
	one, _ := h.Tree(first)
	three, err := h.Tree(back)
	same(t, "equal trees", one, three)
	same(t, "error", nil, err)
	same(t, "files", map[string]string{"a": "1", "dir/b": "2"}, h.files("main"))

	for what, err := range map[string]error{
		"move to nowhere":   h.Move("main", nowhere),
		"move in the way":   h.Move("main/x", first),
		"files of nothing":  errorOf(h.Files(nowhere)),
		"parents of a tree": errorOf(h.Parents(one)),
		"message of none":   errorOf(h.Message("")),
		"commit in the way": errorOf(h.Commit("main/x", nil, "No")),
		"commit above":      errorOf(h.Commit("main", map[string][]byte{"../x": nil}, "No")),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	same(t, "tip", back, h.Tip("main"))
}

func errorOf[T any](_ T, err error) error { return err }

// The same history has the same commits, whoever plays it and when.
func TestCommitsAreAFunctionOfWhatWasDone(t *testing.T) {
	h := newSimulated(t)
	tip := h.commit("main", "Begin", map[string]string{"fleet.yaml": "kind: Fleet\n", "tenants/web/acme/tenant.yaml": "kind: Tenant\n"})
	same(t, "commit", "d0f252a49d381a65bc3ab84ad91cf3767ecf966f", tip)
}

func TestChunksAreTaken(t *testing.T) {
	t.Parallel()
	h := newSimulated(t)
	w := clone(t, listen(t, h.Server))
	w.git("checkout", "-q", "-b", "main")
	tip := w.commit("large", incompressible(3<<20))
	w.git("push", "-q", "origin", "main") // git asks first whether it may
	same(t, "tip", tip, h.Tip("main"))
	if !bytes.Equal([]byte(h.files("main")["large"]), []byte(incompressible(3<<20))) {
		t.Error("the content differs")
	}
}

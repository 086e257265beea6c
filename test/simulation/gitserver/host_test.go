package gitserver_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// host is a Git host, simulated or real, as the people have it who work there.
type host interface {
	content
	// commit lays files (empty: remove) on a branch.
	commit(branch, message string, files map[string]string) string
	move(branch, hash string)
	// refuse has pushes refused for a reason; empty ends that.
	refuse(reason string)
	// reach says where clients find it, and by what transport.
	reach() (url string, by http.RoundTripper)
}

// content is what people see at a host.
type content interface {
	tip(branch string) string
	files(branch string) map[string]string
	subjects(branch string) []string
}

// hosts runs a test against both; against the simulated one in virtual time, as
// simulations do.
func hosts(t *testing.T, test func(t *testing.T, h host)) {
	t.Parallel()
	t.Run("simulated", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, newSimulated(t)) })
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		test(t, newGenuine(t))
	})
}

type simulated struct {
	t *testing.T
	*gitserver.Server
	now time.Time
}

func newSimulated(t *testing.T) *simulated {
	t.Helper()
	h := &simulated{t: t, now: noon}
	h.Server = gitserver.New(gitserver.Options{Now: func() time.Time { return h.now }})
	return h
}

func (h *simulated) commit(branch, message string, files map[string]string) string {
	h.t.Helper()
	lay := map[string][]byte{}
	for path, data := range files {
		if lay[path] = nil; data != "" {
			lay[path] = []byte(data)
		}
	}
	tip, err := h.Commit(branch, lay, message)
	if err != nil {
		h.t.Fatal(err)
	}
	return tip
}

func (h *simulated) move(branch, hash string) {
	h.t.Helper()
	if err := h.Move(branch, hash); err != nil {
		h.t.Fatal(err)
	}
}

func (h *simulated) tip(branch string) string { return h.Tip(branch) }

func (h *simulated) files(branch string) map[string]string {
	h.t.Helper()
	files, err := h.Files(h.Tip(branch))
	if err != nil {
		h.t.Fatal(err)
	}
	texts := map[string]string{}
	for path, data := range files {
		texts[path] = string(data)
	}
	return texts
}

func (h *simulated) subjects(branch string) []string {
	h.t.Helper()
	var subjects []string
	for _, commit := range h.Log(branch) {
		message, err := h.Message(commit)
		if err != nil {
			h.t.Fatal(err)
		}
		subject, _, _ := strings.Cut(message, "\n")
		subjects = append(subjects, subject)
	}
	return subjects
}

func (h *simulated) refuse(reason string) {
	h.Refuse = func(gitserver.Push) error { return errors.New(reason) }
	if reason == "" {
		h.Refuse = nil
	}
}

func (h *simulated) reach() (url string, by http.RoundTripper) {
	return "https://git.example.org/fleet.git", direct{h.Server}
}

// direct sends requests to a simulated host without a network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// genuine is served by git http-backend.
type genuine struct {
	t *testing.T
	*gittest.Fixture
}

func newGenuine(t *testing.T) *genuine {
	t.Helper()
	return &genuine{t, gittest.New(t, gittest.Options{})}
}

func (h *genuine) commit(branch, message string, files map[string]string) string {
	h.t.Helper()
	tip, err := h.Commit(branch, message+"\n", files)
	if err != nil {
		h.t.Fatal(err)
	}
	return tip
}

func (h *genuine) move(branch, hash string) {
	h.t.Helper()
	if err := h.SetBranch(branch, hash); err != nil {
		h.t.Fatal(err)
	}
}

func (h *genuine) tip(branch string) string {
	h.t.Helper()
	return h.MustTip(branch)
}

func (h *genuine) files(branch string) map[string]string {
	h.t.Helper()
	return h.MustFiles(branch)
}

func (h *genuine) subjects(branch string) []string {
	h.t.Helper()
	subjects, err := h.Log(branch)
	if err != nil {
		h.t.Fatal(err)
	}
	return subjects
}

func (h *genuine) refuse(reason string) {
	h.t.Helper()
	if err := h.Refuse(reason); err != nil {
		h.t.Fatal(err)
	}
}

func (h *genuine) reach() (url string, by http.RoundTripper) { return h.URL, http.DefaultTransport }

// wire is the way between a client and either host, and what goes wrong there.
type wire struct {
	to http.RoundTripper
	// Called once, before the next push or fetch of objects is carried out, and after a
	// push was, before anybody hears of it.
	beforePush, afterPush, beforeFetch func()
	// The next pushes that are lost on the way there, or whose answers are on the way back.
	losePushes, loseAnswers int
	// asked counts requests; objects are how many each fetch and push moved.
	asked           map[string]int
	fetched, pushed []int
}

var errLost = errors.New("connection reset by peer")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := r.Method + " " + r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	w.asked[kind]++
	switch kind {
	case "POST git-receive-pack":
		return w.push(r)
	case "POST git-upload-pack":
		once(&w.beforeFetch)
		res, err := w.to.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		content, err := swap(&res.Body)
		w.fetched = append(w.fetched, packed(content))
		return res, err
	}
	return w.to.RoundTrip(r)
}

func (w *wire) push(r *http.Request) (*http.Response, error) {
	once(&w.beforePush)
	if w.losePushes > 0 {
		w.losePushes--
		return nil, errLost
	}
	content, err := swap(&r.Body)
	if err != nil {
		return nil, err
	}
	w.pushed = append(w.pushed, packed(content))
	res, err := w.to.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if _, err := swap(&res.Body); err != nil {
		return nil, err
	}
	once(&w.afterPush)
	if w.loseAnswers > 0 {
		w.loseAnswers--
		return nil, errors.Join(errLost, res.Body.Close())
	}
	return res, nil
}

func once(do *func()) {
	if call := *do; call != nil {
		*do = nil
		call()
	}
}

// swap reads a body and puts back one that can be read.
func swap(body *io.ReadCloser) ([]byte, error) {
	content, err := io.ReadAll(*body)
	closed := (*body).Close()
	*body = io.NopCloser(bytes.NewReader(content))
	return content, errors.Join(err, closed)
}

// packed is how many objects a message says that its pack has.
func packed(message []byte) int {
	_, rest, found := bytes.Cut(message, []byte("PACK\x00\x00\x00\x02"))
	if !found {
		return 0
	}
	return int(binary.BigEndian.Uint32(rest))
}

// client opens a host's repository by a wire of its own.
func client(t *testing.T, h host) (*git.Repository, *wire) {
	t.Helper()
	url, by := h.reach()
	w := &wire{to: by, asked: map[string]int{}}
	r, err := git.Open(t.Context(), git.Options{URL: url, CacheDir: t.TempDir(), Transport: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, w
}

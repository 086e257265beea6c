package git_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

// canary must never be seen in an error.
const canary = "s3cr3t-canary"

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		opts         git.Options
		says         string
	}{
		{"nothing", "there is no default repository", git.Options{}, "no URL"},
		{"ssh", "it is not there yet", git.Options{URL: "ssh://git@example.org/fleet"}, "SSH is not supported yet"},
		{"scp-like", "the same by its short form", git.Options{URL: "git@example.org:acme/fleet.git"}, "SSH is not supported yet"},
		{"file", "go-git would run git for it", git.Options{URL: "file:///srv/fleet"}, "give the path itself"},
		{"git", "nobody is authenticated", git.Options{URL: "git://example.org/fleet"}, "not supported"},
		{"plain http", "credentials in the clear", git.Options{URL: "http://example.org/fleet"}, "plain HTTP"},
		{"a name that is no loopback", "localhost.example.org is anybody", git.Options{URL: "http://localhost.example.org/fleet"}, "plain HTTP"},
		{"credentials", "they would be in logs", git.Options{URL: "https://me:" + canary + "@example.org/fleet"}, "password file"},
		{"a token", "the same with a name only", git.Options{URL: "https://" + canary + "@example.org/fleet"}, "password file"},
		{"malformed with credentials", "the parser's own error shows them", git.Options{URL: "https://me:" + canary + "@exa mple.org:x/%zz"}, "malformed URL"},
		{"query", "paths are appended to it", git.Options{URL: "https://example.org/fleet?token=" + canary}, "nothing may follow"},
		{"no host", "", git.Options{URL: "https:///fleet"}, "without a host"},
		{"two passwords", "which one is meant", git.Options{URL: "https://example.org/fleet", Password: canary, PasswordFile: "p"}, "not both"},
		{"author", "it would forge a header", git.Options{URL: "https://example.org/fleet", Author: "a\ncommitter b"}, "must not contain"},
		{"no CA file", "", git.Options{URL: "https://example.org/fleet", CAFile: "/does/not/exist"}, "read CA certificates"},
		{"no repository", "a folder is not enough", git.Options{URL: "."}, "not a Git repository"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := git.Open(t.Context(), c.opts)
			if err == nil {
				_ = r.Close()
				t.Fatalf("%s: opened", c.reason)
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: got %q, want it to say %q and nothing secret", c.reason, err, c.says)
			}
		})
	}
}

func TestSHA256IsRefused(t *testing.T) {
	remote := gittest.New(t, gittest.Options{}, "--object-format=sha256")
	for _, filled := range []bool{false, true} {
		if filled {
			remote.MustCommit("main", map[string]string{"a": "1"})
		}
		if _, err := git.Open(t.Context(), git.Options{URL: remote.Dir}); err == nil || !strings.Contains(err.Error(), "SHA256") {
			t.Errorf("local, filled %t: got %v, want a refusal", filled, err)
		}
		r := open(t, git.Options{URL: remote.URL})
		if tips, err := r.Fetch(t.Context(), "main"); filled && (err == nil || !strings.Contains(err.Error(), "SHA256")) {
			t.Errorf("fetch: got %v, %v, want a refusal", tips, err) // older servers say nothing about an empty repository
		}
		if _, err := r.Push(t.Context(), draft("", "a", "1")); err == nil || !strings.Contains(err.Error(), "SHA256") {
			t.Errorf("push, filled %t: got %v, want a refusal", filled, err)
		}
	}
}

func TestAuthentication(t *testing.T) {
	remote := gittest.New(t, gittest.Options{Username: "git", Password: canary})
	tip := remote.MustCommit("ledger", map[string]string{"a": "1"})
	wrong := open(t, git.Options{URL: remote.URL, Password: canary + "-wrong"})
	for name, r := range map[string]*git.Repository{"no password": open(t, git.Options{URL: remote.URL}), "a wrong one": wrong} {
		_, err := r.Fetch(t.Context(), "ledger")
		if !errors.Is(err, git.ErrAuth) || errors.Is(err, git.ErrUnreachable) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v, want ErrAuth without the password", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "password")
	r := open(t, git.Options{URL: remote.URL, PasswordFile: file})
	if _, err := r.Fetch(t.Context(), "ledger"); !errors.Is(err, git.ErrAuth) {
		t.Errorf("no password file: got %v, want ErrAuth", err)
	}
	for _, rotation := range []struct {
		text string
		want error
	}{{"old", git.ErrAuth}, {canary + "\n", nil}, {"", git.ErrAuth}} {
		if err := os.WriteFile(file, []byte(rotation.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Fetch(t.Context(), "ledger"); !errors.Is(err, rotation.want) {
			t.Errorf("with %q in the file: got %v, want %v", rotation.text, err, rotation.want)
		}
	}
	if _, err := r.Push(t.Context(), draft(git.Hash(tip), "b", "2")); !errors.Is(err, git.ErrAuth) {
		t.Errorf("push: got %v, want ErrAuth", err)
	}
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), draft(git.Hash(tip), "b", "2")); err != nil {
		t.Error(err)
	}
}

// Whatever a server answers, an error is not an empty set of branches, and nothing
// secret is in it.
func TestOddServers(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		handler      http.HandlerFunc
		want         error
		says         string
	}{
		{"not found", "hosts hide what one may not see", http.NotFound, git.ErrUnreachable, "may not see it"},
		{"forbidden", "", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no\nentry", http.StatusForbidden) }, git.ErrAuth, "no entry"},
		{"rate limited", "waiting helps, other credentials do not", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			http.Error(w, "slow down", http.StatusForbidden)
		}, git.ErrUnreachable, "retry after 60"},
		{"broken", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, git.ErrUnreachable, "502"},
		{"a login page", "200 and HTML", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>please log in")) }, git.ErrUnreachable, "not a Git server"},
		{"empty", "", func(http.ResponseWriter, *http.Request) {}, git.ErrUnreachable, "EOF"},
		{"cut list", "the branch may be in what is missing", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000004d" + strings.Repeat("1", 40) + " refs/heads/other\x00side-band-64k"))
		}, git.ErrUnreachable, "EOF"},
		{"list without an end", "the same between two lines", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000" + "0049" + strings.Repeat("1", 40) + " refs/heads/other\x00side-band-6"))
		}, git.ErrUnreachable, "EOF"},
		{"an error in the protocol", "", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n00000014ERR go \x1b[31maway"))
		}, git.ErrUnreachable, "go [31maway"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			r := open(t, git.Options{URL: server.URL + "/fleet", Username: "me", Password: canary})
			tips, err := r.Fetch(t.Context(), "main")
			if !errors.Is(err, c.want) || tips != nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: got %v, %v, want %v saying %q", c.reason, tips, err, c.want, c.says)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with Authorization %q", r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	server := httptest.NewServer(http.RedirectHandler(thief.URL+"/new/info/refs?x="+canary, http.StatusMovedPermanently))
	defer server.Close()
	r := open(t, git.Options{URL: server.URL + "/fleet", Username: "me", Password: canary})
	_, err := r.Fetch(t.Context(), "main")
	if !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), thief.URL+"/new:") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v, want ErrUnreachable that says where to", err)
	}
}

func TestSilenceIsGivenUp(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("main", map[string]string{"a": "1"})
	r := open(t, git.Options{URL: remote.URL, Timeout: 100 * time.Millisecond})
	remote.Fail(gittest.Faults{Hang: true})
	if _, err := r.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) {
		t.Errorf("no answer: got %v, want ErrUnreachable", err)
	}
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer half.Close()
	r = open(t, git.Options{URL: half.URL, Timeout: 100 * time.Millisecond})
	if _, err := r.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), "silent") {
		t.Errorf("half an answer: got %v, want ErrUnreachable that says so", err)
	}
}

func TestCutFetchLeavesNothingBehind(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("main", map[string]string{"a": strings.Repeat("incompressible? ", 1000), "b": "2"})
	r := open(t, git.Options{URL: remote.URL})
	for cut := 1; cut < 300; cut += 37 {
		remote.Fail(gittest.Faults{CutFetches: cut})
		if tips, err := r.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) {
			t.Fatalf("cut after %d bytes: got %v, %v, want ErrUnreachable", cut, tips, err)
		}
	}
	remote.Fail(gittest.Faults{})
	if got := contents(t, revision(t, r, fetch(t, r, "main")["main"])); got["b"] != "2" {
		t.Errorf("files: %v", got)
	}
	if s := r.Stats(); s.Rebuilds != 0 || s.Transfers != 1 {
		t.Errorf("stats %+v, want no rebuild", s)
	}
}

func TestPrivateAuthority(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	tip := remote.MustCommit("main", map[string]string{"a": "1"})
	server := httptest.NewTLSServer(remote.Server)
	defer server.Close()
	url := server.URL + "/fleet.git"
	if _, err := open(t, git.Options{URL: url}).Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: got %v, want ErrUnreachable", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, open(t, git.Options{URL: url, CAFile: ca}), "main")["main"]; got != git.Hash(tip) {
		t.Errorf("tip %s, want %s", got, tip)
	}
}

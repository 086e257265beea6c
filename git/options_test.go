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
		{"ssh without a key", "agents and passwords are not used", git.Options{URL: "ssh://git@example.org/fleet", KnownHostsFile: "k"}, "file of a private key"},
		{"scp-like", "the same by its short form", git.Options{URL: "git@example.org:acme/fleet.git", KnownHostsFile: "k"}, "file of a private key"},
		{"ssh without known hosts", "nothing is trusted at first sight", git.Options{URL: "git@example.org:acme/fleet.git", Read: git.Credentials{KeyFile: "k"}}, "known hosts file"},
		{"ssh with a password in the URL", "", git.Options{URL: "ssh://git:" + canary + "@example.org/fleet"}, "a password in the URL"},
		{"ssh with a password", "", git.Options{URL: "ssh://git@example.org/fleet", Read: git.Credentials{KeyFile: "k", Password: canary}}, "for https:// URLs"},
		{"ssh without a path", "", git.Options{URL: "ssh://git@example.org/"}, "without a path"},
		{"ssh without a host", "", git.Options{URL: "ssh:///fleet"}, "without a host"},
		{"scp-like without a path", "", git.Options{URL: "git@example.org:"}, "want user@host:path"},
		{"ssh with no key there", "", git.Options{URL: "ssh://git@example.org/fleet", KnownHostsFile: "k", Read: git.Credentials{KeyFile: "/does/not/exist"}}, "read SSH key"},
		{"a key for https", "it would not be used", git.Options{URL: "https://example.org/fleet", Read: git.Credentials{KeyFile: "k"}}, "for ssh:// URLs"},
		{"a key for writing to https", "the same for pushing only", git.Options{URL: "https://example.org/fleet", Write: git.Credentials{KeyFile: "k"}}, "credentials for writing"},
		{"a token and a password", "which one is meant", git.Options{URL: "https://example.org/fleet", Read: git.Credentials{TokenFile: "t", Username: "me"}}, "not both"},
		{"a passphrase for nothing", "", git.Options{URL: "https://example.org/fleet", SigningPassphraseFile: "p"}, "unlocks nothing"},
		{"file", "go-git would run git for it", git.Options{URL: "file:///srv/fleet"}, "give the path itself"},
		{"git", "nobody is authenticated", git.Options{URL: "git://example.org/fleet"}, "not supported"},
		{"plain http", "credentials in the clear", git.Options{URL: "http://example.org/fleet"}, "plain HTTP"},
		{"a name that is no loopback", "localhost.example.org is anybody", git.Options{URL: "http://localhost.example.org/fleet"}, "plain HTTP"},
		{"credentials", "they would be in logs", git.Options{URL: "https://me:" + canary + "@example.org/fleet"}, "password file"},
		{"a token", "the same with a name only", git.Options{URL: "https://" + canary + "@example.org/fleet"}, "password file"},
		{"malformed with credentials", "the parser's own error shows them", git.Options{URL: "https://me:" + canary + "@exa mple.org:x/%zz"}, "malformed URL"},
		{"query", "paths are appended to it", git.Options{URL: "https://example.org/fleet?token=" + canary}, "nothing may follow"},
		{"no host", "", git.Options{URL: "https:///fleet"}, "without a host"},
		{"two passwords", "which one is meant", git.Options{URL: "https://example.org/fleet", Read: git.Credentials{Password: canary, PasswordFile: "p"}}, "not both"},
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
		if _, err := git.Open(t.Context(), git.Options{URL: remote.Dir}); err == nil || !strings.Contains(err.Error(), "SHA256 object names") || !strings.Contains(err.Error(), "--object-format=sha1") {
			t.Errorf("local, filled %t: got %v, want a refusal", filled, err)
		}
		r := open(t, git.Options{URL: remote.URL})
		if tips, err := r.Fetch(t.Context(), "main"); filled && (err == nil || !strings.Contains(err.Error(), "SHA256 object names") || !strings.Contains(err.Error(), "--object-format=sha1")) {
			t.Errorf("fetch: got %v, %v, want a refusal", tips, err) // older servers say nothing about an empty repository
		}
		if _, err := r.Push(t.Context(), draft("", "a", "1")); err == nil || !strings.Contains(err.Error(), "SHA256 object names") || !strings.Contains(err.Error(), "--object-format=sha1") {
			t.Errorf("push, filled %t: got %v, want a refusal", filled, err)
		}
	}
}

func TestAuthentication(t *testing.T) {
	remote := gittest.New(t, gittest.Options{Username: "git", Password: canary})
	tip := remote.MustCommit("ledger", map[string]string{"a": "1"})
	wrong := open(t, git.Options{URL: remote.URL, Read: git.Credentials{Password: canary + "-wrong"}})
	for name, r := range map[string]*git.Repository{"no password": open(t, git.Options{URL: remote.URL}), "a wrong one": wrong} {
		_, err := r.Fetch(t.Context(), "ledger")
		if !errors.Is(err, git.ErrAuth) || errors.Is(err, git.ErrUnreachable) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v, want ErrAuth without the password", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "password")
	r := open(t, git.Options{URL: remote.URL, Read: git.Credentials{PasswordFile: file}})
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
			r := open(t, git.Options{URL: server.URL + "/fleet", Read: git.Credentials{Username: "me", Password: canary}})
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
	server := httptest.NewServer(http.RedirectHandler(thief.URL+"/new%1b%0a/info/refs?x="+canary, http.StatusMovedPermanently))
	defer server.Close()
	r := open(t, git.Options{URL: server.URL + "/fleet", Read: git.Credentials{Username: "me", Password: canary}})
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

package git_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func TestReadingAndWritingTakeDifferentCredentials(t *testing.T) {
	remote := gittest.New(t, gittest.Options{Username: "reader", Password: "r", WriteUsername: "writer", WritePassword: canary})
	tip := git.Hash(remote.MustCommit("ledger", map[string]string{"a": "1"}))
	opts := git.Options{URL: remote.URL, Read: git.Credentials{Username: "reader", Password: "r"}}
	reader := open(t, opts)
	fetch(t, reader, "ledger")
	if _, err := reader.Push(t.Context(), draft(tip, "b", "2")); !errors.Is(err, git.ErrAuth) {
		t.Errorf("push as who may only read: got %v, want ErrAuth", err)
	}
	opts.Write = git.Credentials{Username: "writer", Password: canary}
	both := open(t, opts)
	fetch(t, both, "ledger")
	if _, err := both.Push(t.Context(), draft(tip, "b", "2")); err != nil {
		t.Fatal(err)
	}
	opts.Read = opts.Write
	if _, err := open(t, opts).Fetch(t.Context(), "ledger"); !errors.Is(err, git.ErrAuth) || strings.Contains(err.Error(), canary) {
		t.Errorf("fetch as who may only write: got %v, want ErrAuth: the server tells them apart", err)
	}
}

func TestBearerToken(t *testing.T) {
	remote := gittest.New(t, gittest.Options{Token: canary})
	remote.MustCommit("main", map[string]string{"a": "1"})
	file := filepath.Join(t.TempDir(), "token")
	r := open(t, git.Options{URL: remote.URL, Read: git.Credentials{TokenFile: file}})
	for _, c := range []struct {
		token string
		want  error
	}{{"", git.ErrAuth}, {"other", git.ErrAuth}, {canary + "\n", nil}} {
		write(t, file, c.token)
		if _, err := r.Fetch(t.Context(), "main"); !errors.Is(err, c.want) || err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("with %q: got %v, want %v", c.token, err, c.want)
		}
	}
}

// A token that expires between two requests of a push is read again, and the push goes
// on: once, and only when there is another one.
func TestTokenExpiresInTheMiddleOfAPush(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		next         string
		want         error
		pushes       int
	}{
		{"renewed", "whoever rotates tokens writes the new one first", canary, nil, 2},
		{"not renewed", "asking again with the same token is pointless", "old", git.ErrAuth, 1},
		{"renewed with a wrong one", "", "wrong", git.ErrAuth, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			remote := gittest.New(t, gittest.Options{Token: "old"})
			tip := git.Hash(remote.MustCommit("ledger", map[string]string{"a": "1"}))
			file := filepath.Join(t.TempDir(), "token")
			write(t, file, "old")
			r := open(t, git.Options{URL: remote.URL, Read: git.Credentials{TokenFile: file}})
			fetch(t, r, "ledger")
			remote.Fail(gittest.Faults{BeforePush: func() {
				remote.Demand(gittest.Options{Token: canary})
				write(t, file, c.next)
			}})
			_, err := r.Push(t.Context(), draft(tip, "b", "2"))
			if !errors.Is(err, c.want) || remote.Requests()["push"] != c.pushes {
				t.Errorf("%s: got %v after %d requests, want %v after %d", c.reason, err, remote.Requests()["push"], c.want, c.pushes)
			}
			if err == nil && len(log(t, remote)) != 2 {
				t.Errorf("log %q, want one commit more", log(t, remote))
			}
		})
	}
}

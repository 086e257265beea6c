package git

import (
	"path/filepath"
	"testing"

	"github.com/tenantry/tenantry/git/gittest"
)

func TestAddressesOfSSH(t *testing.T) {
	dir := t.TempDir()
	o := Options{KnownHostsFile: filepath.Join(dir, "known_hosts"), Read: Credentials{KeyFile: filepath.Join(dir, "key")}}
	if _, err := gittest.NewKey(o.Read.KeyFile, ""); err != nil {
		t.Fatal(err)
	}
	if err := disposable(o.KnownHostsFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, user, address, path, host string }{
		{"ssh://git@example.org/acme/fleet.git", "git", "example.org:22", "/acme/fleet.git", "example.org"},
		{"ssh://deploy@Example.org:2222/fleet", "deploy", "Example.org:2222", "/fleet", "example.org:2222"},
		{"git+ssh://example.org/fleet", "git", "example.org:22", "/fleet", "example.org"},
		{"ssh://git@[::1]:2222/fleet", "git", "[::1]:2222", "/fleet", "[::1]:2222"},
		{"ssh://me@example.org/~me/fleet", "me", "example.org:22", "~me/fleet", "example.org"},
		{"git@example.org:acme/fleet.git", "git", "example.org:22", "acme/fleet.git", "example.org"},
		{"example.org:/srv/fleet.git", "git", "example.org:22", "/srv/fleet.git", "example.org"},
	} {
		o.URL = c.url
		where, _, err := o.locate()
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		s, err := newSSH(where, o)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if s.user != c.user || s.address != c.address || s.path != c.path || o.Host() != c.host {
			t.Errorf("%s: got user %s, address %s, path %s, host %s", c.url, s.user, s.address, s.path, o.Host())
		}
	}
	if got := quote("it's!"); got != `'it'\''s'\!''` {
		t.Errorf("quoted: %s", got)
	}
}

package git

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func newHostKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// The forms of lines that operators publish and ssh-keyscan writes.
func TestKnownHostsFile(t *testing.T) {
	const address = "git.example.com:2222"
	own, other, authority := newHostKey(t), newHostKey(t), newHostKey(t)
	certificate := &ssh.Certificate{
		Key: own.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"git.example.com"}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	text := func(key ssh.Signer) string {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	}
	hashed := knownhosts.HashHostname(knownhosts.Normalize(address))
	for _, c := range []struct {
		name, reason, lines string
		shows               ssh.PublicKey
		says                string // empty: accepted
		asks                string // the algorithm that is asked for first; empty: any
	}{
		{"plain", "", "[git.example.com]:2222 " + text(own), own.PublicKey(), "", ssh.KeyAlgoED25519},
		{"hashed", "nobody learns from the file which hosts there are", hashed + " " + text(own), own.PublicKey(), "", ssh.KeyAlgoED25519},
		{"several keys", "one of them is enough", "[git.example.com]:2222 " + text(other) + "\n[git.example.com]:2222 " + text(own), own.PublicKey(), "", ssh.KeyAlgoED25519},
		{"another port", "it is another host", "git.example.com " + text(own), own.PublicKey(), "is unknown", ""},
		{"authority", "its certificates are as good as keys", "@cert-authority [git.example.com]:2222 " + text(authority), certificate, "", ssh.CertAlgoED25519v01},
		{"another authority", "", "@cert-authority [git.example.com]:2222 " + text(other), certificate, "shows the key", ssh.CertAlgoED25519v01},
		{"the authority's own key", "it is no host's", "@cert-authority [git.example.com]:2222 " + text(authority), authority.PublicKey(), "key of an authority", ssh.CertAlgoED25519v01},
		{"instead of a certificate", "", "@cert-authority [git.example.com]:2222 " + text(authority), other.PublicKey(), "ask its operators", ssh.CertAlgoED25519v01},
		{"another host's authority", "this host is known by its key, not by a certificate",
			"@cert-authority *.example.org " + text(authority) + "\n[git.example.com]:2222 " + text(own), own.PublicKey(), "", ssh.KeyAlgoED25519},
		{"authority and key", "a certificate is asked for first",
			"[git.example.com]:2222 " + text(own) + "\n@cert-authority *.example.com,[*.example.com]:2222 " + text(authority), own.PublicKey(), "", ssh.CertAlgoED25519v01},
		{"revoked", "", "@revoked * " + text(own) + "\n[git.example.com]:2222 " + text(own), own.PublicKey(), "revokes in line 1", ssh.KeyAlgoED25519},
		{"revoked authority", "", "@revoked * " + text(authority) + "\n@cert-authority [git.example.com]:2222 " + text(authority), certificate, "revoked", ssh.CertAlgoED25519v01},
		{"empty", "", "", own.PublicKey(), "is unknown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "known_hosts")
			writeKey(t, file, []byte(c.lines+"\n"))
			h, err := readHostKeys(file, address)
			if err != nil {
				t.Fatal(err)
			}
			err = h.check(address, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 2222}, c.shows)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%s: got %v, want it to say %q", c.reason, err, c.says)
			}
			if err != nil && !strings.Contains(err.Error(), ssh.FingerprintSHA256(c.shows)) {
				t.Errorf("%q does not give the fingerprint", err)
			}
			if first := slices.Concat(h.algorithms, []string{""})[0]; first != c.asks {
				t.Errorf("asks for %q, want %q first", h.algorithms, c.asks)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	writeKey(t, file, []byte("git.example.com ssh-ed25519\n"))
	if _, err := readHostKeys(file, address); err == nil || !strings.Contains(err.Error(), file+":1") {
		t.Errorf("a malformed line: got %v, want its place", err)
	}
}

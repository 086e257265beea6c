package git

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys are what is known of one SSH host. Nothing is ever learned: the first
// contact is the one that an attacker would wait for.
type hostKeys struct {
	file       string
	callback   ssh.HostKeyCallback
	algorithms []string // that are asked for; nil when no key is known
	refused    error    // why the host's key was not accepted
	// authorities are the keys whose lines stand for certificates, not for a host.
	authorities map[string]bool
}

// readHostKeys reads the file anew, so that it may be corrected while we run.
func readHostKeys(file, address string) (*hostKeys, error) {
	callback, err := knownhosts.New(file)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %s", strings.TrimPrefix(err.Error(), "knownhosts: "))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	h := &hostKeys{file: file, callback: callback, authorities: map[string]bool{}}
	// A host with keys of several kinds must show one that we know, or it would seem
	// to have changed. Which ones we know is what a question about a wrong key tells.
	keys, wrong := errors.AsType[*knownhosts.KeyError](callback(address, &net.TCPAddr{IP: net.IPv4zero}, nobodysKey{}))
	if !wrong {
		return h, nil
	}
	lines := bytes.Split(text, []byte("\n"))
	var certified, plain []string
	for _, known := range keys.Want {
		if known.Line <= len(lines) && bytes.HasPrefix(bytes.TrimSpace(lines[known.Line-1]), []byte("@cert-authority")) {
			h.authorities[string(known.Key.Marshal())], certified = true, certificates()
			continue
		}
		for _, a := range algorithmsFor(known.Key.Type()) {
			if !slices.Contains(plain, a) {
				plain = append(plain, a)
			}
		}
	}
	h.algorithms = append(certified, plain...)
	return h, nil
}

// algorithmsFor are the ways of signing with a key of a kind; not with SHA-1.
func algorithmsFor(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

func certificates() []string {
	return []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
}

// check accepts a host's key or keeps, and says, why not and what to do.
func (h *hostKeys) check(address string, remote net.Addr, key ssh.PublicKey) error {
	err := h.callback(address, remote, key)
	if err == nil && h.authorities[string(key.Marshal())] { // which the callback takes for a host's
		err = errors.New("that is the key of an authority, which only signs those of hosts")
	}
	if err == nil {
		return nil
	}
	host, shows := knownhosts.Normalize(address), key.Type()+" "+ssh.FingerprintSHA256(key)
	var keys *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &keys) && len(keys.Want) == 0:
		err = fmt.Errorf("host %s is unknown: it shows the key %s; compare that with what its operators publish, then add to %s: %s",
			host, shows, h.file, knownhosts.Line([]string{address}, key))
	case errors.As(err, &keys):
		var known []string
		for _, k := range keys.Want {
			known = append(known, fmt.Sprintf("%s %s (line %d)", k.Key.Type(), ssh.FingerprintSHA256(k.Key), k.Line))
		}
		err = fmt.Errorf("host %s shows the key %s, but %s knows it by %s: either it was given a new key, or somebody else answers; ask its operators before changing the file",
			host, shows, h.file, strings.Join(known, ", "))
	case errors.As(err, &revoked):
		err = fmt.Errorf("host %s shows the key %s, which %s revokes in line %d", host, shows, h.file, revoked.Revoked.Line)
	default:
		err = fmt.Errorf("host %s shows the key %s: %w", host, shows, err)
	}
	h.refused = err
	return err
}

// nobodysKey is a key that no host has.
type nobodysKey struct{}

func (nobodysKey) Type() string                        { return "none" }
func (nobodysKey) Marshal() []byte                     { return []byte("none") }
func (nobodysKey) Verify([]byte, *ssh.Signature) error { return errors.New("nobody has this key") }

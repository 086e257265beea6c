package git

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/tenantry/tenantry/git/gittest"
)

var signedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func writeKey(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newSSHKey writes a private key as ssh-keygen does and gives its public half.
func newSSHKey(t *testing.T, path string, private crypto.Signer, passphrase string) ssh.PublicKey {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	writeKey(t, path, pem.EncodeToMemory(block))
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// newOpenPGPKey writes an armored private key and gives it.
func newOpenPGPKey(t *testing.T, path string, algorithm packet.PublicKeyAlgorithm, passphrase string) *openpgp.Entity {
	t.Helper()
	config := &packet.Config{Algorithm: algorithm, RSABits: 2048, Time: func() time.Time { return signedAt.Add(-time.Hour) }}
	key, err := openpgp.NewEntity("Tenantry", "", "tenantry@localhost", config)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.SerializePrivate(w, config); err != nil {
		t.Fatal(err)
	}
	if passphrase != "" {
		out.Reset()
		w, _ = armor.Encode(&out, openpgp.PrivateKeyType, nil)
		if err := key.EncryptPrivateKeys([]byte(passphrase), config); err != nil {
			t.Fatal(err)
		}
		if err := key.SerializePrivateWithoutSigning(w, config); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeKey(t, path, out.Bytes())
	return key
}

// What we sign, others verify: by the same rules as `git verify-commit`, which is asked
// itself where the programs that it calls are there.
func TestCommitsAreSigned(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	keyFile, passphraseFile := filepath.Join(dir, "key"), filepath.Join(dir, "passphrase")
	overSSH := func(private crypto.Signer, passphrase string) func(t *testing.T) func(text, signature []byte) error {
		return func(t *testing.T) func(text, signature []byte) error {
			t.Helper()
			public := newSSHKey(t, keyFile, private, passphrase)
			return func(text, signature []byte) error {
				s, err := sshsig.Unarmor(signature)
				if err != nil {
					return err
				}
				return sshsig.Verify(bytes.NewReader(text), s, public, sshsig.HashSHA512, "git")
			}
		}
	}
	byOpenPGP := func(algorithm packet.PublicKeyAlgorithm, passphrase string) func(t *testing.T) func(text, signature []byte) error {
		return func(t *testing.T) func(text, signature []byte) error {
			t.Helper()
			key := newOpenPGPKey(t, keyFile, algorithm, passphrase)
			return func(text, signature []byte) error {
				_, err := openpgp.CheckArmoredDetachedSignature(openpgp.EntityList{key}, bytes.NewReader(text), bytes.NewReader(signature),
					&packet.Config{Time: func() time.Time { return signedAt }})
				return err
			}
		}
	}
	const passphrase = "s3cr3t-canary"
	for _, c := range []struct {
		name       string
		passphrase string
		key        func(t *testing.T) func(text, signature []byte) error
		begins     string
	}{
		{"SSH Ed25519", "", overSSH(edKey, ""), "-----BEGIN SSH SIGNATURE-----"},
		{"SSH ECDSA", "", overSSH(ecKey, ""), "-----BEGIN SSH SIGNATURE-----"},
		{"SSH RSA", "", overSSH(rsaKey, ""), "-----BEGIN SSH SIGNATURE-----"},
		{"SSH locked", passphrase, overSSH(edKey, passphrase), "-----BEGIN SSH SIGNATURE-----"},
		{"OpenPGP Ed25519", "", byOpenPGP(packet.PubKeyAlgoEdDSA, ""), "-----BEGIN PGP SIGNATURE-----"},
		{"OpenPGP RSA", "", byOpenPGP(packet.PubKeyAlgoRSA, ""), "-----BEGIN PGP SIGNATURE-----"},
		{"OpenPGP locked", passphrase, byOpenPGP(packet.PubKeyAlgoEdDSA, passphrase), "-----BEGIN PGP SIGNATURE-----"},
	} {
		t.Run(c.name, func(t *testing.T) {
			verify := c.key(t)
			remote := gittest.New(t, gittest.Options{})
			opts := Options{URL: remote.URL, SigningKeyFile: keyFile}
			if c.passphrase != "" {
				if _, err := Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "is locked") {
					t.Errorf("without its passphrase: got %v, want a refusal", err)
				}
				opts.SigningPassphraseFile = passphraseFile
				writeKey(t, passphraseFile, []byte("wrong\n"))
				if _, err := Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "not unlocked") || strings.Contains(err.Error(), "wrong") {
					t.Errorf("with a wrong passphrase: got %v, want a refusal", err)
				}
				writeKey(t, passphraseFile, []byte(c.passphrase+"\n"))
			}
			r, err := Open(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			d := Draft{Branch: "ledger", Message: "Place a\n\nwith a body", When: signedAt, Files: map[string][]byte{"a": []byte("1")}}
			tip, err := r.Push(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := r.Push(t.Context(), d); err != nil || again != tip {
				t.Errorf("the same draft again: %s, %v, want %s", again, err, tip)
			}
			remote.MustGit("fsck", "--strict")
			raw := remote.MustGit("cat-file", "commit", string(tip))
			text, signature, err := signed([]byte(raw))
			if err != nil || !strings.HasPrefix(string(signature), c.begins) {
				t.Fatalf("signature %q, %v, want %s", signature, err, c.begins)
			}
			want := encodeCommit(mustTree(t, r, tip), "", "tenantry", "tenantry@localhost", signedAt, d.Message)
			if !bytes.Equal(text, want) {
				t.Errorf("signed was %q, want %q", text, want)
			}
			if err := verify(text, signature); err != nil {
				t.Error(err)
			}
			if err := verify(append(text, 'x'), signature); err == nil {
				t.Error("a changed commit was verified")
			}
			askGit(t, remote, keyFile, tip, strings.HasPrefix(c.begins, "-----BEGIN SSH"))
		})
	}
}

func mustTree(t *testing.T, r *Repository, commit Hash) Hash {
	t.Helper()
	v, err := r.Revision(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	return v.Tree()
}

// askGit has Git itself verify an SSH signature, when ssh-keygen is on this machine. The
// library's verification, which every machine does, stands for it elsewhere.
func askGit(t *testing.T, remote *gittest.Fixture, keyFile string, tip Hash, overSSH bool) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil || !overSSH {
		return
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := unlock(text, keyFile, filepath.Join(filepath.Dir(keyFile), "passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(t.TempDir(), "allowed")
	writeKey(t, allowed, append([]byte("tenantry@localhost "), ssh.MarshalAuthorizedKey(s.PublicKey())...))
	remote.MustGit("-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", string(tip))
}

func TestSigningKeyIsRotated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for _, bad := range []struct{ name, text, says string }{
		{"nothing", "", "no private key"},
		{"a public key", "ssh-ed25519 AAAA", "no private key"},
		{"broken armor", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "exactly one private OpenPGP key"},
	} {
		writeKey(t, file, []byte(bad.text))
		if _, err := newSigner(Options{SigningKeyFile: file}); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: got %v, want it to say %q", bad.name, err, bad.says)
		}
	}
	if _, err := newSigner(Options{SigningKeyFile: file + ".absent"}); err == nil {
		t.Error("a file that is not there was accepted")
	}
	first, err := gittest.NewKey(file, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSigner(Options{SigningKeyFile: file})
	if err != nil {
		t.Fatal(err)
	}
	commit := encodeCommit(Hash(strings.Repeat("a", 40)), "", "n", "e", signedAt, "m")
	signedBy := func(key ssh.PublicKey) bool {
		t.Helper()
		out, err := s.sign(commit, signedAt)
		if err != nil {
			t.Fatal(err)
		}
		text, armored, err := signed(out)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := sshsig.Unarmor(armored)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeCommit(out); err != nil {
			t.Fatal(err)
		}
		return sshsig.Verify(bytes.NewReader(text), signature, key, sshsig.HashSHA512, "git") == nil
	}
	if !signedBy(first) {
		t.Error("not signed by the first key")
	}
	second, err := gittest.NewKey(file, "")
	if err != nil {
		t.Fatal(err)
	}
	if signedBy(first) || !signedBy(second) {
		t.Error("the rotated key does not sign")
	}
}

// signed takes a commit apart into what was signed and its signature; empty when it is
// not signed.
func signed(commit []byte) (text, signature []byte, err error) {
	headers, message, found := bytes.Cut(commit, []byte("\n\n"))
	if !found {
		return nil, nil, errors.New("malformed commit: no message")
	}
	var kept, lines []string
	inside := false
	for line := range strings.SplitSeq(string(headers), "\n") {
		rest, begins := strings.CutPrefix(line, "gpgsig ")
		more, continues := strings.CutPrefix(line, " ")
		switch inside = begins || inside && continues; {
		case begins:
			lines = append(lines, rest)
		case inside:
			lines = append(lines, more)
		default:
			kept = append(kept, line)
		}
	}
	text = []byte(strings.Join(kept, "\n") + "\n\n" + string(message))
	return text, []byte(strings.Join(lines, "\n")), nil
}

package git

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// signer signs commits as Git does: with a key of SSH or of OpenPGP, over the commit
// without its signature. The key's file is read for each commit, so that it may be
// rotated, and parsed when it has changed: unlocking takes long on purpose.
//
// Signing the same commit twice gives the same bytes with Ed25519 and RSA, and with
// ECDSA over SSH. Only then is a draft that is pushed again the same commit; with other
// keys it is ErrConflict, as if somebody else had been faster.
type signer struct {
	file, passphraseFile string

	mu     sync.Mutex
	parsed string // the file's content that key was made of
	key    signingKey
}

// signingKey gives the armored signature of text.
type signingKey func(text []byte, when time.Time) ([]byte, error)

// newSigner gives nil when commits are not to be signed.
func newSigner(o Options) (*signer, error) {
	if o.SigningKeyFile == "" {
		return nil, nil
	}
	s := &signer{file: o.SigningKeyFile, passphraseFile: o.SigningPassphraseFile}
	_, err := s.current()
	return s, err
}

// sign gives the commit with its signature.
func (s *signer) sign(commit []byte, when time.Time) ([]byte, error) {
	key, err := s.current()
	if err != nil {
		return nil, err
	}
	signature, err := key(commit, when)
	if err != nil {
		return nil, fmt.Errorf("with the key in %s: %w", s.file, err)
	}
	headers, message, _ := bytes.Cut(commit, []byte("\n\n"))
	lines := bytes.ReplaceAll(bytes.TrimSpace(signature), []byte("\n"), []byte("\n "))
	return bytes.Join([][]byte{headers, []byte("\ngpgsig "), lines, []byte("\n\n"), message}, nil), nil
}

func (s *signer) current() (signingKey, error) {
	text, err := os.ReadFile(s.file)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil && s.parsed == string(text) {
		return s.key, nil
	}
	key, err := parseSigningKey(text, s.file, s.passphraseFile)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	s.parsed, s.key = string(text), key
	return key, nil
}

// parseSigningKey tells the two kinds apart by what the file holds.
func parseSigningKey(text []byte, file, passphraseFile string) (signingKey, error) {
	if bytes.Contains(text, []byte("-----BEGIN PGP ")) {
		return parseOpenPGP(text, file, passphraseFile)
	}
	private, err := unlock(text, file, passphraseFile)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return func(text []byte, _ time.Time) ([]byte, error) {
		// Without a source of randomness, ECDSA signs the same text the same way.
		signature, err := sshsig.SignWithRand(bytes.NewReader(text), nil, key, sshsig.HashSHA512, "git")
		if err != nil {
			return nil, err
		}
		return sshsig.Armor(signature), nil
	}, nil
}

func parseOpenPGP(text []byte, file, passphraseFile string) (signingKey, error) {
	keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(text))
	if err != nil || len(keys) != 1 || keys[0].PrivateKey == nil {
		return nil, fmt.Errorf("%s: want exactly one private OpenPGP key, as gpg --armor --export-secret-keys gives it", file)
	}
	if err := unlockOpenPGP(keys[0], file, passphraseFile); err != nil {
		return nil, err
	}
	salted := false
	return func(text []byte, when time.Time) ([]byte, error) {
		var out bytes.Buffer
		err := openpgp.ArmoredDetachSign(&out, keys[0], bytes.NewReader(text), &packet.Config{
			// As if signed at the commit's time, and without a salt: the same commit
			// gives the same signature.
			Time: func() time.Time { return when }, NonDeterministicSignaturesViaNotation: &salted,
		})
		return out.Bytes(), err
	}, nil
}

// unlockOpenPGP unlocks what is locked of a key and its subkeys. The primary key may be
// a stub, as of a key that signs with a subkey.
func unlockOpenPGP(key *openpgp.Entity, file, passphraseFile string) error {
	private := []*packet.PrivateKey{key.PrivateKey}
	for _, sub := range key.Subkeys {
		private = append(private, sub.PrivateKey)
	}
	var passphrase string
	for _, p := range private {
		if p == nil || p.Dummy() || !p.Encrypted {
			continue
		}
		if passphraseFile == "" {
			return fmt.Errorf("%s is locked: give the file of its passphrase, too", file)
		}
		if passphrase == "" {
			var err error
			if passphrase, err = readSecret(passphraseFile); err != nil {
				return fmt.Errorf("read passphrase: %w", err)
			}
		}
		if err := p.Decrypt([]byte(passphrase)); err != nil {
			return fmt.Errorf("%s is not unlocked by the passphrase in %s", file, passphraseFile)
		}
	}
	return nil
}

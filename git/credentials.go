package git

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Credentials say who we are at a remote. Files are read each time they are needed,
// so that what is in them may be rotated.
type Credentials struct {
	// Username and Password are sent by basic authentication; with a token, the
	// token is the password. PasswordFile is used instead of Password when set.
	// Without a Username, a password goes with the name "git". An ssh:// URL that
	// names no user takes Username, or "git".
	Username, Password, PasswordFile string
	// TokenFile holds a token that is sent as bearer instead.
	TokenFile string
	// KeyFile holds the private key for SSH, and PassphraseFile what unlocks it.
	KeyFile, PassphraseFile string
}

// who are we to a service: reading and writing may take different credentials.
func (o Options) who(service string) Credentials {
	if service == receivePack && o.Write != (Credentials{}) {
		return o.Write
	}
	return o.Read
}

// check refuses credentials that contradict each other, or do not fit the transport.
func (c Credentials) check(overSSH bool) error {
	switch {
	case c.Password != "" && c.PasswordFile != "":
		return errors.New("give a password or a password file, not both")
	case c.TokenFile != "" && (c.Password != "" || c.PasswordFile != "" || c.Username != ""):
		return errors.New("give a bearer token, or a user name and a password, not both")
	case c.PassphraseFile != "" && c.KeyFile == "":
		return errors.New("a passphrase file without a key file unlocks nothing")
	case overSSH && c.KeyFile == "":
		return errors.New("SSH needs the file of a private key; agents and passwords are not used")
	case overSSH && (c.Password != "" || c.PasswordFile != "" || c.TokenFile != ""):
		return errors.New("passwords and tokens are for https:// URLs; SSH takes the file of a private key")
	case !overSSH && c.KeyFile != "":
		return errors.New("a private key is for ssh:// URLs; https:// takes a password or token file")
	}
	return nil
}

// authorization is the HTTP header that says who we are; empty for nobody.
func (c Credentials) authorization() (string, error) {
	if c.TokenFile != "" {
		token, err := readSecret(c.TokenFile)
		if err != nil {
			return "", fmt.Errorf("read bearer token: %w", err)
		}
		return "Bearer " + token, nil
	}
	name, password := c.Username, c.Password
	if c.PasswordFile != "" {
		var err error
		if password, err = readSecret(c.PasswordFile); err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
	}
	if name == "" && password == "" {
		return "", nil
	}
	if name == "" {
		name = "git"
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)), nil
}

// privateKey reads the key for SSH. Raw tells two keys apart.
func (c Credentials) privateKey() (key ssh.Signer, raw string, err error) {
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, "", fmt.Errorf("read SSH key: %w", err)
	}
	parsed, err := unlock(text, c.KeyFile, c.PassphraseFile)
	if err == nil {
		key, err = ssh.NewSignerFromKey(parsed)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read SSH key: %w", err)
	}
	return key, string(text), nil
}

// unlock parses a private key in one of the forms that ssh-keygen writes.
func unlock(text []byte, file, passphraseFile string) (any, error) {
	key, err := ssh.ParseRawPrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return key, nil
	case !errors.As(err, &locked):
		return nil, fmt.Errorf("%s holds no private key that can be read", file) // the parser's words may repeat it
	case passphraseFile == "":
		return nil, fmt.Errorf("%s is locked: give the file of its passphrase, too", file)
	}
	passphrase, err := readSecret(passphraseFile)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	if key, err = ssh.ParseRawPrivateKeyWithPassphrase(text, []byte(passphrase)); err != nil {
		return nil, fmt.Errorf("%s is not unlocked by the passphrase in %s", file, passphraseFile)
	}
	return key, nil
}

// readSecret reads a file that holds one secret, with or without a line break after it.
func readSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return secret, nil
}

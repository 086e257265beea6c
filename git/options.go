package git

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Options say where a repository is and who we are there.
type Options struct {
	// URL is https://host/path, ssh://user@host:port/path, user@host:path, or the
	// path of a repository on this machine. Plain http:// is for loopback addresses
	// only, unless AllowHTTP is set. Passwords do not belong in it.
	URL string
	// CacheDir is where the mirror of a remote repository is kept; each URL has a
	// folder of its own in it, which one process at a time may use. Empty is a
	// temporary folder that Close removes. Local repositories need no mirror.
	CacheDir string
	// Read are the credentials for fetching, Write those for pushing; the zero value
	// of Write is Read.
	Read, Write Credentials
	// KnownHostsFile holds the keys of SSH hosts, as OpenSSH writes them. A host that
	// is not in it, or shows another key, is not spoken to.
	KnownHostsFile string
	// AllowHTTP permits plain HTTP, and so credentials in the clear, to any host.
	AllowHTTP bool
	// CAFile holds certificates (PEM) to trust beside the system's.
	CAFile string
	// Transport is how HTTP requests are sent; nil is Go's own, which trusts CAFile. It
	// is not for SSH.
	Transport http.RoundTripper
	// Timeout is how long the remote may be silent before it counts as
	// unreachable; default 60 s. A large transfer may take longer in all.
	Timeout time.Duration
	// Author and Email stand in the commits that Push makes; defaults "tenantry"
	// and "tenantry@localhost".
	Author, Email string
	// SigningKeyFile holds the private key that Push signs commits with, of SSH or
	// OpenPGP (armored), and SigningPassphraseFile what unlocks it. Empty: unsigned.
	SigningKeyFile, SigningPassphraseFile string
	// OnRebuild, when set, is told why the cache was thrown away. It must not call
	// the Repository.
	OnRebuild func(cause error)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Author == "" {
		o.Author = "tenantry"
	}
	if o.Email == "" {
		o.Email = "tenantry@localhost"
	}
	return o
}

func (o Options) check() error {
	if strings.ContainsAny(o.Author, "<>\n\x00") || strings.ContainsAny(o.Email, "<>\n\x00 ") {
		return errors.New("author and email must not contain <, > or line breaks")
	}
	if o.SigningPassphraseFile != "" && o.SigningKeyFile == "" {
		return errors.New("a passphrase file without a signing key file unlocks nothing")
	}
	if o.Timeout < 0 {
		return fmt.Errorf("timeout %s: want a positive duration", o.Timeout)
	}
	return nil
}

// checkRemote judges what matters for remote repositories only.
func (o Options) checkRemote(where *url.URL) error {
	overSSH := where.Scheme == "ssh"
	if err := o.who(uploadPack).check(overSSH); err != nil {
		return err
	}
	if err := o.who(receivePack).check(overSSH); err != nil {
		return fmt.Errorf("credentials for writing: %w", err)
	}
	if overSSH && o.KnownHostsFile == "" {
		return errors.New("SSH needs a known hosts file: without one anybody on the way could pretend to be the host")
	}
	return nil
}

// LocalPath is the repository's path when it is on this machine, else empty.
func (o Options) LocalPath() string {
	_, path, _ := o.locate() // what is wrong with the URL is told by Open
	return path
}

// Host is the remote host, with its port when the URL names one, in lower case; it is
// empty for a repository on this machine.
func (o Options) Host() string {
	where, _, _ := o.locate() // as above
	if where == nil {
		return ""
	}
	return strings.ToLower(where.Host)
}

// locate tells a remote URL (non-nil) from a local path. No error repeats what may
// be a password.
func (o Options) locate() (*url.URL, string, error) {
	scheme, _, hasScheme := strings.Cut(o.URL, "://")
	if !hasScheme {
		if o.URL == "" {
			return nil, "", errors.New("no URL given")
		}
		if isScpLike(o.URL) {
			where, err := o.locateScp()
			return where, "", err
		}
		path, err := filepath.Abs(o.URL)
		return nil, path, err
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, "", errors.New("malformed URL") // the parser's error repeats it, credentials and all
	}
	switch strings.ToLower(scheme) {
	case "https", "http":
		return u, "", o.checkHTTP(u)
	case "ssh", "git+ssh", "ssh+git":
		u.Scheme = "ssh"
		where, err := o.checkSSH(u)
		return where, "", err
	case "file":
		return nil, "", errors.New("file:// is not supported: give the path itself")
	default:
		return nil, "", fmt.Errorf("%s:// is not supported: give an https:// or ssh:// URL or a path", scheme)
	}
}

func (o Options) checkHTTP(u *url.URL) error {
	switch {
	case u.User != nil:
		return fmt.Errorf("credentials in the URL of %s: they would end up in logs and process lists; give a user name and a password file instead", u.Host)
	case u.Host == "":
		return errors.New("URL without a host")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return fmt.Errorf("URL of %s: nothing may follow the path", u.Host)
	case u.Scheme == "http" && !o.AllowHTTP && !isLoopback(u.Hostname()):
		return fmt.Errorf("http://%s: plain HTTP can be read and changed by anyone on the way: use https, or allow plain HTTP explicitly", u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return nil
}

// checkSSH gives the URL with its user.
func (o Options) checkSSH(u *url.URL) (*url.URL, error) {
	_, secret := u.User.Password()
	switch {
	case secret:
		return nil, fmt.Errorf("a password in the URL of %s: it would end up in logs and process lists; SSH takes the file of a private key", u.Host)
	case u.Hostname() == "":
		return nil, errors.New("URL without a host")
	case strings.Trim(u.Path, "/") == "":
		return nil, fmt.Errorf("URL of %s without a path", u.Host)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, fmt.Errorf("URL of %s: nothing may follow the path", u.Host)
	}
	if u.User.Username() == "" {
		name := o.Read.Username
		if name == "" {
			name = "git"
		}
		u.User = url.User(name)
	}
	return u, nil
}

// locateScp reads user@host:path. Its path is relative to the user's home, which a URL
// cannot say: it stands in Opaque.
func (o Options) locateScp() (*url.URL, error) {
	host, path, _ := strings.Cut(o.URL, ":")
	user, host, found := strings.Cut(host, "@")
	if !found {
		user, host = "", user
	}
	if host == "" || path == "" || strings.ContainsAny(host, "@[] ") {
		return nil, errors.New("malformed address: want user@host:path or ssh://user@host:port/path")
	}
	u := &url.URL{Scheme: "ssh", Host: host, Path: "/" + path, Opaque: path}
	if user != "" {
		u.User = url.User(user)
	}
	return o.checkSSH(u)
}

// isScpLike recognises user@host:path, as Git does: a colon before any slash.
func isScpLike(s string) bool {
	host, _, found := strings.Cut(s, ":")
	return found && !strings.ContainsAny(host, "/\\") && len(host) > 1
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

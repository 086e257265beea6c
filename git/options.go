package git

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options say where a repository is and who we are there.
type Options struct {
	// URL is https://host/path, or the path of a repository on this machine. Plain
	// http:// is for loopback addresses only, unless AllowHTTP is set. Credentials
	// do not belong in it.
	URL string
	// CacheDir is where the mirror of a remote repository is kept; each URL has a
	// folder of its own in it, which one process at a time may use. Empty is a
	// temporary folder that Close removes. Local repositories need no mirror.
	CacheDir string
	// Username and Password are sent by basic authentication; with a token, the
	// token is the password. PasswordFile is used instead of Password when set, and
	// read again for each request, so that it may be rotated. Without a Username,
	// a password goes with the name "git".
	Username, Password, PasswordFile string
	// AllowHTTP permits plain HTTP, and so credentials in the clear, to any host.
	AllowHTTP bool
	// CAFile holds certificates (PEM) to trust beside the system's.
	CAFile string
	// Timeout is how long the remote may be silent before it counts as
	// unreachable; default 60 s. A large transfer may take longer in all.
	Timeout time.Duration
	// Author and Email stand in the commits that Push makes; defaults "tenantry"
	// and "tenantry@localhost".
	Author, Email string
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
	if o.Password != "" && o.PasswordFile != "" {
		return errors.New("give a password or a password file, not both")
	}
	if o.Timeout < 0 {
		return fmt.Errorf("timeout %s: want a positive duration", o.Timeout)
	}
	return nil
}

// credentials gives what basic authentication sends; two empty strings are none.
func (o Options) credentials() (name, password string, err error) {
	name, password = o.Username, o.Password
	if o.PasswordFile != "" {
		text, err := os.ReadFile(o.PasswordFile)
		if err != nil {
			return "", "", fmt.Errorf("read password: %w", err)
		}
		password = strings.TrimRight(string(text), "\r\n")
		if password == "" {
			return "", "", fmt.Errorf("read password: %s is empty", o.PasswordFile)
		}
	}
	if name == "" && password != "" {
		name = "git"
	}
	return name, password, nil
}

// LocalPath is the repository's path when it is on this machine, else empty.
func (o Options) LocalPath() string {
	_, path, _ := o.locate() // what is wrong with the URL is told by Open
	return path
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
			return nil, "", errors.New("SSH is not supported yet: give an https:// URL")
		}
		path, err := filepath.Abs(o.URL)
		return nil, path, err
	}
	switch strings.ToLower(scheme) {
	case "https", "http":
	case "ssh", "git+ssh", "ssh+git":
		return nil, "", errors.New("SSH is not supported yet: give an https:// URL")
	case "file":
		return nil, "", errors.New("file:// is not supported: give the path itself")
	default:
		return nil, "", fmt.Errorf("%s:// is not supported: give an https:// URL or a path", scheme)
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, "", errors.New("malformed URL") // the parser's error repeats it, credentials and all
	}
	switch {
	case u.User != nil:
		return nil, "", fmt.Errorf("credentials in the URL of %s: they would end up in logs and process lists; give a user name and a password file instead", u.Host)
	case u.Host == "":
		return nil, "", errors.New("URL without a host")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, "", fmt.Errorf("URL of %s: nothing may follow the path", u.Host)
	case u.Scheme == "http" && !o.AllowHTTP && !isLoopback(u.Hostname()):
		return nil, "", fmt.Errorf("http://%s: plain HTTP can be read and changed by anyone on the way: use https, or allow plain HTTP explicitly", u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, "", nil
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

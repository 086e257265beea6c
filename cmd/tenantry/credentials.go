package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/git"
)

// credentials are the settings that say who we are at a repository. A prefix tells
// them apart: none for reading, "write-" for pushing, "status-" for the repository with
// the status branch.
type credentials struct{ username, passwordFile, tokenFile, keyFile, passphraseFile string }

// credentialSettings are the names of the settings of one prefix.
func credentialSettings(prefix string) []string {
	var names []string
	for _, name := range []string{"username", "password-file", "bearer-token-file", "ssh-key-file", "ssh-passphrase-file"} {
		names = append(names, prefix+name)
	}
	return names
}

func (c *credentials) flags(f *pflag.FlagSet, prefix, what string) {
	f.StringVar(&c.username, prefix+"username", "", "`NAME` for "+what+"; with a token GitHub takes any")
	f.StringVar(&c.passwordFile, prefix+"password-file", "", "`FILE` with the password or token for "+what+"; read anew when it is needed")
	f.StringVar(&c.tokenFile, prefix+"bearer-token-file", "", "`FILE` with a token that is sent as bearer to "+what+"; read anew when it is needed")
	f.StringVar(&c.keyFile, prefix+"ssh-key-file", "", "`FILE` with the private key for "+what+" over SSH; read anew when it is needed")
	f.StringVar(&c.passphraseFile, prefix+"ssh-passphrase-file", "", "`FILE` with the passphrase of that key")
}

func (c credentials) git() git.Credentials {
	return git.Credentials{
		Username: c.username, PasswordFile: c.passwordFile, TokenFile: c.tokenFile,
		KeyFile: c.keyFile, PassphraseFile: c.passphraseFile,
	}
}

// gitOptions says where the repository is and who we are there.
func (c *config) gitOptions() git.Options {
	o := git.Options{
		URL: c.repository, Read: c.read.git(), Write: c.write.git(), KnownHostsFile: c.knownHostsFile,
		AllowHTTP: c.allowHTTP, CAFile: c.caFile,
		SigningKeyFile: c.signingKeyFile, SigningPassphraseFile: c.signingPassphraseFile,
	}
	if parts := authorForm.FindStringSubmatch(c.author); parts != nil {
		o.Author, o.Email = parts[1], parts[2]
	}
	return o
}

// statusOptions are those of the repository with the status branch. Unless it has
// credentials of its own, it takes those for writing.
func (c *config) statusOptions() git.Options {
	o := c.gitOptions()
	if c.statusRepository == "" || c.statusRepository == c.repository {
		return o
	}
	o.URL = c.statusRepository
	switch {
	case c.status != credentials{}:
		o.Read = c.status.git()
	case c.write != credentials{}:
		o.Read = c.write.git()
	}
	o.Write = git.Credentials{}
	return o
}

// statusApart tells whether the status branch is in another repository.
func (c *config) statusApart() bool { return c.statusOptions().URL != c.repository }

// authorForm is how Git writes who made a commit.
var authorForm = regexp.MustCompile(`^([^<>\n]*[^<>\s]) <([^<>\s]+)>$`)

// checkCredentials judges what the other settings of Git say together.
func (c *config) checkCredentials() error {
	var errs []error
	none := credentials{}
	there, here := c.statusOptions().Host(), c.gitOptions().Host()
	if there != "" && there != here && c.status == none && (c.read != none || c.write != none) {
		errs = append(errs, hint(errors.New("--status-repository is on another host than --repository"),
			"say with --status-username and --status-password-file, or --status-ssh-key-file, who we are there: no host gets another one's credentials"))
	}
	if c.author != "" && !authorForm.MatchString(c.author) {
		errs = append(errs, fmt.Errorf("--author %q: want NAME <MAIL>", c.author))
	}
	return errors.Join(errs...)
}

// checkRepository refuses what would put a secret where everybody can read it.
func checkRepository(setting, repository string) error {
	refused := hint(fmt.Errorf("--%s must carry no user name or password", setting),
		"use --username and --password-file: a URL is shown in process lists and logs")
	if !strings.Contains(repository, "://") {
		// A path, host:path or nothing; what it leads to is for the git room to say.
		host, path, _ := strings.Cut(repository, ":")
		if len(host) > 1 && !strings.ContainsAny(host, "/@") && strings.Contains(path, "@") {
			return refused // me:secret@host
		}
		return nil
	}
	u, err := url.Parse(repository)
	if err != nil {
		return fmt.Errorf("--%s is a malformed URL", setting) // the parser's error would repeat it
	}
	if _, secret := u.User.Password(); u.User != nil && (secret || !strings.Contains(u.Scheme, "ssh")) {
		return refused
	}
	if u.RawQuery != "" || u.Fragment != "" { // it may be a token
		return fmt.Errorf("--%s: nothing may follow the path of the URL", setting)
	}
	return nil
}

// exposed lists files of private keys that everybody on this machine can read. The
// group may: so a mounted Secret reaches a daemon that is not root.
func (c *config) exposed() []string {
	var found []string
	for _, file := range []string{c.read.keyFile, c.write.keyFile, c.status.keyFile, c.signingKeyFile} {
		if file == "" {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o007 != 0 {
			found = append(found, file)
		}
	}
	return found
}

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// config is every setting of every verb. A verb takes the settings that it knows
// (take); they are filled from flags, environment and file, then validated.
type config struct {
	repository   string
	branch       string
	ledgerBranch string
	statusBranch string
	allowHTTP    bool
	caFile       string
	cacheDir     string
	kubeconfigs  string
	image        string

	statusRepository                      string
	read, write, status                   credentials
	knownHostsFile                        string
	author                                string
	signingKeyFile, signingPassphraseFile string

	readOnly       bool
	interval       time.Duration
	statusInterval time.Duration
	acceptRewind   string
	listen         string
	webhookSecret  string
	webhookListen  string
	id             string
	logFormat      string
	logLevel       string

	// progress is no setting: it tells a person at a terminal what takes long.
	progress *progress
}

// Settings that belong together.
var (
	remoteSettings = append([]string{"repository", "allow-http", "ca-file", "known-hosts-file"}, credentialSettings("")...)
	statusSettings = append([]string{"status-branch", "status-repository"}, credentialSettings("status-")...)
	writeSettings  = append([]string{"author", "signing-key-file", "signing-passphrase-file"}, credentialSettings("write-")...)
	daemonSettings = []string{
		"image", "cache-dir", "read-only", "interval", "status-interval", "accept-rewind", "listen", "webhook-secret-file",
		"webhook-listen", "id", "log-format", "log-level",
	}
)

// defaultImage is pinned and not this binary's version: an upgrade of the daemon
// alone changes nothing on any shard.
const defaultImage = "ghcr.io/tenantry/tenantry:v0.1.0"

// flags is the table of all settings: names, defaults, meaning.
func (c *config) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	f.StringVar(&c.repository, "repository", "", "`URL` or path of the fleet repository")
	f.StringVar(&c.branch, "branch", "main", "`BRANCH` on which people declare the fleet")
	f.StringVar(&c.ledgerBranch, "ledger-branch", "tenantry-ledger", "`BRANCH` that holds the decisions")
	f.StringVar(&c.statusBranch, "status-branch", "tenantry-status", "`BRANCH` that holds what was observed")
	f.StringVar(&c.statusRepository, "status-repository", "", "`URL` or path of the repository with the status branch; by default the fleet's")
	c.read.flags(f, "", "the repository")
	c.write.flags(f, "write-", "pushing, when reading takes others")
	c.status.flags(f, "status-", "the status repository, by default as for pushing")
	f.StringVar(&c.knownHostsFile, "known-hosts-file", "", "`FILE` with the keys of SSH hosts, as OpenSSH writes it; other hosts are not spoken to")
	f.StringVar(&c.author, "author", "", "`AUTHOR` of our commits, as NAME <MAIL>; by default tenantry <tenantry@localhost>")
	f.StringVar(&c.signingKeyFile, "signing-key-file", "", "`FILE` with the private key, of SSH or OpenPGP, that signs our commits")
	f.StringVar(&c.signingPassphraseFile, "signing-passphrase-file", "", "`FILE` with the passphrase of that key")
	f.BoolVar(&c.allowHTTP, "allow-http", false, "allow plain HTTP to other hosts than this one")
	f.StringVar(&c.caFile, "ca-file", "", "`FILE` with certificates to trust for the repository, beside the system's")
	f.StringVar(&c.cacheDir, "cache-dir", defaultCacheDir(), "`DIR` for the mirror of the repository; it may be lost at any time")
	f.StringVar(&c.kubeconfigs, "kubeconfigs", "", "`DIR` with the shards' kubeconfigs: <shard>.kubeconfig, <shard>.yaml or <shard>")
	f.BoolVar(&c.readOnly, "read-only", false, "observe and decide, but push and apply nothing")
	f.DurationVar(&c.interval, "interval", time.Minute, "how often to look at the repository unasked")
	f.DurationVar(&c.statusInterval, "status-interval", 10*time.Second, "least time between two commits of status; hosts such as GitHub want no more than 6 pushes a minute")
	f.StringVar(&c.acceptRewind, "accept-rewind", "", "`COMMIT` of the declared branch to accept although it does not descend from what was accepted")
	f.StringVar(&c.image, "image", defaultImage, "`IMAGE` of Tenantry for the Jobs that it runs on shards; changing it runs them again")
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "`ADDRESS` for /metrics, /healthz and /readyz; empty serves none")
	f.StringVar(&c.webhookSecret, "webhook-secret-file", "", "`FILE` with the secret that Git hosts prove to know at /webhook; without it there is none")
	f.StringVar(&c.webhookListen, "webhook-listen", "", "`ADDRESS` for /webhook alone, so that strangers need not reach --listen; by default it is there, too")
	f.StringVar(&c.id, "id", "", "`NAME` of this replica in the shards' leases; by default the host name and a random suffix")
	f.StringVar(&c.logFormat, "log-format", "text", "text or json")
	f.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	return f
}

// take gives cmd the named settings, and --config to read them from.
func (c *config) take(cmd *cobra.Command, names ...string) {
	all := c.flags()
	for _, name := range names {
		f := all.Lookup(name)
		f.Usage += " ($" + envName(name) + ")"
		cmd.Flags().AddFlag(f)
	}
	cmd.Flags().String("config", "", "`FILE` with settings in YAML ($TENANTRY_CONFIG)")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		c.progress = newProgress(cmd.ErrOrStderr())
		if err := fill(cmd.Flags(), all); err != nil {
			return &misuse{err}
		}
		if err := c.validate(cmd.Flags()); err != nil {
			return &misuse{err}
		}
		return nil
	}
}

// fill sets what was not given as a flag: from the environment, else from the
// file. Known are all settings of all verbs, which may share one file. What was
// given as a flag stays the only thing that counts as Changed.
func fill(flags, known *pflag.FlagSet) error {
	file, err := readSettings(flags, known)
	if err != nil {
		return err
	}
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || known.Lookup(f.Name) == nil {
			return
		}
		if value, ok := os.LookupEnv(envName(f.Name)); ok {
			if err := f.Value.Set(value); err != nil {
				errs = append(errs, fmt.Errorf("$%s: %w", envName(f.Name), err))
			}
		} else if value, ok := file[fileKey(f.Name)]; ok {
			if err := f.Value.Set(fmt.Sprint(value)); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", fileKey(f.Name), err))
			}
		}
	})
	return errors.Join(errs...)
}

// readSettings reads the file that --config or $TENANTRY_CONFIG names, if any.
func readSettings(flags, known *pflag.FlagSet) (map[string]any, error) {
	path, _ := flags.GetString("config") // the flag is there: take defined it
	if path == "" {
		path = os.Getenv("TENANTRY_CONFIG")
	}
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var settings map[string]any
	if err := yaml.UnmarshalStrict(raw, &settings); err != nil {
		return nil, fmt.Errorf("read settings from %s: %w", path, err)
	}
	var names []string
	known.VisitAll(func(f *pflag.Flag) { names = append(names, fileKey(f.Name)) })
	for key, value := range settings {
		if !slices.Contains(names, key) {
			return nil, hint(fmt.Errorf("read settings from %s: unknown setting %q", path, key),
				"settings are "+strings.Join(names, ", "))
		}
		switch value.(type) {
		case string, bool, float64, int64:
		default:
			return nil, fmt.Errorf("read settings from %s: %s: want one value", path, key)
		}
	}
	return settings, nil
}

// validate judges the settings that the verb took.
func (c *config) validate(flags *pflag.FlagSet) error {
	has := func(name string) bool { return flags.Lookup(name) != nil }
	var errs []error
	if has("repository") {
		errs = append(errs, checkRepository("repository", c.repository), checkRepository("status-repository", c.statusRepository), c.checkCredentials())
	}
	for _, name := range []string{"branch", "ledger-branch", "status-branch"} {
		if has(name) && flags.Lookup(name).Value.String() == "" {
			errs = append(errs, fmt.Errorf("--%s is empty", name))
		}
	}
	if has("ledger-branch") && has("branch") && (c.ledgerBranch == c.branch || c.statusBranch == c.branch || c.ledgerBranch == c.statusBranch) {
		errs = append(errs, errors.New("--branch, --ledger-branch and --status-branch must be three different branches"))
	}
	// /healthz calls a daemon stuck that has not looked at anything for 5 minutes.
	if has("interval") && (c.interval < time.Second || c.interval > 4*time.Minute) {
		errs = append(errs, fmt.Errorf("--interval %s: want 1s to 4m", c.interval))
	}
	if has("status-interval") && c.statusInterval < 0 {
		errs = append(errs, fmt.Errorf("--status-interval %s: want none less than 0s", c.statusInterval))
	}
	if has("accept-rewind") && c.acceptRewind != "" && !hashForm.MatchString(c.acceptRewind) {
		errs = append(errs, fmt.Errorf("--accept-rewind %s: want a commit, 40 hex digits", c.acceptRewind))
	}
	for _, name := range []string{"listen", "webhook-listen"} {
		if address := flags.Lookup(name); address != nil && address.Value.String() != "" {
			if _, _, err := net.SplitHostPort(address.Value.String()); err != nil {
				errs = append(errs, fmt.Errorf("--%s %s: want host:port", name, address.Value))
			}
		}
	}
	if has("webhook-listen") && c.webhookListen != "" && c.webhookSecret == "" {
		errs = append(errs, errors.New("--webhook-listen without --webhook-secret-file: anybody could call"))
	}
	if has("webhook-listen") && c.webhookSecret != "" && c.webhookListen == "" && c.listen == "" {
		errs = append(errs, errors.New("--webhook-secret-file without --webhook-listen or --listen: nobody could call"))
	}
	if has("log-format") && c.logFormat != "text" && c.logFormat != "json" {
		errs = append(errs, fmt.Errorf("--log-format %s: want text or json", c.logFormat))
	}
	if has("log-level") && !slices.Contains([]string{"debug", "info", "warn", "error"}, c.logLevel) {
		errs = append(errs, fmt.Errorf("--log-level %s: want debug, info, warn or error", c.logLevel))
	}
	if has("cache-dir") && c.cacheDir == "" {
		errs = append(errs, errors.New("--cache-dir is empty and there is no home directory to choose one in"))
	}
	return errors.Join(errs...)
}

// required says which settings are missing.
func required(flags *pflag.FlagSet, names ...string) error {
	var missing []string
	for _, name := range names {
		if flags.Lookup(name).Value.String() == "" {
			missing = append(missing, "--"+name+" ($"+envName(name)+")")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return misusef("missing %s", strings.Join(missing, ", "))
}

// envName is a setting's name in the environment: TENANTRY_STATUS_BRANCH.
func envName(name string) string {
	return "TENANTRY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// fileKey is a setting's name in the file: statusBranch.
func fileKey(name string) string {
	words := strings.Split(name, "-")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

func defaultCacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "tenantry")
}

package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

func newRun() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Follow a fleet repository and make it so",
		Long: `Run is the daemon. It follows the declared branch, places tenants, commits its
decisions to the ledger branch, applies them to the shards and commits what it
observes to the status branch. Any number of replicas may run: each works on the
shards whose Lease it holds.

With --read-only it observes and decides, but pushes and applies nothing.`,
		Example: `  tenantry run --repository https://git.example.com/fleet.git --username tenantry \
    --password-file /etc/tenantry/token --kubeconfigs /etc/tenantry/shards
  tenantry run --repository /srv/git/fleet.git --kubeconfigs ./shards --read-only --log-level debug
  tenantry run --config /etc/tenantry/config.yaml`,
		Args: args(cobra.NoArgs),
	}
	c.take(cmd, slices.Concat([]string{"branch", "ledger-branch", "kubeconfigs"}, statusSettings, remoteSettings, writeSettings, daemonSettings)...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := required(cmd.Flags(), "repository", "kubeconfigs"); err != nil {
			return err
		}
		options, err := c.options(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		options.Log.Info("start", "version", version, "id", options.ID, "repository", c.repository, "read-only", c.readOnly)
		err = reconciler.Run(cmd.Context(), options)
		options.Log.Info("stop")
		return err
	}
	return cmd
}

// options are the daemon's, as they were configured.
func (c *config) options(stderr io.Writer) (reconciler.Options, error) {
	log, err := c.logger(stderr)
	if err != nil {
		return reconciler.Options{}, err
	}
	id := c.id
	if id == "" {
		if id, err = newID(); err != nil {
			return reconciler.Options{}, err
		}
	}
	renderer, err := render.New(render.Options{Image: c.image})
	if err != nil {
		return reconciler.Options{}, err
	}
	for _, file := range c.exposed() {
		log.Warn("everybody on this machine can read a private key", "file", file)
	}
	remote, status := c.gitOptions(), git.Options{}
	if c.statusApart() {
		status = c.statusOptions()
	}
	remote.CacheDir, status.CacheDir = c.cacheDir, c.cacheDir
	return reconciler.Options{
		Git:               remote,
		StatusGit:         status,
		Branches:          repository.Branches{Declared: c.branch, Ledger: c.ledgerBranch, Status: c.statusBranch},
		Shards:            func() (map[string]shard.Source, error) { return shard.FromKubeconfigDir(c.kubeconfigs) },
		ID:                id,
		Renderer:          renderer,
		ReadOnly:          c.readOnly,
		Interval:          c.interval,
		StatusInterval:    c.statusInterval,
		AcceptRewind:      c.acceptRewind,
		Listen:            c.listen,
		WebhookSecretFile: c.webhookSecret,
		WebhookListen:     c.webhookListen,
		Log:               log,
	}, nil
}

// newID names a replica: people recognise the host, and no two processes share
// the rest, not even one and its own next life.
func newID() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", hint(fmt.Errorf("name this replica: %w", err), "give it a name with --id")
	}
	return host + "-" + strings.ToLower(rand.Text()[:8]), nil
}

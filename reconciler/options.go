package reconciler

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// Options of Run.
type Options struct {
	// Git says where the fleet repository is; Branches which of its branches are which.
	Git      git.Options
	Branches repository.Branches
	// StatusGit says where the status branch is kept, when it names a URL: in another
	// repository than Git.
	StatusGit git.Options
	// Shards finds the shards that can be reached, by name (shard.FromKubeconfigDir).
	// It is asked again while Run runs, every Look, default 5 s: a new one is a new shard.
	Shards func() (map[string]shard.Source, error)
	Look   time.Duration
	// ID names this replica in the shards' Leases; no two processes share one.
	ID string
	// Lease is how long a shard's Lease is good without being renewed; default 15 s.
	Lease time.Duration
	// Renderer renders units, and Schemas keeps what shards' API servers say of their
	// kinds, default one of its own: replicas of one process may share both.
	Renderer *render.Renderer
	Schemas  *shard.Schemas
	// ReadOnly observes and decides, but pushes and applies nothing.
	ReadOnly bool
	// Interval is how often Git is looked at unasked, default one minute;
	// StatusInterval the least time between two status commits, default the core's.
	Interval, StatusInterval time.Duration
	// AcceptRewind is a declared commit that is accepted although it does not
	// descend from what was accepted before.
	AcceptRewind string
	// Listen is the address of /metrics, /healthz and /readyz; empty serves none.
	Listen string
	// Registry is where the daemon's figures are registered; default one of its own.
	Registry *prometheus.Registry
	// WebhookSecretFile holds the secret of POST /webhook; without one there is no such
	// path. WebhookListen is an address for it alone, so that the Git host need not
	// reach the others; empty serves it at Listen, too.
	WebhookSecretFile, WebhookListen string
	// Clock is what decisions go by, default time.Now. Pauses and Leases go by the
	// process's own, which nobody can set.
	Clock func() time.Time
	Log   *slog.Logger
}

package reconciler

import (
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/repository"
)

// Options of Run.
type Options struct {
	// Git says where the fleet repository is; Branches which of its branches are which.
	Git      git.Options
	Branches repository.Branches
	// StatusGit says where the status branch is kept, when it names a URL: in another
	// repository than Git.
	StatusGit git.Options
	// Kubeconfigs is the folder of the shards' kubeconfigs. It is looked at again
	// while Run runs: a new file is a new shard.
	Kubeconfigs string
	// ID names this replica in the shards' Leases; no two processes share one.
	ID string
	// Image is our own image, for the Jobs that run it on shards.
	Image string
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
	// WebhookSecretFile holds the secret of POST /webhook; without one there is no such
	// path. WebhookListen is an address for it alone, so that the Git host need not
	// reach the others; empty serves it at Listen, too.
	WebhookSecretFile, WebhookListen string
	Log                              *slog.Logger
}

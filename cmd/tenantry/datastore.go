package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/reconciler/datastore"
)

const (
	// attemptTimeout bounds one attempt at a datastore, retryPause the time between two.
	attemptTimeout = 15 * time.Second
	retryPause     = 2 * time.Second
)

// newDataStore gives the verbs that Jobs on a shard run beside a datastore.
func newDataStore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "datastore",
		Short: "Prepare a shared etcd (run by Jobs on a shard)",
		Long: `Datastore prepares an etcd that several tenants share. Tenantry runs it in Jobs on
the shard, where the root certificate is; people have no need to. Each verb may
be repeated: it looks at what is there and does the rest.`,
		Hidden: true,
		Args:   args(cobra.NoArgs),
		RunE:   func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		dataStoreVerb("enable-auth", "Make the root user and turn authentication on", false,
			func(ctx context.Context, c datastore.Config, _, _ string) error { return datastore.EnableAuth(ctx, c) }),
		dataStoreVerb("add-tenant", "Give a user exactly one key range", true, datastore.AddTenant),
		dataStoreVerb("remove-tenant", "Remove a user and all keys of its range", true, datastore.RemoveTenant),
	)
	return cmd
}

// dataStoreVerb makes one verb; ofTenant ones take a user and a prefix.
func dataStoreVerb(name, short string, ofTenant bool,
	do func(ctx context.Context, c datastore.Config, user, prefix string) error,
) *cobra.Command {
	example := "  tenantry datastore " + name + " --endpoint https://etcd.datastore-a.svc:2379 --cacert ca.crt --cert tls.crt --key tls.key"
	if ofTenant {
		example += " --user 1111-2222 --prefix /1111-2222/"
	}
	cmd := &cobra.Command{Use: name, Short: short, Example: example, Args: args(cobra.NoArgs)}
	c := datastore.Config{Timeout: attemptTimeout}
	var user, prefix string
	f := cmd.Flags()
	f.StringArrayVar(&c.Endpoints, "endpoint", nil, "`URL` of the datastore; repeat it for each member")
	f.StringVar(&c.TLSServerName, "tls-server-name", "", "`NAME` in the datastore's certificate; by default the endpoint's")
	f.StringVar(&c.CA, "cacert", "", "`FILE` with the authority that signed the datastore's certificate")
	f.StringVar(&c.Cert, "cert", "", "`FILE` with root's certificate")
	f.StringVar(&c.Key, "key", "", "`FILE` with its key")
	timeout := f.Duration("timeout", 2*time.Minute, "how long to try again")
	needed := []string{"endpoint", "cacert", "cert", "key"}
	if ofTenant {
		f.StringVar(&user, "user", "", "`NAME` of the user, the common name of the tenant's certificate")
		f.StringVar(&prefix, "prefix", "", "`PREFIX` of its keys, with a slash at both ends")
		needed = append(needed, "user", "prefix")
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range needed {
			if !f.Changed(name) {
				return misusef("missing --%s", name)
			}
		}
		return insist(cmd.Context(), cmd.ErrOrStderr(), *timeout, retryPause, func(ctx context.Context) error {
			return do(ctx, c, user, prefix)
		})
	}
	return cmd
}

// insist tries until it succeeds or the time is over: a datastore that has just
// been started is not there at once. Each new reason is told.
func insist(ctx context.Context, stderr io.Writer, timeout, pause time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	told := ""
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			fmt.Fprintf(stderr, "tenantry: %v; trying again every %s\n", err, pause)
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("gave up: %w", err)
		case <-wait.C:
		}
	}
}

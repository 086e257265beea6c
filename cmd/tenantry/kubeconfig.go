package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// shardTimeout bounds the one request to a shard.
const shardTimeout = 30 * time.Second

func newKubeconfig() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "kubeconfig TENANT [--merge] [FILE]",
		Short: "Fetch a tenant's kubeconfig by its reference in Git",
		Long: `Kubeconfig follows the reference that the status branch holds: it reads exactly
that Secret on the tenant's shard, compares the certificate in it with the
reference, and prints the kubeconfig. Whoever runs it needs a kubeconfig of the
shard that may read the Secret: nothing in Git unlocks anything.

With --merge it is not printed but written into a kubeconfig file, beside what is
there already, as context, cluster and user tenantry/TENANT. The file is FILE if
it is named, else the first one of $KUBECONFIG, else ~/.kube/config. The current
context stays what it is. An entry of that name that is not the same tenant's is
only replaced with --overwrite.`,
		Example: `  tenantry kubeconfig acme --kubeconfigs ./shards > acme.kubeconfig
  tenantry kubeconfig acme --kubeconfigs ./shards --merge
  tenantry kubeconfig acme --kubeconfigs ./shards --merge ./team.kubeconfig
  kubectl --context tenantry/acme get namespaces`,
		ValidArgsFunction: completeTenant,
	}
	c.take(cmd, slices.Concat([]string{"kubeconfigs"}, statusSettings, remoteSettings)...)
	merge := cmd.Flags().Bool("merge", false, "write it into a kubeconfig file instead of printing it: FILE, by default the one that kubectl uses")
	overwrite := cmd.Flags().Bool("overwrite", false, "let --merge replace an entry that is not this tenant's")
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		most := 1
		if *merge {
			most = 2
		}
		return args(cobra.RangeArgs(1, most))(cmd, given)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := required(cmd.Flags(), "repository", "kubeconfigs"); err != nil {
			return err
		}
		status, err := c.tenantStatus(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		found, err := c.follow(cmd.Context(), status)
		if err != nil {
			return fmt.Errorf("fetch kubeconfig of %s: %w", status.Name, err)
		}
		if found.rotated {
			fmt.Fprintf(cmd.ErrOrStderr(), "tenantry: the certificate was rotated since the reference was committed; this is the newer one\n")
		}
		if !*merge {
			content, err := clientcmd.Write(*found.config)
			if err == nil {
				_, err = cmd.OutOrStdout().Write(content)
			}
			return err
		}
		file := mergeTarget(args[1:])
		m := merger{tenant: status.Name, uid: status.UID, overwrite: *overwrite}
		changed, err := m.into(file, found.config)
		if err != nil {
			return fmt.Errorf("merge kubeconfig of %s into %s: %w", status.Name, file, err)
		}
		if !changed {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s has it already\n", file)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", m.name())
		return err
	}
	return cmd
}

// tenantStatus reads one tenant's status from Git.
func (c *config) tenantStatus(ctx context.Context, tenant string) (core.TenantStatus, error) {
	r, err := c.openStatus(ctx)
	if err != nil {
		return core.TenantStatus{}, err
	}
	defer r.close()
	fsys, _, err := r.read(ctx, c.statusBranch)
	if err != nil {
		return core.TenantStatus{}, statusHint(err)
	}
	statuses, err := readStatus(fsys, c.progress)
	found, missing := findStatus(statuses, tenant)
	if missing != nil {
		return core.TenantStatus{}, errors.Join(missing, err) // it may be the one that cannot be read
	}
	return found, nil
}

// credential is a tenant's kubeconfig as its shard holds it.
type credential struct {
	config *clientcmdapi.Config
	// rotated is true when its certificate is not the one that the reference names.
	rotated bool
}

// follow reads the Secret that a tenant's status refers to, and judges it.
func (c *config) follow(ctx context.Context, s core.TenantStatus) (credential, error) {
	ref := s.Kubeconfig
	switch {
	case s.Phase == core.Removed && s.PurgeAfter != nil:
		return credential{}, hint(fmt.Errorf("the tenant was removed; it is stopped, and its data is kept until %s", moment(*s.PurgeAfter)),
			"revert the commit that removed it before then, and it is back")
	case s.Phase == core.Removed || s.Phase == core.Purging:
		return credential{}, errors.New("the tenant was removed, and is being torn down")
	case ref == nil && s.Phase == core.Ready:
		return credential{}, fmt.Errorf("provider %s does not say where one is", s.Provider)
	case ref == nil:
		return credential{}, hint(fmt.Errorf("there is none yet: the tenant is %s", s.Phase),
			fmt.Sprintf("\"tenantry explain %s\" says what it waits for", s.Name))
	}
	client, err := c.dial(ref.Shard)
	if err != nil {
		return credential{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, shardTimeout)
	defer cancel()
	secret, err := client.Secrets(ref.Namespace).Get(ctx, ref.Secret, metav1.GetOptions{})
	if err != nil {
		return credential{}, fmt.Errorf("read secret %s/%s on shard %s: %w", ref.Namespace, ref.Secret, ref.Shard, err)
	}
	// Whoever can write to the status branch must not choose which Secret is read.
	if !c.belongs(ctx, secret.Labels, s) {
		return credential{}, hint(fmt.Errorf("secret %s/%s on shard %s is not this tenant's", ref.Namespace, ref.Secret, ref.Shard),
			"its labels name another owner, or none; was the status branch edited?")
	}
	raw, ok := secret.Data[ref.Key]
	if !ok {
		return credential{}, fmt.Errorf("secret %s/%s on shard %s has no key %s", ref.Namespace, ref.Secret, ref.Shard, ref.Key)
	}
	config, fingerprint, err := inspect(raw)
	if err != nil {
		return credential{}, fmt.Errorf("kubeconfig in secret %s/%s on shard %s: %w", ref.Namespace, ref.Secret, ref.Shard, err)
	}
	return credential{config: config, rotated: fingerprint != ref.Fingerprint}, nil
}

// belongs tells whether the labels of a Secret say that it is a tenant's: uid and, where
// it stands, name.
func (c *config) belongs(ctx context.Context, labels map[string]string, s core.TenantStatus) bool {
	uid, name := labels[render.LabelUID], labels[render.LabelTenant]
	if uid == "" {
		return c.madeByProvider(ctx, s)
	}
	return uid == s.UID && (name == "" || name == s.Name)
}

// madeByProvider tells whether a status refers to the one Secret that the provider's
// own controllers make for a tenant of this name. It carries nobody's uid, but its place
// follows from the name that was asked for.
func (c *config) madeByProvider(ctx context.Context, s core.TenantStatus) bool {
	renderer, err := render.New(render.Options{Image: "unused"})
	if err != nil {
		return false
	}
	there := func(own *fleet.Provider, adopted *ledger.Adopted) bool {
		key, ok := renderer.ForeignKubeconfig(s.Provider, own, s.Name, adopted)
		return ok && key == render.SecretKey{Namespace: s.Kubeconfig.Namespace, Name: s.Kubeconfig.Secret, Key: s.Kubeconfig.Key}
	}
	if renderer.LatestBase(s.Provider) != "" && there(nil, nil) {
		return true
	}
	own, adopted, err := c.decided(ctx, s)
	return err == nil && there(own, adopted)
}

// decided is the provider of the fleet's own that a tenant's class is in force with, if it
// is, and what the tenant was taken over from, if it was. The ledger says so: the status
// branch is not believed.
func (c *config) decided(ctx context.Context, s core.TenantStatus) (*fleet.Provider, *ledger.Adopted, error) {
	r, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer r.close()
	at, err := r.revision(ctx, c.ledgerBranch)
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.Read(at)
	if err != nil {
		return nil, nil, err
	}
	tenant, class := l.Tenants[s.Name], l.Classes[s.Class]
	if tenant == nil || class == nil || tenant.UID != s.UID || tenant.Provider != class.Provider || class.Provider != s.Provider {
		return nil, nil, fmt.Errorf("the ledger does not know tenant %s with class %s of provider %s", s.Name, s.Class, s.Provider)
	}
	in, err := r.classInForce(ctx, class)
	if err != nil {
		return nil, nil, err
	}
	return in.Own, tenant.Adopted, nil
}

// dial connects to a shard by its kubeconfig in --kubeconfigs, which is found by
// the daemon's own rules.
func (c *config) dial(name string) (*typedcorev1.CoreV1Client, error) {
	rest, err := c.reach(name)
	if err != nil {
		return nil, err
	}
	client, err := typedcorev1.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("reach shard %s: %w", name, err)
	}
	return client, nil
}

// mergeTarget is the file to merge into.
func mergeTarget(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	for _, path := range filepath.SplitList(os.Getenv(clientcmd.RecommendedConfigPathEnvVar)) {
		if path != "" {
			return path
		}
	}
	return cmp.Or(clientcmd.RecommendedHomeFile, "config")
}

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The life of tenants whose control planes really run, on two management clusters.
// The steps build on each other: a control plane costs seconds and memory.
func TestTenants(t *testing.T) {
	c := suite.full.Start(t)
	a, b := open(t, c, "a"), open(t, c, "b")
	f := newFleet(t, "live", a, b)
	f.patience = 5 * time.Minute
	f.start()
	l := &life{fleet: f, a: a, b: b}
	for _, step := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"onboarding", l.onboard},
		{"a third lands on the other shard", l.spread},
		{"one's datastore credential is refused on another's keys", l.separate},
		{"change", l.change},
		{"the kubeconfig follows a renewed certificate", l.rotate},
		{"removal within retention and revert", l.removeAndRevert},
		{"removal after retention", l.purge},
		{"daemon gone", l.alone},
	} {
		// Steps after a failed one would fail for its reason.
		if !t.Run(step.name, func(t *testing.T) { f.t = t; step.run(t) }) {
			break
		}
	}
	f.t = t
}

// life is what the steps share.
type life struct {
	*fleet
	a, b *shard
}

func (l *life) onboard(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"acme", "globex"} {
		path, content := tenant(name, "shard: a")
		files[path] = content
	}
	l.MustCommit(declared, files)
	l.reach("Ready", "acme", "globex")
	acme, globex := l.api(t, "acme"), l.api(t, "globex")
	for name, api := range map[string]*kubernetes.Clientset{"acme": acme, "globex": globex} {
		v, err := api.Discovery().ServerVersion()
		if err != nil {
			t.Fatalf("%s does not answer: %v", name, err)
		}
		if v.GitVersion != "v1.36.3" {
			t.Errorf("%s is version %s", name, v.GitVersion)
		}
		note(t, api, name)
	}
	// What only its controller manager writes is there too, and nothing of others.
	l.eventually("acme's controller manager works", func() error {
		list, err := acme.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
		if err == nil && len(list.Items) != 2 {
			err = fmt.Errorf("there are %d ConfigMaps, want kube-root-ca.crt and its own", len(list.Items))
		}
		return err
	})
	// Its administrator is nobody at the neighbour's.
	foreign := l.connection(t, "acme")
	foreign.Host = l.connection(t, "globex").Host
	foreign.TLSClientConfig.Insecure, foreign.TLSClientConfig.CAData = true, nil
	client, err := kubernetes.NewForConfig(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) && !apierrors.IsForbidden(err) {
		t.Errorf("globex answers acme's administrator with %v, want a refusal", err)
	}
	out, errs, code := l.command("status", "--repository", l.URL)
	if code != 0 || !strings.Contains(out, "acme") || !strings.Contains(out, "globex") || strings.Count(out, "Ready") < 2 {
		t.Errorf("status ended with %d and said\n%s%s", code, out, errs)
	}
	for path, content := range l.MustFiles(observed) {
		if strings.Contains(content, "PRIVATE KEY") || strings.Contains(content, "client-key") || strings.Contains(content, "certificate-authority-data") {
			t.Errorf("%s on the status branch holds a credential", path)
		}
	}
}

func (l *life) spread(t *testing.T) {
	l.declare("initech")
	l.reach("Ready", "initech")
	if e := l.mustEntry("initech"); e.Placement.Shard != "b" {
		t.Errorf("initech is on shard %s, want b, which has none", e.Placement.Shard)
	}
	if _, err := l.api(t, "initech").Discovery().ServerVersion(); err != nil {
		t.Errorf("initech does not answer: %v", err)
	}
}

func (l *life) change(t *testing.T) {
	globex, err := l.a.there("Deployment", "tenant-globex/control-plane")
	if err != nil {
		t.Fatal(err)
	}
	was := l.mustEntry("acme")
	path, content := tenant("acme", "shard: a", "version: v1.36.2", "network: {domain: acme.local}")
	l.MustCommit(declared, map[string]string{path: content})
	l.eventually("acme is ready in its new version", func() error {
		s, err := l.status("acme")
		if err == nil && (s.Phase != "Ready" || s.Version != "v1.36.2") {
			err = fmt.Errorf("it is %s in %s, conditions %+v", s.Phase, s.Version, s.Conditions)
		}
		return err
	})
	noted(t, l.api(t, "acme"), "acme")
	if e := l.mustEntry("acme"); e != was {
		t.Errorf("a change of the declaration alone changed the ledger entry to %+v, before %+v", e, was)
	}
	if o, err := l.a.there("Deployment", "tenant-globex/control-plane"); err != nil || o.GetGeneration() != globex.GetGeneration() {
		t.Errorf("the neighbour's Deployment was written too (%v)", err)
	}
}

func (l *life) rotate(t *testing.T) {
	before, err := l.status("acme")
	if err != nil || before.Kubeconfig == nil {
		t.Fatalf("acme has no kubeconfig: %v", err)
	}
	l.a.delete(t, "Secret", "tenant-acme/admin")
	l.eventually("the reference names the renewed certificate", func() error {
		s, err := l.status("acme")
		if err == nil && (s.Kubeconfig == nil || s.Kubeconfig.Fingerprint == before.Kubeconfig.Fingerprint) {
			err = errors.New("it names the old one")
		}
		return err
	})
	l.reach("Ready", "acme")
	noted(t, l.api(t, "acme"), "acme")
}

func (l *life) removeAndRevert(t *testing.T) {
	was, keys := l.mustEntry("globex"), l.etcd(t, "etcd-root")
	before := l.connection(t, "globex")
	l.withdraw("globex")
	l.reach("Removed", "globex")
	l.eventually("its API server is stopped", func() error { return refused(before) })
	if n := count(t, keys, "/"+was.UID+"/"); n == 0 {
		t.Error("within its retention a removed tenant has lost its data")
	}
	l.revert()
	l.reach("Ready", "globex")
	api, err := kubernetes.NewForConfig(before)
	if err != nil {
		t.Fatal(err)
	}
	noted(t, api, "globex") // by the kubeconfig of its former life
	if e := l.mustEntry("globex"); e.UID != was.UID || e.Placement != was.Placement {
		t.Errorf("the revert brought back %+v, want %+v", e, was)
	}
}

func (l *life) purge(t *testing.T) {
	globex, acme, keys := l.mustEntry("globex"), l.mustEntry("acme"), l.etcd(t, "etcd-root")
	l.deletion("retention: 1s")
	l.withdraw("globex")
	l.eventually("globex is purged", func() error { return l.lifecycle("globex", "Purged") })
	if n := count(t, keys, "/"+globex.UID+"/"); n != 0 {
		t.Errorf("%d of globex's keys are left in the datastore", n)
	}
	if _, err := keys.UserGet(t.Context(), "t-"+globex.UID); err == nil {
		t.Error("globex's user is left in the datastore")
	}
	if n := count(t, keys, "/"+acme.UID+"/"); n == 0 {
		t.Error("acme's keys went with globex's")
	}
	if err := l.a.absent("Namespace", "tenant-globex"); err != nil {
		t.Error(err)
	}
	noted(t, l.api(t, "acme"), "acme")
}

// alone: tenants do not need the daemon.
func (l *life) alone(t *testing.T) {
	l.daemon.kill()
	noted(t, l.api(t, "acme"), "acme")
}

// connection follows the reference that is committed for a tenant.
func (l *life) connection(t *testing.T, tenant string) *rest.Config {
	t.Helper()
	out, errs, code := l.command("kubeconfig", tenant, "--repository", l.URL, "--kubeconfigs", l.kubeconfigs)
	if code != 0 {
		t.Fatalf("tenantry kubeconfig %s ended with %d: %s", tenant, code, errs)
	}
	path := filepath.Join(t.TempDir(), tenant)
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.Timeout = 20 * time.Second
	return config
}

// api is a tenant's API server.
func (l *life) api(t *testing.T, tenant string) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(l.connection(t, tenant))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// note leaves something in a tenant's cluster, noted finds it again.
func note(t *testing.T, api *kubernetes.Clientset, tenant string) {
	t.Helper()
	_, err := api.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "note"}, Data: map[string]string{"of": tenant},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("write to %s: %v", tenant, err)
	}
}

func noted(t *testing.T, api *kubernetes.Clientset, tenant string) {
	t.Helper()
	got, err := api.CoreV1().ConfigMaps("default").Get(t.Context(), "note", metav1.GetOptions{})
	if err != nil || got.Data["of"] != tenant {
		t.Errorf("%s has lost its note: %v %v", tenant, got.Data, err)
	}
}

// refused tells whether nobody answers there.
func refused(config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.Timeout = 2 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if v, err := client.Discovery().ServerVersion(); err == nil {
		return fmt.Errorf("%s answers in version %s", config.Host, v)
	}
	return nil
}

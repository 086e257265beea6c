package e2e

import (
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git/gittest"
)

// ordeal is a fleet in which something bad happens to one tenant, while its
// neighbour must not notice.
type ordeal struct {
	*fleet
	shard     *shard
	bad, good string
}

// The classes of an ordeal: the tenants' own, and one that lets a tenant patch.
const openClass = `apiVersion: tenantry.io/v1alpha1
kind: ControlPlaneClass
metadata: {name: open}
spec:
  provider: native
  version: v1.36.3
  allow:
    patches:
    - {kind: apps/v1/Deployment, name: control-plane, fields: [spec.template.spec.nodeSelector, spec.template.metadata.annotations]}
    resources: [v1/ConfigMap]
`

// newOrdeal brings both tenants up.
func newOrdeal(t *testing.T, row string) *ordeal {
	t.Helper()
	t.Parallel()
	s := take(t)
	f := newFleet(t, row, s)
	o := &ordeal{fleet: f, shard: s, bad: row + "-bad", good: row + "-good"}
	f.MustCommit(declared, map[string]string{"classes/open/class.yaml": openClass})
	f.declare(o.bad, o.good)
	f.start()
	f.reach("Ready", o.bad, o.good)
	return o
}

// path is a path in the bad tenant's folder.
func (o *ordeal) path(rel string) string { return "tenants/team/" + o.bad + "/" + rel }

// fault is what happens to the bad tenant, and what is said of it.
type fault struct {
	// entries are what a commit brings.
	entries map[string]gittest.Entry
	// says are parts of the message, which stands in what validate prints and, of a
	// tenant that is held, in its status.
	says []string
	// reason of the condition Held, if the tenant is held.
	reason string
}

// spoil is a fault in the tenant's own file.
func (o *ordeal) spoil(content, reason string, says ...string) fault {
	return fault{map[string]gittest.Entry{o.path("tenant.yaml"): gittest.File(content)}, append(says, o.path("tenant.yaml")), reason}
}

// component is a fault in a Component of the tenant's own.
func (o *ordeal) component(files map[string]string, says ...string) fault {
	_, content := tenant(o.bad)
	entries := map[string]gittest.Entry{o.path("tenant.yaml"): gittest.File(strings.Replace(content, "class: standard", "class: open", 1))}
	for rel, data := range files {
		entries[o.path(rel)] = gittest.File(data)
	}
	return fault{entries: entries, says: says, reason: "NotRendered"}
}

// kustomization is a Component with these lines.
func kustomization(lines string) string {
	return "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" + lines
}

// suffers commits the fault together with a change of the neighbour, which has to
// arrive, and asserts that the bad tenant keeps what it has, that the place of the
// fault is told, and that all is well again once it is mended.
func (o *ordeal) suffers(f fault) {
	t := o.t
	t.Helper()
	was, process := o.mustEntry(o.bad), o.daemon.cmd.Process.Pid
	objects := o.shard.versions(t, was.UID)
	before := o.MustTip(declared)

	path, content := tenant(o.good, "replicas: 2")
	entries := maps.Clone(f.entries)
	entries[path] = gittest.File(content)
	if _, err := o.CommitEntries(declared, "Something bad", entries); err != nil {
		t.Fatal(err)
	}
	o.eventually("the neighbour's change arrives", func() error { return o.shard.replicas(o.good, 2) })
	o.reach("Ready", o.good)
	o.eventually("the fault is told", func() error {
		st, err := o.status(o.bad)
		if err != nil {
			return err
		}
		held := st.because("Held")
		switch {
		case f.reason == "" && st.Phase == "Ready":
			return nil
		case f.reason == "" || !strings.HasPrefix(held, "True "+f.reason+": "):
			return fmt.Errorf("it is %s, Held %q, want reason %q", st.Phase, held, f.reason)
		}
		return missing(held, f.says)
	})
	out, errs, code := o.command("validate", "--repository", o.URL)
	if err := missing(out+errs, f.says); err != nil || code != 1 || strings.Contains(out+errs, o.good) {
		t.Errorf("validate ended with %d and said\n%s\nwant 1 and %q, and nothing of the neighbour", code, out+errs, f.says)
	}
	if diff := cmp.Diff(objects, o.shard.versions(t, was.UID)); diff != "" {
		t.Errorf("objects of the tenant were touched (-before +after):\n%s", diff)
	}
	if e := o.mustEntry(o.bad); e.UID != was.UID || e.Placement != was.Placement || e.Lifecycle != "Living" {
		t.Errorf("the ledger says %+v, want the tenant living as it was: %+v", e, was)
	}
	o.alive(process)

	mended := strings.TrimSpace(o.MustGit("commit-tree", before+"^{tree}", "-p", o.MustTip(declared), "-m", "Mend"))
	if err := o.SetBranch(declared, mended); err != nil {
		t.Fatal(err)
	}
	o.reach("Ready", o.bad, o.good)
	o.eventually("it is not held any more", func() error {
		if e := o.mustEntry(o.bad); e.UID != was.UID || e.Held != nil {
			return fmt.Errorf("the ledger says %+v", e)
		}
		return nil
	})
}

// missing says which of the parts a text lacks.
func missing(text string, parts []string) error {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return fmt.Errorf("%q lacks %q", text, p)
		}
	}
	return nil
}

// alive asserts that the daemon is the process that it was.
func (o *ordeal) alive(pid int) {
	o.t.Helper()
	select {
	case <-o.daemon.ended:
		o.t.Fatalf("the daemon has ended: %v\n%s", o.daemon.err, o.daemon.log.tail())
	default:
	}
	if err := syscall.Kill(pid, 0); err != nil || o.daemon.cmd.Process.Pid != pid {
		o.t.Errorf("the daemon is not the process that it was: %v", err)
	}
}

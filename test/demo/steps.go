package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
)

func (d *demo) runDaemon(ctx context.Context) error {
	began := time.Now()
	// The repository and the kubeconfigs stand in the environment.
	arguments := []string{"run", "--interval", "2s", "--status-interval", "1s", "--listen", "127.0.0.1:0"}
	d.out.command("tenantry " + strings.Join(arguments, " ") + " &")
	argv := append([]string{d.opts.tenantry}, append(arguments, "--cache-dir", filepath.Join(d.dir, "cache"))...)
	var err error
	d.daemon, err = startProcess("tenantry run", filepath.Join(d.dir, "tenantry.log"), d.dir, d.env, argv)
	if err != nil {
		return err
	}
	return d.waitReady(ctx, began, "the daemon's start", d.tenants...)
}

// waitReady watches the status branch until these tenants are ready.
func (d *demo) waitReady(ctx context.Context, began time.Time, since string, names ...string) error {
	seen := map[string]string{}
	for _, name := range names {
		seen[name] = describe(core.TenantStatus{}) // nothing to tell
	}
	return d.wait(ctx, func(ctx context.Context) error {
		statuses, err := d.statuses(ctx)
		if err != nil {
			return err
		}
		var waiting []string
		for _, name := range names {
			s := statuses[name]
			is := describe(s)
			if seen[name] != is {
				seen[name] = is
				d.out.progress("%s: %s", name, is)
				if s.Phase == core.Ready {
					d.timed(began, "%s ready since %s", name, since)
				}
			}
			if s.Phase != core.Ready {
				waiting = append(waiting, name+" is "+is)
			}
		}
		if len(waiting) > 0 {
			return errors.New(strings.Join(waiting, ", "))
		}
		return nil
	})
}

// ledgerLog shows the ledger as the audit log that it is.
const ledgerLog = "git fetch -q && git log --format='%h %an: %s%n%w(0,4,4)%b' origin/tenantry-ledger"

func (d *demo) showGit(ctx context.Context) error {
	statuses, err := d.statuses(ctx)
	if err != nil {
		return err
	}
	first := d.tenants[0]
	return d.showAll(ctx,
		ledgerLog,
		"git show origin/tenantry-ledger:"+ledger.TenantPath(first),
		"git show origin/tenantry-status:status/"+statuses[first].Shard+"/"+ledger.Dir(first)+"/"+first+".yaml",
		"tenantry status",
	)
}

func (d *demo) askAll(ctx context.Context) error {
	began := time.Now()
	for _, name := range d.tenants {
		if err := d.ask(ctx, name); err != nil {
			return err
		}
	}
	d.timed(began, "%d kubeconfigs followed and asked", len(d.tenants))
	return nil
}

// ask gets a tenant's kubeconfig by its reference in Git and asks its API.
func (d *demo) ask(ctx context.Context, tenant string) error {
	if _, err := d.show(ctx, "tenantry kubeconfig "+tenant+" --merge"); err != nil {
		return err
	}
	kubectl := "kubectl --context tenantry/" + tenant
	answer, err := d.show(ctx, kubectl+" get --raw /readyz")
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "ok" {
		return fmt.Errorf("%s answers %q to /readyz, want ok", tenant, answer)
	}
	if _, err := d.show(ctx, kubectl+" get namespaces"); err != nil {
		return err
	}
	d.answered[tenant] = true
	return nil
}

// newcomer is the tenant that is onboarded while everything runs.
const newcomer = "initech"

func (d *demo) onboard(ctx context.Context) error {
	began := time.Now()
	err := d.showAll(ctx,
		"tenantry tenant new "+newcomer+" --team ops",
		"cat tenants/ops/"+newcomer+"/tenant.yaml",
		`git add . && git commit -q -m "Onboard `+newcomer+`" && git push -q`,
	)
	if err != nil {
		return err
	}
	d.tenants = append(d.tenants, newcomer)
	if err := d.waitReady(ctx, began, "its commit", newcomer); err != nil {
		return err
	}
	return d.showAll(ctx, ledgerLog+" -- "+ledger.TenantPath(newcomer), "tenantry explain "+newcomer)
}

// use creates something in the newcomer and reads it back.
func (d *demo) use(ctx context.Context) error {
	if err := d.ask(ctx, newcomer); err != nil {
		return err
	}
	const greeting = "hello from a commit"
	kubectl := "kubectl --context tenantry/" + newcomer
	began := time.Now()
	err := d.showAll(ctx,
		kubectl+" create namespace hello",
		kubectl+` -n hello create configmap greeting --from-literal=text="`+greeting+`"`,
	)
	if err != nil {
		return err
	}
	text, err := d.show(ctx, kubectl+" -n hello get configmap greeting -o jsonpath={.data.text}")
	if err != nil {
		return err
	}
	if text != greeting {
		return fmt.Errorf("read back %q, want %q", text, greeting)
	}
	d.timed(began, "a namespace and a ConfigMap created and read back")
	return nil
}

// changed is the tenant that is given a second control plane.
const changed = "globex"

func (d *demo) change(ctx context.Context) error {
	statuses, err := d.statuses(ctx)
	if err != nil {
		return err
	}
	was := statuses[changed]
	began := time.Now()
	err = d.showAll(ctx,
		"echo '  replicas: 2' >> tenants/web/"+changed+"/tenant.yaml && git diff",
		`git commit -q -a -m "Give `+changed+` a second control plane" && git push -q`,
	)
	if err != nil {
		return err
	}
	err = d.wait(ctx, func(ctx context.Context) error {
		statuses, err := d.statuses(ctx)
		if err != nil {
			return err
		}
		if is := statuses[changed]; is.Phase != core.Ready || is.Digest == was.Digest {
			return fmt.Errorf("%s is %s as before its change", changed, describe(is))
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.timed(began, "%s ready as changed since its commit", changed)
	replicas, err := d.show(ctx, "kubectl --kubeconfig $CLUSTERS/"+was.Shard+
		" -n tenant-"+changed+" get deployment control-plane -o jsonpath={.status.readyReplicas}")
	if err != nil {
		return err
	}
	if replicas != "2" {
		return fmt.Errorf("%s has %q ready control planes, want 2", changed, replicas)
	}
	return d.ask(ctx, changed)
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
)

// statuses are the tenants' as the status branch has them now, by name.
func (d *demo) statuses(ctx context.Context) (map[string]core.TenantStatus, error) {
	out, err := d.quiet(ctx, "tenantry status -o json")
	if err != nil {
		return nil, err
	}
	return decode([]byte(out))
}

func decode(content []byte) (map[string]core.TenantStatus, error) {
	var list []core.TenantStatus
	if err := json.Unmarshal(content, &list); err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	statuses := map[string]core.TenantStatus{}
	for _, s := range list {
		statuses[s.Name] = s
	}
	return statuses, nil
}

// describe says in a few words how a tenant is.
func describe(s core.TenantStatus) string {
	switch {
	case s.Name == "":
		return "no status yet"
	case s.Phase == core.Ready:
		return fmt.Sprintf("Ready on %s, %s", s.Shard, s.Endpoint)
	}
	words := string(s.Phase)
	if s.Shard != "" {
		words += " on " + s.Shard
	}
	for _, c := range s.Conditions {
		if (c.Status == "True") == (c.Type == "Held") {
			return words + ": " + cmp.Or(c.Message, c.Reason)
		}
	}
	return words
}

// count looks a last time, and gives what the last line says.
func (d *demo) count(ctx context.Context) (string, error) {
	if _, err := d.show(ctx, "tenantry status"); err != nil {
		return "", err
	}
	statuses, err := d.statuses(ctx)
	if err != nil {
		return "", err
	}
	d.out.line("")
	d.out.spans(append(d.took, span{"altogether", time.Since(d.out.began)}))
	return tally(d.tenants, statuses, d.answered)
}

// tally counts tenants that are ready, the shards that they are on, and kubeconfigs
// that answered. All declared ones must be ready and must have answered.
func tally(declared []string, statuses map[string]core.TenantStatus, answered map[string]bool) (string, error) {
	ready, kubeconfigs, shards := 0, 0, map[string]bool{}
	for _, name := range declared {
		s := statuses[name]
		if s.Phase != core.Ready {
			return "", fmt.Errorf("%s is %s", name, describe(s))
		}
		if !answered[name] {
			return "", fmt.Errorf("%s was not asked", name)
		}
		ready, kubeconfigs, shards[s.Shard] = ready+1, kubeconfigs+1, true
	}
	if len(statuses) != len(declared) {
		return "", fmt.Errorf("the status branch tells of %d tenants, want the %d that are declared", len(statuses), len(declared))
	}
	return fmt.Sprintf("%d tenants ready on %d shards, %d kubeconfigs answered", ready, len(shards), kubeconfigs), nil
}

// howToPlay says what to try while everything runs.
func (d *demo) howToPlay() {
	d.out.line(playText, d.dir)
}

const playText = `
Everything is left running. In another terminal:

  . %s/env

  tenantry status --watch
  kubectl --context tenantry/acme create namespace mine
  git log -p origin/tenantry-ledger

Onboard one more, and ask it once "tenantry status" says that it is ready:

  tenantry tenant new umbrella --team web
  git add . && git commit -m "Onboard umbrella" && git push

  tenantry kubeconfig umbrella --merge && kubectl --context tenantry/umbrella get namespaces

Remove it, and change your mind (its data is kept for the retention in fleet.yaml):

  git rm -r tenants/web/umbrella && git commit -m "Remove umbrella" && git push
  git revert --no-edit HEAD && git push

Look behind the scenes, at a management cluster:

  kubectl --kubeconfig $CLUSTERS/eu-1 get pods -A

Ctrl-C here stops everything and removes it.
`

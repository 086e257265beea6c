package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/strict"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

// branches is what was read for an explanation.
type branches struct {
	declared *git.Revision
	fleet    *fleet.Fleet
	ledgerAt *git.Revision
	ledger   *ledger.Ledger
	statuses []core.TenantStatus
	shards   map[string]*core.ShardStatus
	notes    []string
}

// branches reads the three branches. One that is missing is a note: the others
// have something to say all the same.
func (c *config) branches(ctx context.Context, r *remote) (*branches, error) {
	b := &branches{ledger: ledger.Empty(), fleet: &fleet.Fleet{}, shards: map[string]*core.ShardStatus{}}
	var err error
	note := func(err error, meaning string) error {
		if errors.Is(err, errNoBranch) {
			b.notes = append(b.notes, err.Error()+": "+meaning)
			return nil
		}
		return err
	}
	if b.declared, err = r.revision(ctx, c.branch); err == nil {
		b.fleet, _, err = load(b.declared)
	}
	if err := note(err, "everything is held until it is back"); err != nil {
		return nil, err
	}
	if b.ledgerAt, err = r.revision(ctx, c.ledgerBranch); err == nil {
		if b.ledger, err = ledger.Read(b.ledgerAt); err != nil {
			b.ledger = ledger.Empty()
			b.notes, err = append(b.notes, err.Error()), nil
		}
	}
	if err := note(err, `nothing has been decided yet: "tenantry run" begins it`); err != nil {
		return nil, err
	}
	if c.statusApart() {
		if r, err = c.openStatus(ctx); err != nil {
			return nil, err
		}
		defer r.close()
	}
	status, _, err := r.read(ctx, c.statusBranch)
	if err := note(err, `nothing has been observed yet: "tenantry run" begins it`); err != nil {
		return nil, err
	}
	if status != nil {
		if b.statuses, err = readStatus(status, c.progress); err != nil {
			b.notes = append(b.notes, err.Error())
		}
		b.readShards(status)
	}
	return b, nil
}

func (b *branches) readShards(status fs.FS) {
	files, err := fs.Glob(status, "status/*/_shard.yaml")
	if err != nil {
		return // the pattern is well-formed
	}
	for _, p := range files {
		raw, err := fs.ReadFile(status, p)
		var s core.ShardStatus
		if err == nil {
			err = yaml.Unmarshal(raw, &s)
		}
		if err != nil {
			b.notes = append(b.notes, fmt.Sprintf("read %s: %v", p, err))
			continue
		}
		b.shards[s.Name] = &s
	}
}

// unknown is the error about a tenant of which no branch knows.
func (b *branches) unknown(name string) error {
	err := errors.New("no branch knows a tenant of that name")
	names := map[string]bool{}
	for n := range b.fleet.Tenants {
		names[n] = true
	}
	for n := range b.ledger.Tenants {
		names[n] = true
	}
	for _, s := range b.statuses {
		names[s.Name] = true
	}
	if len(b.notes) > 0 {
		err = fmt.Errorf("%w; %s", err, strings.Join(b.notes, "; "))
	}
	if near := strict.Nearest(name, slices.Sorted(maps.Keys(names))); near != "" {
		return hint(err, fmt.Sprintf("did you mean %s?", near))
	}
	return hint(err, `"tenantry status" lists the tenants; "tenantry tenant new" writes a new one's file`)
}

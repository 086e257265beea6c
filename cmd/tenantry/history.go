package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
)

// change is a commit that made something what it is.
type change struct {
	Commit string    `json:"commit"`
	When   time.Time `json:"when"`
}

func (c *change) String() string {
	return fmt.Sprintf("commit %.12s of %s", c.Commit, moment(c.When))
}

// changeLimit bounds how far back a change is searched, in commits.
const changeLimit = 1000

// lastChange walks back along first parents to the newest commit before which it
// was not the same; nil when that is too long ago to search.
func lastChange(ctx context.Context, repo *git.Repository, at *git.Revision, same func(newer, older *git.Revision) (bool, error)) (*change, error) {
	for range changeLimit {
		parents := at.Parents()
		if len(parents) == 0 {
			return &change{string(at.Commit()), at.When()}, nil
		}
		older, err := repo.Revision(ctx, parents[0])
		if err != nil {
			return nil, fmt.Errorf("search the history: %w", err)
		}
		switch equal, err := same(at, older); {
		case err != nil:
			return nil, fmt.Errorf("search the history: %w", err)
		case !equal:
			return &change{string(at.Commit()), at.When()}, nil
		}
		at = older
	}
	return nil, nil
}

// samePath compares what stands at a path.
func samePath(p string) func(newer, older *git.Revision) (bool, error) {
	return func(newer, older *git.Revision) (bool, error) {
		a, err := hashAt(newer, p)
		if err != nil {
			return false, err
		}
		b, err := hashAt(older, p)
		return a == b, err
	}
}

// samePlacement compares where the ledger has a tenant of that identity.
func samePlacement(now *ledger.Tenant) func(newer, older *git.Revision) (bool, error) {
	unchanged := samePath(ledger.TenantPath(now.Name))
	return func(newer, older *git.Revision) (bool, error) {
		if same, err := unchanged(newer, older); same || err != nil {
			return same, err
		}
		was, err := entryAt(older, now.Name)
		return was != nil && was.UID == now.UID && was.Placement == now.Placement, err
	}
}

// entryAt is what the ledger said of a tenant; nil when it said nothing.
func entryAt(rev *git.Revision, name string) (*ledger.Tenant, error) {
	p := ledger.TenantPath(name)
	raw, err := fs.ReadFile(rev, p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var was ledger.Tenant
	if err := yaml.Unmarshal(raw, &was); err != nil {
		return nil, fmt.Errorf("read %s: %w", p, err)
	}
	return &was, nil
}

// hashAt names what stands at a path; nothing has the empty hash.
func hashAt(rev *git.Revision, p string) (git.Hash, error) {
	h, err := rev.Hash(p)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return h, err
}

func dirOf(file string) string {
	if i := strings.LastIndexByte(file, '/'); i > 0 {
		return file[:i]
	}
	return file
}

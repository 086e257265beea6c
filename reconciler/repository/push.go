package repository

import (
	"context"
	"errors"
	"maps"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

func (e *Edge) pushLedger(ctx context.Context, f core.PushLedger) core.LedgerPushed {
	parts, err := f.Ledger.Draft(f.Changes)
	if err != nil {
		return core.LedgerPushed{Err: err}
	}
	mounted := map[string]git.Hash{}
	for path, tree := range parts.Mounts {
		mounted[path] = git.Hash(tree)
	}
	tip, err := e.repo.Push(ctx, git.Draft{
		Branch: e.branches.Ledger, Parent: git.Hash(f.Parent), Files: parts.Files, Mounts: mounted,
		Message: f.Ledger.Message(f.Changes, ledger.Trailer{Key: "Source-Commit", Value: f.Commit}), When: f.When,
	})
	if err != nil {
		e.ledgerOK = false // read it again whatever its tip
		return core.LedgerPushed{Err: err}
	}
	e.ledger, e.known = string(tip), string(tip)
	return core.LedgerPushed{Tip: string(tip)}
}

// pushStatus lays observations on whatever the tip is: their paths are ours alone.
// The overview is made anew on each tip, of all that stands there then.
func (e *Edge) pushStatus(ctx context.Context, f core.PushStatus) core.StatusPushed {
	draft := git.Draft{Branch: e.branches.Status, Parent: git.Hash(f.Parent), Message: f.Message, When: f.When}
	for range 5 {
		draft.Files = maps.Clone(f.Files)
		renew, err := e.overview.renew(ctx, e.repo, &draft)
		if err != nil { // it is worth no observation
			e.log.Warn("cannot make the overview of the status branch", "branch", e.branches.Status, "error", err)
		}
		tip := draft.Parent
		if err = nil; len(draft.Files) > 0 {
			tip, err = e.repo.Push(ctx, draft)
		}
		if err == nil {
			// What this push was laid on unseen is still unseen after the next one.
			e.status, e.statusOK = string(tip), e.statusOK && draft.Parent == git.Hash(f.Parent)
			return core.StatusPushed{Tip: string(tip), Renew: renew}
		}
		if !errors.Is(err, git.ErrConflict) {
			e.statusOK = false
			return core.StatusPushed{Err: err}
		}
		tips, err := e.repo.Fetch(ctx, e.branches.Status)
		if err != nil {
			return core.StatusPushed{Err: err}
		}
		draft.Parent = tips[e.branches.Status]
	}
	e.statusOK = false
	return core.StatusPushed{Err: git.ErrConflict}
}

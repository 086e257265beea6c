package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

func (e *Edge) fetch(ctx context.Context, f core.Fetch, report func(core.Event)) {
	names := []string{e.branches.Declared, e.branches.Ledger}
	if e.apart == nil {
		names = append(names, e.branches.Status)
	}
	tips, err := e.repo.Fetch(ctx, names...)
	if err != nil {
		report(core.Fetched{Seq: f.Seq, Err: err})
		return
	}
	e.readDeclared(ctx, tips, f, report)
	e.readLedger(ctx, string(tips[e.branches.Ledger]), f, report)
	if e.apart == nil {
		e.tryStatus(ctx, tips, report)
	}
	report(core.Fetched{Seq: f.Seq})
}

// fetchStatus reads the status branch of a repository that holds nothing else of ours.
func (e *Edge) fetchStatus(ctx context.Context, report func(core.Event)) {
	tips, err := e.repo.Fetch(ctx, e.branches.Status)
	if err != nil {
		e.log.Warn("cannot fetch the status repository", "error", err)
		return
	}
	e.tryStatus(ctx, tips, report)
}

// tryStatus reads the status branch. Observations can be made again: that they cannot be
// read stops nothing else.
func (e *Edge) tryStatus(ctx context.Context, tips map[string]git.Hash, report func(core.Event)) {
	if err := e.readStatus(ctx, string(tips[e.branches.Status]), report); err != nil {
		e.log.Error("cannot read the status branch; no status is committed until it is readable or removed", "branch", e.branches.Status, "error", err)
	}
}

func (e *Edge) readDeclared(ctx context.Context, tips map[string]git.Hash, f core.Fetch, report func(core.Event)) {
	next := e.loadDeclared(ctx, tips, f)
	if next.Problem == "" && e.declared.Problem == "" && next.Commit == e.declared.Commit {
		return
	}
	e.declared = next
	report(next)
}

func (e *Edge) loadDeclared(ctx context.Context, tips map[string]git.Hash, f core.Fetch) core.Declared {
	tip, there := tips[e.branches.Declared]
	if !there {
		return core.Declared{Problem: core.Missing, Message: fmt.Sprintf(
			"branch %s does not exist: everything is held until it is back", e.branches.Declared)}
	}
	unreadable := func(err error) core.Declared {
		return core.Declared{Problem: core.Unreadable, Message: fmt.Sprintf("read branch %s at %s: %v", e.branches.Declared, tip, err)}
	}
	for _, accepted := range f.Accepted {
		if accepted == string(tip) || f.AcceptRewind == string(tip) {
			continue
		}
		ok, err := e.repo.IsAncestor(ctx, git.Hash(accepted), tip)
		if err != nil {
			return unreadable(err)
		}
		if !ok {
			return core.Declared{Problem: core.Rewound, Message: fmt.Sprintf(
				"branch %s is at %s, which does not descend from %s, accepted before: everything is held; push a commit that does, or accept it with --accept-rewind %s",
				e.branches.Declared, tip, accepted, tip)}
		}
	}
	if e.declared.Problem == "" && e.declared.Commit == string(tip) {
		return e.declared
	}
	rev, err := e.repo.Revision(ctx, tip)
	if err != nil {
		return unreadable(err)
	}
	loaded, findings, err := e.loader.Load(hashed{rev})
	if err != nil {
		return unreadable(err)
	}
	return core.Declared{Commit: string(tip), Tree: string(rev.Tree()), Fleet: loaded, Findings: findings}
}

func (e *Edge) readLedger(ctx context.Context, tip string, f core.Fetch, report func(core.Event)) {
	if !e.told || !e.ledgerOK || tip != e.ledger {
		// What was pushed after the core asked is not in f.Ledger yet.
		read := e.loadLedger(ctx, tip, cmp.Or(e.known, f.Ledger))
		e.told, e.ledger, e.ledgerOK = true, tip, read.Problem == ""
		if e.ledgerOK {
			e.known = tip
		}
		report(read)
	}
	if !e.ledgerOK {
		return // a rewound ledger lacks what it will have again once it is restored
	}
	contains := map[string]bool{}
	for _, t := range f.Tips {
		ok := t == tip
		if !ok && tip != "" {
			var err error
			if ok, err = e.repo.IsAncestor(ctx, git.Hash(t), git.Hash(tip)); err != nil {
				continue // not known is not a no
			}
		}
		contains[t] = ok
	}
	if len(contains) > 0 {
		report(core.TipsKnown{Contains: contains})
	}
}

func (e *Edge) loadLedger(ctx context.Context, tip, known string) core.LedgerRead {
	if why := e.lostLedger(ctx, tip, known); why.Problem != "" {
		return why
	}
	read := core.LedgerRead{
		Tip: tip, Ledger: &ledger.Ledger{}, Classes: map[string]*fleet.Class{}, Fleets: map[string]*fleet.Fleet{},
	}
	if tip == "" {
		return read
	}
	err := func() error {
		rev, err := e.repo.Revision(ctx, git.Hash(tip))
		if err != nil {
			return err
		}
		if read.Ledger, err = ledger.Read(rev); err != nil {
			return err
		}
		return e.loadTrees(ctx, read)
	}()
	if err != nil {
		return core.LedgerRead{Tip: tip, Problem: core.Unreadable, Message: fmt.Sprintf("read the ledger at %s: %v", tip, err)}
	}
	return read
}

// lostLedger tells whether decisions that the core knows of are no longer in the
// ledger: nothing may be decided or done then.
func (e *Edge) lostLedger(ctx context.Context, tip, known string) core.LedgerRead {
	if known == "" || known == tip {
		return core.LedgerRead{}
	}
	lost := core.LedgerRead{Tip: tip, Problem: core.Rewound, Message: fmt.Sprintf(
		"branch %s is at %s, which does not contain the decisions of %s: everything is held until the branch is restored", e.branches.Ledger, tip, known)}
	if tip == "" {
		lost.Problem, lost.Message = core.Missing, fmt.Sprintf(
			"branch %s is gone; it was at %s: everything is held until it is restored", e.branches.Ledger, known)
		return lost
	}
	switch contains, err := e.repo.IsAncestor(ctx, git.Hash(known), git.Hash(tip)); {
	case err != nil:
		return core.LedgerRead{Tip: tip, Problem: core.Unreadable, Message: fmt.Sprintf("read the ledger at %s: %v", tip, err)}
	case contains:
		return core.LedgerRead{}
	}
	return lost
}

// loadTrees loads every tree that an entry of the ledger names.
func (e *Edge) loadTrees(ctx context.Context, read core.LedgerRead) error {
	for _, c := range read.Ledger.Classes {
		rev, err := e.repo.TreeRevision(ctx, git.Hash(c.Tree))
		if err != nil {
			return fmt.Errorf("class %s: %w", c.Name, err)
		}
		class, findings, err := fleet.LoadClass(hashed{rev}, c.Name)
		if err != nil {
			return fmt.Errorf("class %s: %w", c.Name, err)
		}
		if class == nil {
			// An older daemon put it in force; its tenants keep what they have.
			e.log.Error("a class in force is not understood", "class", c.Name, "tree", c.Tree, "finding", findings.Error())
			continue
		}
		if c.ProviderTree != "" {
			if class.Own, err = e.loadProvider(ctx, c); err != nil {
				return fmt.Errorf("class %s: %w", c.Name, err)
			}
			if class.Own == nil {
				continue
			}
		}
		read.Classes[c.Key()] = class
	}
	for _, tree := range namedTrees(read.Ledger) {
		if read.Fleets[tree] != nil {
			continue
		}
		rev, err := e.repo.TreeRevision(ctx, git.Hash(tree))
		if err != nil {
			return fmt.Errorf("tree %s: %w", tree, err)
		}
		loaded, _, err := e.loader.Load(hashed{rev})
		if err != nil {
			return fmt.Errorf("tree %s: %w", tree, err)
		}
		read.Fleets[tree] = loaded
	}
	return nil
}

// loadProvider loads the provider of the fleet's own that a class is in force with; nil
// when it is not understood.
func (e *Edge) loadProvider(ctx context.Context, c *ledger.Class) (*fleet.Provider, error) {
	rev, err := e.repo.TreeRevision(ctx, git.Hash(c.ProviderTree))
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.Provider, err)
	}
	p, findings, err := fleet.LoadProvider(hashed{rev}, c.Provider)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.Provider, err)
	}
	if p == nil {
		e.log.Error("a provider in force is not understood", "provider", c.Provider, "tree", c.ProviderTree, "finding", findings.Error())
	}
	return p, nil
}

// hashed is a revision as the fleet's loader likes it: content hashes are text.
type hashed struct{ *git.Revision }

func (h hashed) TreeHash(path string) (string, error) {
	hash, err := h.Hash(path)
	return string(hash), err
}

func namedTrees(l *ledger.Ledger) []string {
	var trees []string
	for _, t := range l.Tenants {
		if t.Held != nil {
			trees = append(trees, t.Held.Tree)
		}
		// Of a purged tenant nothing is mounted: its tree may be gone.
		if t.Tombstone != nil && t.Tombstone.Tree != "" && t.Lifecycle != ledger.Purged {
			trees = append(trees, t.Tombstone.Tree)
		}
	}
	for _, d := range l.DataStores {
		if d.Held != nil {
			trees = append(trees, d.Held.Tree)
		}
	}
	return trees
}

// readStatus reads the whole status branch when it is not at what we know.
func (e *Edge) readStatus(ctx context.Context, tip string, report func(core.Event)) error {
	if e.statusOK && tip == e.status {
		return nil
	}
	read := core.StatusRead{Tip: tip, Files: map[string][]byte{}}
	if tip != "" {
		rev, err := e.repo.Revision(ctx, git.Hash(tip))
		if err != nil {
			return fmt.Errorf("read the status branch: %w", err)
		}
		err = fs.WalkDir(rev, "status", func(p string, d fs.DirEntry, err error) error {
			switch {
			case !fs.ValidPath(p): // a name that is no text is not ours
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case err != nil || !d.Type().IsRegular():
				return err
			}
			read.Files[p], err = fs.ReadFile(rev, p)
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the status branch: %w", err)
		}
	}
	e.status, e.statusOK = tip, true
	report(read)
	return nil
}

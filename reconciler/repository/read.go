package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

func (e *Edge) fetch(ctx context.Context, f core.Fetch, report func(core.Event)) {
	tips, err := e.repo.Fetch(ctx, e.branches.Declared, e.branches.Ledger, e.branches.Status)
	if err != nil {
		report(core.Fetched{Seq: f.Seq, Err: err})
		return
	}
	e.readDeclared(ctx, tips, f, report)
	e.readLedger(ctx, string(tips[e.branches.Ledger]), f, report)
	err = e.readStatus(ctx, string(tips[e.branches.Status]), report)
	report(core.Fetched{Seq: f.Seq, Err: err})
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
		read := e.loadLedger(ctx, tip, f.Ledger)
		e.told, e.ledger, e.ledgerOK = true, tip, read.Problem == ""
		report(read)
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
		read.Classes[c.Tree] = class
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
		if t.Tombstone != nil && t.Tombstone.Tree != "" {
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
		err = fs.WalkDir(rev, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !d.Type().IsRegular() || !strings.HasPrefix(p, "status/") {
				return err
			}
			read.Files[p], err = fs.ReadFile(rev, p)
			return err
		})
		if err != nil {
			return fmt.Errorf("read the status branch: %w", err)
		}
	}
	e.status, e.statusOK = tip, true
	report(read)
	return nil
}

// historyLimit bounds how far back a last good declaration is searched, in
// commits of the first-parent history.
const historyLimit = 1000

// findLast walks back from a commit to the newest ones in which what is asked
// for was declared well.
func (e *Edge) findLast(ctx context.Context, f core.FindLast) core.LastFound {
	found := core.LastFound{Commit: f.Commit, ByRef: map[core.WantRef]core.Last{}}
	commit := git.Hash(f.Commit)
	for n := 0; commit != "" && n < historyLimit; n++ {
		rev, err := e.repo.Revision(ctx, commit)
		if err != nil {
			found.Err = err
			return found
		}
		if len(rev.Parents()) > 0 {
			commit = rev.Parents()[0]
		} else {
			commit = ""
		}
		if !anyDeclared(rev, f.Wants, found.ByRef) {
			continue
		}
		loaded, _, err := e.loader.Load(hashed{rev})
		if err != nil {
			found.Err = err
			return found
		}
		for _, w := range f.Wants {
			if _, done := found.ByRef[w.Ref]; !done && declares(loaded, w) {
				found.ByRef[w.Ref] = core.Last{Commit: string(rev.Commit()), Tree: string(rev.Tree()), Fleet: loaded}
			}
		}
		if len(found.ByRef) == len(f.Wants) {
			return found
		}
	}
	return found
}

// anyDeclared spares loading commits in which nothing that is asked for stands.
func anyDeclared(rev *git.Revision, wants []core.Want, found map[core.WantRef]core.Last) bool {
	for _, w := range wants {
		if _, done := found[w.Ref]; done {
			continue
		}
		if _, err := fs.Stat(rev, w.Ref.Path); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// declares tells whether a fleet has a good declaration of what is asked for.
func declares(f *fleet.Fleet, w core.Want) bool {
	if w.Ref.Kind == fleet.KindDataStore {
		d := f.DataStores[w.Ref.Name]
		return d != nil && d.Source.Path == w.Ref.Path && d.Spec.Managed != nil
	}
	t := f.Tenants[w.Ref.Name]
	if t == nil || t.Dir() != w.Ref.Path {
		return false
	}
	return slices.Contains(w.Classes, t.Spec.Class)
}

package repository

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

// historyLimit bounds how far back a last good declaration is searched, in
// commits of the first-parent history.
const historyLimit = 1000

// findLast walks back from a commit to the newest ones in which what is asked
// for was declared well. Between two commits it lets others pass.
func (e *Edge) findLast(ctx context.Context, f core.FindLast, pass func()) core.LastFound {
	found := core.LastFound{Commit: f.Commit, ByRef: map[core.WantRef]core.Last{}}
	commit := git.Hash(f.Commit)
	for n := 0; commit != "" && n < historyLimit; n++ {
		pass()
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
		return d != nil && d.Source.Path == w.Ref.Path
	}
	t := f.Tenants[w.Ref.Name]
	if t == nil || t.Dir() != w.Ref.Path || slices.Contains(w.Not, t) {
		return false
	}
	return slices.Contains(w.Classes, t.Spec.Class)
}

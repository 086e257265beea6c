package simulation

import (
	"bytes"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// tenantHeld judges that a tenant which is held keeps what it was last declared as.
func (j *judge) tenantHeld(v *verdict, was, is *ledger.Tenant) {
	if is.Held == nil || was != nil && was.Held != nil && *was.Held == *is.Held {
		return
	}
	if tree, err := j.w.git.Tree(is.Held.Commit); err != nil || tree != is.Held.Tree {
		j.violate("Hold", "tenant %s is held as tree %s, which is not that of %s", is.Name, is.Held.Tree, is.Held.Commit)
	}
	j.lastGood(v, "tenant "+is.Name, is.Held.Tree, j.usable(v, is))
}

// tenantKept judges that a tenant which goes is remembered as what it was last declared
// as, or was held as: it lives on so until its time is over.
func (j *judge) tenantKept(v *verdict, was, is *ledger.Tenant) {
	kept := is.Tombstone
	var f *fleet.Fleet
	if was.Held == nil {
		f = j.lastGood(v, "tenant "+is.Name, kept.Tree, j.usable(v, is))
	} else if kept.Tree == was.Held.Tree {
		f, _ = j.fleetOf("tree "+kept.Tree, v.push.New, ledger.SourcePath(kept.Tree)) // what cannot be read says nothing
	}
	if f == nil || f.Tenants[is.Name] == nil || kept.Declaration != string(f.Tenants[is.Name].Source.Raw) {
		j.violate("Hold", "tenant %s goes, and is remembered as tree %s and as\n%s", is.Name, kept.Tree, kept.Declaration)
	}
}

// usable tells of fleets that declare a tenant so that it can be as it is declared.
func (j *judge) usable(v *verdict, e *ledger.Tenant) func(*fleet.Fleet) bool {
	living := *e
	living.Lifecycle = ledger.Living
	return func(f *fleet.Fleet) bool {
		t := f.Tenants[e.Name]
		if t == nil || t.Dir() != e.Source {
			return false
		}
		_, err := j.unitOf(v.push.New, v.is, t, &living)
		return err == nil
	}
}

// storeHeld judges likewise of a datastore.
func (j *judge) storeHeld(v *verdict, was, is *ledger.DataStore) {
	if is.Held == nil || was != nil && was.Held != nil && *was.Held == *is.Held {
		return
	}
	j.lastGood(v, "datastore "+is.Name, is.Held.Tree, func(f *fleet.Fleet) bool {
		ds := f.DataStores[is.Name]
		return ds != nil && ds.Source.Path == is.Source
	})
}

// lastGood judges that a tree is the newest one that was declared and is good for an
// owner, and that the ledger has it. Anything older would set the owner back; what the
// ledger does not have is lost when people tidy up.
func (j *judge) lastGood(v *verdict, owner, tree string, good func(*fleet.Fleet) bool) *fleet.Fleet {
	for commit := v.source; commit != ""; {
		if f, err := j.fleetAt(commit); err == nil && good(f) {
			if newest, _ := j.w.git.Tree(commit); newest != tree {
				j.violate("Hold", "%s is kept as tree %s, but %s (%s) is newer and good", owner, tree, newest, commit)
			}
			j.mounted(v, owner, commit, tree)
			return f
		}
		parents, err := j.w.git.Parents(commit)
		if commit = ""; err == nil && len(parents) > 0 {
			commit = parents[0]
		}
	}
	j.violate("Hold", "%s is kept as tree %s, which was never good for it", owner, tree)
	return nil
}

// mounted judges that the ledger holds all of a declared commit.
func (j *judge) mounted(v *verdict, owner, commit, tree string) {
	declared, err := j.filesIn(commit, "")
	if err != nil {
		j.violate("Hold", "%s is kept as %s, which cannot be read: %v", owner, commit, err)
		return
	}
	have, _ := j.filesIn(v.push.New, ledger.SourcePath(tree)) // none, if that fails
	for file, content := range declared {
		if !bytes.Equal(content, have[file]) {
			j.violate("Hold", "%s is kept as %s, but the ledger's sources lack %s", owner, commit, file)
			return
		}
	}
}

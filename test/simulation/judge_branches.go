package simulation

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// stand is where a branch was from a time on.
type stand struct {
	commit string // empty: there was no branch
	since  time.Time
	// moved: people put it there although it does not descend from what was there.
	moved bool
}

// branch is where a branch has been, the latest last.
type branch struct {
	name   string
	stands []stand
}

// look takes in where branches are. People move them without a word.
func (j *judge) look() {
	j.follow(&j.declaredTips)
	if j.follow(&j.ledgerTips) {
		j.give(j.ledgerTips.tip())
	}
}

// follow tells whether a branch is elsewhere than before.
func (j *judge) follow(b *branch) bool {
	tip := j.w.git.Tip(b.name)
	if len(b.stands) > 0 && b.tip() == tip || len(b.stands) == 0 && tip == "" {
		return false
	}
	moved := len(b.stands) > 0 && !j.descends(tip, b.tip())
	b.stands = append(b.stands, stand{tip, time.Now(), moved})
	return true
}

func (b *branch) tip() string {
	if len(b.stands) == 0 {
		return ""
	}
	return b.stands[len(b.stands)-1].commit
}

// at is where the branch was at a time.
func (b *branch) at(t time.Time) stand {
	for i := len(b.stands) - 1; i >= 0; i-- {
		if !b.stands[i].since.After(t) {
			return b.stands[i]
		}
	}
	return stand{}
}

// lately are the commits at which the branch has been since a time.
func (b *branch) lately(since time.Time) (commits []string) {
	for i, s := range b.stands {
		if s.commit != "" && (i+1 == len(b.stands) || !b.stands[i+1].since.Before(since)) {
			commits = append(commits, s.commit)
		}
	}
	return commits
}

// since is when the branch first was at a commit; zero is never.
func (b *branch) since(commit string) time.Time {
	for _, s := range b.stands {
		if s.commit == commit {
			return s.since
		}
	}
	return time.Time{}
}

// descends tells whether a commit is another one, or stands on it. Nothing stands on
// nothing.
func (j *judge) descends(commit, on string) bool {
	if on == "" {
		return true
	}
	for commit != "" && commit != on {
		parents, err := j.w.git.Parents(commit)
		if err != nil || len(parents) == 0 {
			return false
		}
		if len(parents) > 1 {
			return j.descends(parents[0], on) || j.descends(parents[1], on)
		}
		commit = parents[0]
	}
	return commit == on
}

// ledgerAt reads the ledger of a commit. What its parent says already is not read again.
func (j *judge) ledgerAt(commit string) (*ledger.Ledger, error) {
	if commit == "" {
		return ledger.Empty(), nil
	}
	if l := j.ledgers[commit]; l != nil {
		return l, nil
	}
	base, before := ledger.Empty(), map[string][]byte(nil)
	if parents, err := j.w.git.Parents(commit); err == nil && len(parents) == 1 && j.ledgers[parents[0]] != nil {
		base = j.ledgers[parents[0]]
		if before, err = j.w.git.Files(parents[0]); err != nil {
			return nil, err
		}
	}
	files, err := j.w.git.Files(commit)
	if err != nil {
		return nil, err
	}
	for path := range before {
		if _, still := files[path]; !still && !strings.HasPrefix(path, "sources/") {
			base, before = ledger.Empty(), nil // an entry is gone: all is read anew
			break
		}
	}
	changed := fstest.MapFS{}
	for path, data := range files {
		if !strings.HasPrefix(path, "sources/") && !bytes.Equal(before[path], data) {
			changed[path] = &fstest.MapFile{Data: data}
		}
	}
	l, err := ledger.Read(changed)
	if err != nil {
		return nil, err
	}
	l = base.With(ledger.Changes{Tenants: l.Tenants, DataStores: l.DataStores, Classes: l.Classes, Shards: l.Shards})
	j.ledgers[commit] = l
	return l, nil
}

// tip is the ledger as it is; one that cannot be read is like none.
func (j *judge) tip() *ledger.Ledger {
	l, err := j.ledgerAt(j.ledgerTips.tip())
	if err != nil {
		return ledger.Empty()
	}
	return l
}

// fleetAt is what a declared commit says.
func (j *judge) fleetAt(commit string) (*fleet.Fleet, error) {
	return j.fleetOf("commit "+commit, commit, "")
}

// fleetOf loads what stands in a folder of a commit; key stands for its content.
func (j *judge) fleetOf(key, commit, folder string) (*fleet.Fleet, error) {
	if f := j.fleets[key]; f != nil {
		return f, nil
	}
	files, err := j.folder(commit, folder)
	if err != nil {
		return nil, err
	}
	loader := fleet.Loader{Judge: j.w.shared.newer.JudgeProvider}
	f, _, err := loader.Load(files)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", key, err)
	}
	j.fleets[key] = f
	return f, nil
}

// folder is a folder of a commit, such as sources/<tree>; empty is its root.
func (j *judge) folder(commit, folder string) (fs.FS, error) {
	files, err := j.filesIn(commit, folder)
	if err != nil {
		return nil, err
	}
	all := fstest.MapFS{}
	for path, data := range files {
		all[path] = &fstest.MapFile{Data: data}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no folder %q in commit %s", folder, commit)
	}
	return all, nil
}

// filesIn are the files of a folder, by their paths below it.
func (j *judge) filesIn(commit, folder string) (map[string][]byte, error) {
	files, err := j.w.git.Files(commit)
	if err != nil || folder == "" {
		return files, err
	}
	all := map[string][]byte{}
	for path, data := range files {
		if rest, in := strings.CutPrefix(path, folder+"/"); in {
			all[rest] = data
		}
	}
	return all, nil
}

// classOf is the class that an entry puts in force.
func (j *judge) classOf(commit string, e *ledger.Class) (*fleet.Class, error) {
	if k := j.classes[e.Key()]; k != nil {
		return k, nil
	}
	files, err := j.folder(commit, ledger.SourcePath(e.Tree))
	if err != nil {
		return nil, err
	}
	k, findings, err := fleet.LoadClass(files, e.Name)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, fmt.Errorf("class %s in force is broken: %v", e.Name, findings)
	}
	k.Tree = e.Tree
	if e.ProviderTree != "" {
		if k.Own, err = j.providerOf(commit, e); err != nil {
			return nil, err
		}
	}
	j.classes[e.Key()] = k
	return k, nil
}

// providerOf is the provider of the fleet's own that an entry puts in force.
func (j *judge) providerOf(commit string, e *ledger.Class) (*fleet.Provider, error) {
	files, err := j.folder(commit, ledger.SourcePath(e.ProviderTree))
	if err != nil {
		return nil, err
	}
	p, findings, err := fleet.LoadProvider(files, e.Provider)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("provider %s in force is broken: %v", e.Provider, findings)
	}
	p.Tree = e.ProviderTree
	return p, nil
}

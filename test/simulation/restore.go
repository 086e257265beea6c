package simulation

import (
	"bytes"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"
)

// restore puts branches back to where all that Leases remember is in them. It tells
// whether there is such a place for what is declared: two Leases may remember two ends.
func (w *world) restore() (whole bool) {
	j := w.judge
	j.look()
	back := func(b *branch, remembered func(*guard) string) bool {
		for _, s := range slices.Backward(b.stands) {
			contains := s.commit != ""
			for _, r := range j.guards {
				contains = contains && j.descends(s.commit, remembered(r))
			}
			if !contains {
				continue
			}
			if s.commit != b.tip() {
				w.say("%s is restored to %s", b.name, s.commit)
				if err := w.git.Move(b.name, s.commit); err != nil {
					w.t.Fatal(err)
				}
			}
			return true
		}
		return false
	}
	if !back(&j.ledgerTips, func(r *guard) string { return r.tip }) {
		for _, name := range clusterNames {
			if r := j.guards[name]; r != nil && !j.descends(j.ledgerTips.tip(), r.tip) {
				w.merge(&j.ledgerTips, r.tip)
			}
		}
	}
	j.look()
	for _, s := range slices.Backward(j.ledgerTips.stands) {
		if s.commit != "" && w.stranded(s.commit) {
			w.merge(&j.ledgerTips, s.commit)
		}
	}
	w.unscribble()
	whole = back(&j.declaredTips, func(r *guard) string { return r.accepted })
	j.look()
	return whole
}

// stranded tells whether an end of the ledger says whose objects there are that nobody
// knows of any more. A Lease remembers what was decided with its next renewal only, and
// who has decided and worked may die before; a Git host still has the commit.
func (w *world) stranded(end string) bool {
	j := w.judge
	if j.descends(j.ledgerTips.tip(), end) {
		return false
	}
	theirs, ours := w.filesOn(end), w.filesOn(j.ledgerTips.tip())
	return slices.ContainsFunc(slices.Collect(maps.Keys(theirs)), func(file string) bool {
		is, was := entryIn(theirs[file]).UID, entryIn(ours[file]).UID
		return is != was && w.objectsOf(is) > w.objectsOf(was)
	})
}

// objectsOf counts an owner's objects, wherever they are.
func (w *world) objectsOf(uid string) (n int) {
	for _, objects := range w.judge.present {
		for key, of := range objects {
			if of == uid && !isAnchor(key) {
				n++
			}
		}
	}
	return n
}

// filesOn are the files of a commit; none of no commit.
func (w *world) filesOn(commit string) map[string][]byte {
	if commit == "" {
		return nil
	}
	files, err := w.git.Files(commit)
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// merge has people bring two ends of a branch together: of each file what was changed in
// one of them since they parted; of what was changed in both, the one that wins.
func (w *world) merge(b *branch, other string) {
	tip, base := b.tip(), other
	for base != "" && !w.judge.descends(tip, base) {
		parents, err := w.git.Parents(base)
		if err != nil {
			w.t.Fatal(err)
		}
		base = ""
		if len(parents) > 0 {
			base = parents[0]
		}
	}
	was, ours, theirs := w.filesOn(base), w.filesOn(tip), w.filesOn(other)
	files := map[string][]byte{}
	for file := range union(was, theirs) {
		switch changed := !bytes.Equal(was[file], ours[file]); {
		case bytes.Equal(was[file], theirs[file]), changed && w.wins(ours[file], theirs[file]):
		default:
			files[file] = theirs[file]
		}
	}
	w.say("the end %s of %s is merged", other, b.name)
	if _, err := w.git.Merge(b.name, other, files, "merge what has parted"); err != nil {
		w.t.Fatal(err)
	}
	w.judge.look()
}

// wins tells whether people take the first of two entries of a ledger: of two owners the
// one whose objects are there, of one owner's the one of the later epoch.
func (w *world) wins(one, other []byte) bool {
	a, b := entryIn(one), entryIn(other)
	if there, others := w.objectsOf(a.UID), w.objectsOf(b.UID); a.UID != b.UID && there != others {
		return there > others
	}
	return a.Epoch >= b.Epoch
}

// entry is what every owner's entry in a ledger says.
type entry struct {
	UID   string `json:"uid"`
	Epoch int64  `json:"epoch"`
}

// entryIn reads an owner's entry; nothing from what is none.
func entryIn(data []byte) (e entry) {
	if yaml.Unmarshal(data, &e) != nil {
		return entry{}
	}
	return e
}

// unscribble takes out of the ledger what people have left there.
func (w *world) unscribble() {
	tip := w.git.Tip(ledgerBranch)
	if tip == "" {
		return
	}
	files, err := w.git.Files(tip)
	if err != nil {
		w.t.Fatal(err)
	}
	theirs := map[string][]byte{}
	for file := range files {
		if !ledgersOwn(file) {
			theirs[file] = nil
		}
	}
	if len(theirs) > 0 {
		if _, err := w.git.Commit(ledgerBranch, theirs, "clean up"); err != nil {
			w.t.Fatal(err)
		}
	}
}

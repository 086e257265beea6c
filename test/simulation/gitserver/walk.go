package gitserver

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// lacking gives the objects that wants need and whoever has haves lacks: commits, the
// newest first, each with its folders and files, depth first in the order of names.
func (s objects) lacking(wants, haves []plumbing.Hash) ([]*object, error) {
	fresh, border, err := s.split(wants, haves)
	if err != nil {
		return nil, err
	}
	w := &walk{objects: s, seen: map[plumbing.Hash]bool{}}
	for _, h := range border { // what the client has, as far as it matters
		c, err := s.commit(h)
		if err != nil {
			return nil, err
		}
		if err := w.folder(c.tree); err != nil {
			return nil, err
		}
	}
	w.list = nil
	for _, h := range fresh {
		c, err := s.commit(h)
		if err != nil {
			return nil, err
		}
		w.list = append(w.list, s[h])
		if err := w.folder(c.tree); err != nil {
			return nil, err
		}
	}
	return w.list, nil
}

// split gives the commits that only wants reach, the highest first, and of those that
// haves reach the ones that were passed on the way: parents of the former among them.
// A commit is higher than all that it reaches, so that going down by height everything
// about one is known when its turn comes.
func (s objects) split(wants, haves []plumbing.Hash) (fresh, border []plumbing.Hash, err error) {
	had := map[plumbing.Hash]bool{}
	queue := &byHeight{}
	wanted := 0 // of those in the queue that are not had
	put := func(h plumbing.Hash, have bool) error {
		was, queued := had[h]
		if queued {
			if have && !was {
				had[h] = true
				wanted--
			}
			return nil
		}
		c, err := s.commit(h)
		if err != nil {
			return err
		}
		had[h] = have
		if !have {
			wanted++
		}
		heap.Push(queue, at{h, c})
		return nil
	}
	for _, h := range haves {
		if err := put(h, true); err != nil {
			return nil, nil, err
		}
	}
	for _, h := range wants {
		if err := put(h, false); err != nil {
			return nil, nil, err
		}
	}
	for wanted > 0 {
		next := heap.Pop(queue).(at)
		have := had[next.hash]
		if have {
			border = append(border, next.hash)
		} else {
			wanted--
			fresh = append(fresh, next.hash)
		}
		for _, p := range next.parents {
			if err := put(p, have); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, left := range *queue { // had, all of them
		if slices.ContainsFunc(fresh, func(h plumbing.Hash) bool { return slices.Contains(s[h].commit.parents, left.hash) }) {
			border = append(border, left.hash)
		}
	}
	return fresh, border, nil
}

// reaches tells whether one of the commits is h or descends from it.
func (s objects) reaches(from []plumbing.Hash, h plumbing.Hash) bool {
	goal, err := s.commit(h)
	if err != nil {
		return false
	}
	seen := map[plumbing.Hash]bool{}
	for queue := from; len(queue) > 0; {
		next := queue[len(queue)-1]
		queue = queue[: len(queue)-1 : len(queue)-1]
		c, err := s.commit(next)
		switch {
		case next == h:
			return true
		case err != nil || seen[next] || c.height <= goal.height:
			continue
		}
		seen[next] = true
		queue = append(queue, c.parents...)
	}
	return false
}

// walk lists folders and what is below, each object once.
type walk struct {
	objects
	seen map[plumbing.Hash]bool
	list []*object
}

func (w *walk) folder(tree plumbing.Hash) error {
	if w.seen[tree] {
		return nil
	}
	w.seen[tree] = true
	entries, err := w.objects.folder(tree)
	if err != nil {
		return err
	}
	w.list = append(w.list, w.objects[tree])
	for _, e := range entries {
		switch {
		case e.isFolder():
			if err := w.folder(e.hash); err != nil {
				return err
			}
		case e.mode == modeSubmodule || w.seen[e.hash]:
		default:
			o, err := w.get(e.hash, plumbing.BlobObject)
			if err != nil {
				return err
			}
			w.seen[e.hash] = true
			w.list = append(w.list, o)
		}
	}
	return nil
}

// at is a commit with its name.
type at struct {
	hash plumbing.Hash
	*commit
}

// byHeight is a heap, the highest commit first.
type byHeight []at

func (q byHeight) Len() int      { return len(q) }
func (q byHeight) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *byHeight) Push(x any)   { *q = append(*q, x.(at)) }

func (q byHeight) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[j].height, q[i].height), bytes.Compare(q[i].hash[:], q[j].hash[:])) < 0
}

func (q *byHeight) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

package gitserver

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// objects are all that was ever here: a host forgets nothing for days.
type objects map[plumbing.Hash]*object

// object is one object; what it means and how a pack writes it is worked out once.
type object struct {
	hash   plumbing.Hash
	kind   plumbing.ObjectType
	data   []byte
	folder []entry // of a tree, in Git's order
	commit *commit
	packed []byte
}

type commit struct {
	tree    plumbing.Hash
	parents []plumbing.Hash
	message string
	// height is one more than the largest of the parents': descendants are higher.
	height int
}

type entry struct {
	name string
	mode uint32
	hash plumbing.Hash
}

const (
	modeFolder    = 0o040000
	modeFile      = 0o100644
	modeSubmodule = 0o160000
	modeKind      = 0o170000
	modeRegular   = 0o100000
)

func (e entry) isFolder() bool  { return e.mode == modeFolder }
func (e entry) isRegular() bool { return e.mode&modeKind == modeRegular }

func newObject(kind plumbing.ObjectType, data []byte) *object {
	return &object{hash: plumbing.ComputeHash(kind, data), kind: kind, data: data}
}

// add keeps an object, unless it is there already.
func (s objects) add(o *object) plumbing.Hash {
	if _, found := s[o.hash]; !found {
		s[o.hash] = o
	}
	return o.hash
}

func (s objects) get(h plumbing.Hash, kind plumbing.ObjectType) (*object, error) {
	o, found := s[h]
	if !found {
		return nil, fmt.Errorf("no object %s", h)
	}
	if o.kind != kind {
		return nil, fmt.Errorf("%s is a %s, not a %s", h, o.kind, kind)
	}
	return o, nil
}

func (s objects) folder(h plumbing.Hash) ([]entry, error) {
	o, err := s.get(h, plumbing.TreeObject)
	if err != nil || o.folder != nil {
		return o.entries(), err
	}
	o.folder, err = decodeTree(o.data)
	return o.folder, err
}

func (o *object) entries() []entry {
	if o == nil {
		return nil
	}
	return o.folder
}

func (s objects) commit(h plumbing.Hash) (*commit, error) {
	o, err := s.get(h, plumbing.CommitObject)
	if err != nil {
		return nil, err
	}
	if o.commit == nil {
		c, err := decodeCommit(o.data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", h, err)
		}
		for _, p := range c.parents {
			parent, err := s.commit(p)
			if err != nil {
				return nil, err
			}
			c.height = max(c.height, parent.height+1)
		}
		o.commit = c
	}
	return o.commit, nil
}

func decodeTree(data []byte) ([]entry, error) {
	entries := []entry{}
	for len(data) > 0 {
		head, rest, found := bytes.Cut(data, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		bits, err := strconv.ParseUint(mode, 8, 32)
		if err != nil || !found || !spaced || len(rest) < 20 {
			return nil, errors.New("malformed tree")
		}
		entries = append(entries, entry{name, uint32(bits), plumbing.Hash(rest[:20])})
		data = rest[20:]
	}
	return entries, nil
}

// encodeTree writes entries, by name, as Git sorts them: folders as if they ended in a
// slash.
func encodeTree(entries map[string]entry) []byte {
	sorted := map[string]entry{}
	for name, e := range entries {
		if e.isFolder() {
			name += "/"
		}
		sorted[name] = e
	}
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(sorted)) {
		e := sorted[name]
		out = fmt.Appendf(out, "%o %s\x00%s", e.mode, e.name, e.hash[:])
	}
	return out
}

func decodeCommit(data []byte) (*commit, error) {
	head, message, _ := strings.Cut(string(data), "\n\n")
	c := &commit{message: message}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case key == "tree" && plumbing.IsHash(value):
			c.tree = plumbing.NewHash(value)
		case key == "parent" && plumbing.IsHash(value):
			c.parents = append(c.parents, plumbing.NewHash(value))
		case key == "author" && !c.tree.IsZero():
			return c, nil
		}
	}
	return nil, errors.New("malformed commit")
}

// encodeCommit writes what a person commits.
func encodeCommit(tree plumbing.Hash, parents []plumbing.Hash, when time.Time, message string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "tree %s\n", tree)
	for _, parent := range parents {
		fmt.Fprintf(&out, "parent %s\n", parent)
	}
	who := fmt.Sprintf("A Person <person@example.org> %d +0000", when.Unix())
	fmt.Fprintf(&out, "author %s\ncommitter %s\n\n%s", who, who, message)
	if !strings.HasSuffix(message, "\n") {
		out.WriteByte('\n')
	}
	return out.Bytes()
}

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// change is what a draft does at one path: a leaf sets or removes, a folder has
// changes below it.
type change struct {
	leaf   bool
	remove bool
	file   []byte
	mount  Hash
	below  map[string]*change
}

// plan arranges a draft's paths as a tree of changes.
func (d *Draft) plan() (*change, error) {
	root := &change{below: map[string]*change{}}
	for name, data := range d.Files {
		if err := root.put(name, &change{leaf: true, remove: data == nil, file: data}); err != nil {
			return nil, err
		}
	}
	for name, tree := range d.Mounts {
		if tree != "" && !tree.valid() {
			return nil, fmt.Errorf("mount %s: %q is no tree", name, string(tree))
		}
		if err := root.put(name, &change{leaf: true, remove: tree == "", mount: tree}); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func (c *change) put(name string, leaf *change) error {
	if err := checkPath(name); err != nil {
		return err
	}
	parts := strings.Split(name, "/")
	for _, part := range parts[:len(parts)-1] {
		next := c.below[part]
		if next == nil {
			next = &change{below: map[string]*change{}}
			c.below[part] = next
		}
		if next.leaf {
			return fmt.Errorf("path %q: another path of the draft stands above it", name)
		}
		c = next
	}
	last := parts[len(parts)-1]
	if c.below[last] != nil {
		return fmt.Errorf("path %q: the draft changes it twice, or something below it", name)
	}
	c.below[last] = leaf
	return nil
}

// checkPath accepts what Git, and every file system that it is checked out to,
// takes for the same place.
func checkPath(name string) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("path %q: want a clean path relative to the repository", name)
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }); i >= 0 {
		return fmt.Errorf("path %q: control characters and backslashes are not allowed", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		// what Windows and macOS take for .git
		folded := strings.ToLower(strings.TrimRight(part, ". "))
		if folded == ".git" || folded == "git~1" || strings.HasPrefix(folded, ".git:") {
			return fmt.Errorf("path %q: %s is Git's own", name, part)
		}
	}
	return nil
}

// builder makes the objects of a draft: those that its parent's tree lacks.
type builder struct {
	repo    *Repository
	objects []object
	made    map[Hash]bool
}

func (b *builder) add(o object) Hash {
	if !b.made[o.hash] {
		b.made[o.hash] = true
		b.objects = append(b.objects, o)
	}
	return o.hash
}

// built is a draft as objects; unchanged when its tree is its parent's.
type built struct {
	commit    Hash
	objects   []object
	unchanged bool
	packed    *pack
}

// pack gives the objects as a pack, made once: it is sent, perhaps again, and kept.
func (b *built) pack() (*pack, error) {
	if b.packed == nil {
		p, err := newPack(b.objects)
		if err != nil {
			return nil, err
		}
		b.packed = p
	}
	return b.packed, nil
}

// build is a function of the draft, the author, the signing key and the parent's tree:
// the same draft gives the same commit, however often it is pushed.
func (r *Repository) build(d *Draft) (*built, error) {
	if d.When.IsZero() || d.When.Unix() < 0 {
		return nil, errors.New("it says no time")
	}
	if strings.TrimSpace(d.Message) == "" || strings.Contains(d.Message, "\x00") {
		return nil, errors.New("it says no message")
	}
	plan, err := d.plan()
	if err != nil {
		return nil, err
	}
	parentTree := Hash("")
	if d.Parent != "" {
		c, err := r.commit(d.Parent)
		if err != nil {
			return nil, err
		}
		parentTree = c.tree
	}
	b := &builder{repo: r, made: map[Hash]bool{}}
	tree, err := b.apply(parentTree, plan)
	if err != nil {
		return nil, err
	}
	if tree == "" { // everything removed: a commit needs a tree all the same
		if empty := newObject(treeKind, nil); empty.hash == parentTree {
			tree = parentTree
		} else {
			tree = b.add(empty)
		}
	}
	if d.Parent != "" && tree == parentTree {
		return &built{commit: d.Parent, unchanged: true}, nil
	}
	text := encodeCommit(tree, d.Parent, r.opts.Author, r.opts.Email, d.When, d.Message)
	if r.signer != nil {
		if text, err = r.signer.sign(text, d.When); err != nil {
			return nil, fmt.Errorf("sign commit: %w", err)
		}
	}
	c := newObject(commitKind, text)
	return &built{commit: b.add(c), objects: b.objects}, nil
}

// apply gives the hash of a folder after its changes; empty is an empty folder,
// which Git does not know. Only folders with changes are read.
func (b *builder) apply(tree Hash, c *change) (Hash, error) {
	byName := map[string]entry{}
	if tree != "" {
		entries, err := b.repo.folder(tree)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			byName[e.name] = e
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.below)) {
		if err := b.applyOne(byName, name, c.below[name]); err != nil {
			return "", err
		}
	}
	if len(byName) == 0 {
		return "", nil
	}
	o := newObject(treeKind, encodeTree(slices.Collect(maps.Values(byName))))
	if o.hash == tree {
		return tree, nil
	}
	return b.add(o), nil
}

func (b *builder) applyOne(byName map[string]entry, name string, c *change) error {
	old, exists := byName[name]
	switch {
	case c.remove:
		delete(byName, name)
	case c.mount != "":
		entries, err := b.repo.folder(c.mount)
		if err != nil {
			return fmt.Errorf("mount %s: %w", name, err)
		}
		if len(entries) == 0 {
			delete(byName, name)
			return nil
		}
		byName[name] = entry{name, modeFolder, c.mount}
	case c.leaf:
		o := newObject(blobKind, c.file)
		mode := uint32(modeFile)
		if old.fsMode().IsRegular() && exists {
			if old.hash == o.hash {
				return nil
			}
			mode = old.mode
		}
		byName[name] = entry{name, mode, b.add(o)}
	default:
		below := Hash("")
		if old.isFolder() {
			below = old.hash
		}
		h, err := b.apply(below, c)
		switch {
		case err != nil:
			return err
		case h != "":
			byName[name] = entry{name, modeFolder, h}
		case old.isFolder():
			delete(byName, name)
		}
	}
	return nil
}

package gitserver

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Commit lays files (nil: remove) on a branch's tip, as a person's push does, and gives
// the new tip. A branch that does not exist begins. A path that is a folder is replaced
// or removed as a whole. A commit that changes nothing is a commit all the same.
func (s *Server) Commit(branch string, files map[string][]byte, message string) (string, error) {
	return s.Merge(branch, "", files, message)
}

// Merge is a commit that has another one as a parent, too.
func (s *Server) Merge(branch, other string, files map[string][]byte, message string) (string, error) {
	if err := s.free(branch); err != nil {
		return "", fmt.Errorf("commit to %s: %w", branch, err)
	}
	parent := s.branches[branch]
	var tree plumbing.Hash
	var parents []plumbing.Hash
	if !parent.IsZero() {
		c, err := s.objects.commit(parent)
		if err != nil {
			return "", fmt.Errorf("commit to %s: %w", branch, err)
		}
		tree, parents = c.tree, append(parents, parent)
	}
	if other != "" {
		h := plumbing.NewHash(other)
		if _, err := s.objects.commit(h); err != nil {
			return "", fmt.Errorf("merge into %s: %w", branch, err)
		}
		parents = append(parents, h)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if !fs.ValidPath(path) || path == "." {
			return "", fmt.Errorf("commit to %s: %q is no path", branch, path)
		}
	}
	tree, err := s.lay(tree, files)
	if err != nil {
		return "", fmt.Errorf("commit to %s: %w", branch, err)
	}
	if tree.IsZero() { // everything was removed
		tree = s.objects.add(newObject(plumbing.TreeObject, nil))
	}
	tip := s.objects.add(newObject(plumbing.CommitObject, encodeCommit(tree, parents, s.now(), message)))
	s.branches[branch] = tip
	return tip.String(), nil
}

// lay gives the folder that files make of another one; zero is an empty folder.
func (s *Server) lay(tree plumbing.Hash, files map[string][]byte) (plumbing.Hash, error) {
	was := map[string]entry{}
	if !tree.IsZero() {
		entries, err := s.objects.folder(tree)
		if err != nil {
			return tree, err
		}
		for _, e := range entries {
			was[e.name] = e
		}
	}
	below := map[string]map[string][]byte{}
	for path, data := range files {
		name, rest, deeper := strings.Cut(path, "/")
		switch {
		case deeper:
			if below[name] == nil {
				below[name] = map[string][]byte{}
			}
			below[name][rest] = data
		case data == nil:
			delete(was, name)
		default:
			mode := uint32(modeFile)
			if was[name].isRegular() {
				mode = was[name].mode
			}
			was[name] = entry{name, mode, s.objects.add(newObject(plumbing.BlobObject, slices.Clone(data)))}
		}
	}
	for name, files := range below {
		var folder plumbing.Hash
		if was[name].isFolder() {
			folder = was[name].hash
		}
		folder, err := s.lay(folder, files)
		switch {
		case err != nil:
			return folder, err
		case !folder.IsZero():
			was[name] = entry{name, modeFolder, folder}
		case was[name].isFolder():
			delete(was, name)
		}
	}
	if len(was) == 0 {
		return plumbing.ZeroHash, nil
	}
	return s.objects.add(newObject(plumbing.TreeObject, encodeTree(was))), nil
}

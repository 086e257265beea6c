package gitserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Options of a Server.
type Options struct {
	// Now is the time in commits that Commit makes.
	Now func() time.Time
}

// Push is one branch that was moved by a client.
type Push struct {
	Branch   string
	Old, New string // hashes; Old is empty for a new branch, New for one deleted
}

// Server plays one repository. It is not safe for several goroutines: whoever plays the
// world calls it from one.
type Server struct {
	// Pushed is called after every push that was carried out, if set, branch by branch.
	Pushed func(Push)
	// Refuse is asked before a push is carried out, if set. What it gives is the reason
	// of the remote rejection (protected branch, hook declined).
	Refuse func(Push) error

	now      func() time.Time
	objects  objects
	branches map[string]plumbing.Hash
	files    map[plumbing.Hash]map[string][]byte // by tree
	packer   packer
}

// New makes an empty repository.
func New(opts Options) *Server {
	return &Server{
		now:      opts.Now,
		objects:  objects{},
		branches: map[string]plumbing.Hash{},
		files:    map[plumbing.Hash]map[string][]byte{},
	}
}

// Branches are the names of all branches, sorted.
func (s *Server) Branches() []string { return slices.Sorted(maps.Keys(s.branches)) }

// Tip is where a branch is; empty when it does not exist.
func (s *Server) Tip(branch string) string { return text(s.branches[branch]) }

// Move has a branch point elsewhere, as a forced push does; empty deletes it.
func (s *Server) Move(branch, hash string) error {
	if hash == "" {
		delete(s.branches, branch)
		return nil
	}
	if err := s.free(branch); err != nil {
		return fmt.Errorf("move %s: %w", branch, err)
	}
	h := plumbing.NewHash(hash)
	if _, err := s.objects.commit(h); err != nil {
		return fmt.Errorf("move %s: %w", branch, err)
	}
	s.branches[branch] = h
	return nil
}

// free tells whether a branch may have that name: a and a/b cannot both exist.
func (s *Server) free(branch string) error {
	for other := range s.branches {
		if strings.HasPrefix(other, branch+"/") || strings.HasPrefix(branch, other+"/") {
			return fmt.Errorf("branch %s stands in the way", other)
		}
	}
	return nil
}

// Parents of a commit.
func (s *Server) Parents(commit string) ([]string, error) {
	c, err := s.objects.commit(plumbing.NewHash(commit))
	if err != nil {
		return nil, err
	}
	parents := make([]string, len(c.parents))
	for i, p := range c.parents {
		parents[i] = p.String()
	}
	return parents, nil
}

// Message of a commit.
func (s *Server) Message(commit string) (string, error) {
	c, err := s.objects.commit(plumbing.NewHash(commit))
	if err != nil {
		return "", err
	}
	return c.message, nil
}

// Tree is the hash of a commit's root folder: equal files, equal hashes.
func (s *Server) Tree(commit string) (string, error) {
	c, err := s.objects.commit(plumbing.NewHash(commit))
	if err != nil {
		return "", err
	}
	return c.tree.String(), nil
}

// Log gives the commits of a branch along first parents, the tip first.
func (s *Server) Log(branch string) []string {
	var log []string
	for at := s.branches[branch]; !at.IsZero(); {
		log = append(log, at.String())
		c, err := s.objects.commit(at)
		if err != nil || len(c.parents) == 0 {
			break // a branch has only commits whose history is here
		}
		at = c.parents[0]
	}
	return log
}

// Files are the regular files of a commit, path to content. They are shared: never
// change them.
func (s *Server) Files(commit string) (map[string][]byte, error) {
	c, err := s.objects.commit(plumbing.NewHash(commit))
	if err != nil {
		return nil, err
	}
	if files, found := s.files[c.tree]; found {
		return files, nil
	}
	files := map[string][]byte{}
	if err := s.collect(c.tree, "", files); err != nil {
		return nil, fmt.Errorf("read files of %s: %w", commit, err)
	}
	s.files[c.tree] = files
	return files, nil
}

func (s *Server) collect(tree plumbing.Hash, prefix string, into map[string][]byte) error {
	entries, err := s.objects.folder(tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.isFolder():
			if err := s.collect(e.hash, prefix+e.name+"/", into); err != nil {
				return err
			}
		case e.isRegular():
			o, err := s.objects.get(e.hash, plumbing.BlobObject)
			if err != nil {
				return err
			}
			into[prefix+e.name] = o.data
		}
	}
	return nil
}

// text writes a hash as the contract has it: nothing for none.
func text(h plumbing.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

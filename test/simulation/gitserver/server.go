package gitserver

import (
	"errors"
	"net/http"
	"time"
)

// Options of a Server.
type Options struct {
	// Now is the time in commits that Commit makes.
	Now func() time.Time
}

// Push is one branch that was moved by a client.
type Push struct {
	Branch   string
	Old, New string // hashes; Old is empty for a new branch
}

// Server plays one repository. It is not safe for several goroutines: whoever plays the
// world calls it from one.
type Server struct {
	// Pushed is called after every push that was carried out, if set.
	Pushed func(Push)
	// Refuse is asked before a push is carried out, if set. What it gives is the reason
	// of the remote rejection (protected branch, hook declined).
	Refuse func(Push) error
}

// New makes an empty repository.
func New(Options) *Server { return nil }

// ServeHTTP answers a Git client: GET /info/refs, POST /git-upload-pack and
// /git-receive-pack, below any path.
func (s *Server) ServeHTTP(http.ResponseWriter, *http.Request) {}

var errAbsent = errors.New("absent")

// Commit lays files (nil: remove) on a branch's tip, as a person's push does, and gives
// the new tip. A branch that does not exist begins.
func (s *Server) Commit(branch string, files map[string][]byte, message string) (string, error) {
	return "", errAbsent
}

// Tip is where a branch is; empty when it does not exist.
func (s *Server) Tip(branch string) string { return "" }

// Move has a branch point elsewhere, as a forced push does; empty deletes it.
func (s *Server) Move(branch, hash string) error { return errAbsent }

// Files are the regular files of a commit, path to content. They are shared: never
// change them.
func (s *Server) Files(commit string) (map[string][]byte, error) { return nil, errAbsent }

// Parents of a commit.
func (s *Server) Parents(commit string) ([]string, error) { return nil, errAbsent }

package git

import (
	"errors"
	"time"
)

// Hash names a Git object, 40 hex digits. The zero value names nothing.
type Hash string

// Errors. They are found with errors.Is; the text says what and where.
var (
	// ErrConflict: the branch was not where the draft expected it. Read again, decide again.
	ErrConflict = errors.New("branch has moved")
	// ErrAuth: the remote refused the credentials.
	ErrAuth = errors.New("not authorised")
	// ErrUnreachable: the remote gave no usable answer; whether it acted is known
	// (Push has looked) or could not be found out (ErrUncertain).
	ErrUnreachable = errors.New("remote unreachable")
	// ErrUncertain: a push may or may not have arrived. Fetch before anything else.
	ErrUncertain = errors.New("outcome of push unknown")
	// ErrRejected: the remote refused the push (protected branch, hook).
	ErrRejected = errors.New("push rejected by the remote")
	// ErrUnreadable: an object could not be read; the cache is rebuilt at the next fetch.
	// It never means that a file is absent.
	ErrUnreadable = errors.New("object unreadable")
)

// Draft is a commit to be made on a branch.
type Draft struct {
	// Branch is a short name (tenantry-ledger).
	Branch string
	// Parent is the tip that the draft was decided on; empty begins the branch
	// with a root commit, and only if it does not exist.
	Parent Hash
	// Files maps slash-separated paths to contents; nil removes the file.
	Files map[string][]byte
	// Mounts maps paths to trees that exist already; an empty Hash removes the mount.
	Mounts map[string]Hash
	// Message is the commit's message; When its author's and committer's time.
	Message string
	When    time.Time
}

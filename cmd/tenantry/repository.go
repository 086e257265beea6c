package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
)

// errNoBranch: the repository was read, and has no such branch.
var errNoBranch = errors.New("does not exist")

// remote reads commits of the fleet repository for verbs that answer and end.
// Its mirror is temporary: the daemon's in --cache-dir is one process's alone.
type remote struct {
	name     string
	repo     *git.Repository
	progress *progress
}

func (c *config) open(ctx context.Context) (*remote, error) { return c.openAt(ctx, c.gitOptions()) }

// openStatus opens the repository with the status branch.
func (c *config) openStatus(ctx context.Context) (*remote, error) {
	return c.openAt(ctx, c.statusOptions())
}

func (c *config) openAt(ctx context.Context, options git.Options) (*remote, error) {
	repo, err := git.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	return &remote{name: options.URL, repo: repo, progress: c.progress}, nil
}

// close removes the mirror. What is left of it after an error is the system's to
// remove: the answer has been given.
func (r *remote) close() { _ = r.repo.Close() }

// fetch gives the tips of branches; one that does not exist has none.
func (r *remote) fetch(ctx context.Context, branches ...string) (map[string]git.Hash, error) {
	task := r.progress.begin("fetch " + r.name)
	defer task.end()
	tips, err := r.repo.Fetch(ctx, branches...)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", r.name, err)
	}
	return tips, nil
}

// read fetches a branch and gives its tip as a file system.
func (r *remote) read(ctx context.Context, branch string) (fs.FS, git.Hash, error) {
	rev, err := r.revision(ctx, branch)
	if err != nil {
		return nil, "", err
	}
	return rev, rev.Commit(), nil
}

// revision fetches a branch and gives its tip.
func (r *remote) revision(ctx context.Context, branch string) (*git.Revision, error) {
	tips, err := r.fetch(ctx, branch)
	if err != nil {
		return nil, err
	}
	tip, ok := tips[branch]
	if !ok {
		return nil, fmt.Errorf("branch %s of %s %w", branch, r.name, errNoBranch)
	}
	rev, err := r.repo.Revision(ctx, tip)
	if err != nil {
		return nil, fmt.Errorf("read branch %s of %s: %w", branch, r.name, err)
	}
	return rev, nil
}

// ledger reads the ledger's branch; where there is none, nothing has been decided.
func (r *remote) ledger(ctx context.Context, branch string) (*ledger.Ledger, error) {
	at, err := r.revision(ctx, branch)
	if errors.Is(err, errNoBranch) {
		return ledger.Empty(), nil
	}
	if err != nil {
		return nil, err
	}
	l, err := ledger.Read(at)
	if err != nil {
		return nil, fmt.Errorf("read branch %s of %s: %w", branch, r.name, err)
	}
	return l, nil
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// commit gives a revision as a file system: the tip of a branch, or a commit
// that main holds.
func (r *remote) commit(ctx context.Context, revision, main string) (fs.FS, git.Hash, error) {
	if !hashForm.MatchString(revision) {
		return r.read(ctx, revision)
	}
	if _, _, err := r.read(ctx, main); err != nil {
		return nil, "", err
	}
	rev, err := r.repo.Revision(ctx, git.Hash(revision))
	if err != nil {
		return nil, "", fmt.Errorf("read commit %s of %s: %w", revision, r.name, err)
	}
	return rev, git.Hash(revision), nil
}

// statusHint says what a missing status branch means.
func statusHint(err error) error {
	if !errors.Is(err, errNoBranch) {
		return err
	}
	return hint(err, `nothing has been observed yet: "tenantry run" begins the branch`)
}

package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Repository is one repository, remote or local. It is safe for several
// goroutines: reading never waits for the network, and one fetch runs at a time.
type Repository struct {
	opts   Options
	remote remote
	signer *signer // nil: commits are not signed
	store  *store
	cache  objectCache
	fetchs chan struct{} // holds a token while a fetch runs

	mu      sync.Mutex
	suspect error // why the mirror is to be rebuilt at the next fetch
	// blamed are objects whose absence led to a rebuild before: what a fresh mirror
	// lacks too is no damage, and asking for it again rebuilds nothing.
	blamed map[Hash]bool
	stats  Stats
	closed bool
}

// Stats count what happened since Open.
type Stats struct {
	// Fetches that ended well, and how many of them brought objects.
	Fetches, Transfers int
	// Pushes that arrived.
	Pushes int
	// Rebuilds of a damaged cache; LastRebuild says why the last one was.
	Rebuilds    int
	LastRebuild string
	// Renewals of a cache that had become too scattered.
	Renewals int
}

// remote is where commits come from and go to: a server behind a mirror, or a
// repository on this machine.
type remote interface {
	// fetch brings the branches here, so that store can read them, and says where
	// they are; absent ones are missing. A suspect mirror is built anew.
	fetch(ctx context.Context, branches []string, suspect error) (map[string]Hash, fetched, error)
	// look says where a branch is (empty: absent) and how to change it, until ctx ends.
	look(ctx context.Context, branch string) (Hash, sender, error)
	// keep makes what was pushed readable here without another fetch.
	keep(branch string, parent Hash, b *built) error
	close() error
}

// sender asks for a branch to be moved from old to what was built. Errors:
// movedError and ErrRejected when it did not happen, ErrAuth and refusedError when
// nothing was done, all others when it is not known.
type sender func(ctx context.Context, old Hash, b *built) error

// fetched tells what a fetch did.
type fetched struct {
	transfer, renewed bool
	rebuilt           error
}

// Open checks the options and prepares the cache. It does not talk to the remote.
func Open(ctx context.Context, opts Options) (*Repository, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	where, path, err := opts.locate()
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	signer, err := newSigner(opts)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	r := &Repository{opts: opts, signer: signer, fetchs: make(chan struct{}, 1), blamed: map[Hash]bool{}}
	if where == nil {
		local, err := openLocal(path)
		if err != nil {
			return nil, fmt.Errorf("open repository %s: %w", path, err)
		}
		r.remote, r.store = local, local.store
		return r, nil
	}
	if err := opts.checkRemote(where); err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	server, err := newTransport(where, opts)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	mirror, torn, err := openMirror(opts.CacheDir, server)
	if err != nil {
		return nil, fmt.Errorf("open cache of %s: %w", server, err)
	}
	r.remote, r.store = mirror, mirror.store
	r.note(fetched{rebuilt: torn})
	return r, nil
}

// Close releases the cache, after a fetch under way. Revisions cannot be read any
// more. Closing twice is no error.
func (r *Repository) Close() error {
	r.fetchs <- struct{}{}
	defer func() { <-r.fetchs }()
	if r.setClosed() {
		return nil
	}
	r.store.end()
	return r.remote.close()
}

func (r *Repository) setClosed() (already bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	already, r.closed = r.closed, true
	return already
}

// Stats gives the counts since Open.
func (r *Repository) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Fetch asks once where branches are and brings what is new. Branches that do not
// exist are missing from the result; whenever that is not known for certain, there
// is an error and no result. Errors: ErrAuth, ErrUnreachable, ErrUnreadable, or
// ctx's.
func (r *Repository) Fetch(ctx context.Context, branches ...string) (map[string]Hash, error) {
	for _, b := range branches {
		if err := checkBranch(b); err != nil {
			return nil, fmt.Errorf("fetch: %w", err)
		}
	}
	select {
	case r.fetchs <- struct{}{}:
		defer func() { <-r.fetchs }()
	case <-ctx.Done():
		return nil, fmt.Errorf("fetch: %w", ctx.Err())
	}
	closed, suspect := r.suspicion()
	if closed {
		return nil, fmt.Errorf("fetch: %w", errClosed)
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(branches)))
	tips, what, err := r.remote.fetch(ctx, sorted, suspect)
	r.note(what)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	r.mu.Lock()
	r.stats.Fetches++
	r.mu.Unlock()
	return tips, nil
}

func (r *Repository) suspicion() (closed bool, suspect error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed, r.suspect
}

// note counts what a fetch did.
func (r *Repository) note(what fetched) {
	r.mu.Lock()
	if what.transfer {
		r.stats.Transfers++
	}
	if what.renewed {
		r.stats.Renewals++
	}
	if what.rebuilt != nil {
		r.stats.Rebuilds++
		r.stats.LastRebuild = what.rebuilt.Error()
		r.suspect = nil
	}
	r.mu.Unlock()
	if what.rebuilt != nil && r.opts.OnRebuild != nil {
		r.opts.OnRebuild(what.rebuilt)
	}
}

// read gives an object's content, or ErrUnreadable. Of the cause only the text is
// kept: a lost pack file must never be found as fs.ErrNotExist.
func (r *Repository) read(h Hash, want kind) ([]byte, error) {
	if !h.valid() {
		return nil, fmt.Errorf("%w: %q is no object name", ErrUnreadable, string(h))
	}
	o, err := r.store.read(h)
	if err != nil {
		r.blame(h, err)
		return nil, fmt.Errorf("%w: %s", ErrUnreadable, err.Error())
	}
	if o.kind != want {
		return nil, fmt.Errorf("%w: %s is a %s, not a %s", ErrUnreadable, h, o.kind, want)
	}
	return o.data, nil
}

// blame has the mirror rebuilt at the next fetch because of h.
func (r *Repository) blame(h Hash, err error) {
	const enough = 10_000
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, errMissing) {
		if r.blamed[h] || len(r.blamed) >= enough {
			return
		}
		r.blamed[h] = true
	}
	if r.suspect == nil {
		r.suspect = err
	}
}

// commit reads a commit object.
func (r *Repository) commit(h Hash) (*commit, error) {
	data, err := r.read(h, commitKind)
	if err != nil {
		return nil, err
	}
	c, err := decodeCommit(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, h, err)
	}
	return c, nil
}

// folder reads a tree object; what it gives is shared and must not be changed.
func (r *Repository) folder(h Hash) ([]entry, error) {
	if entries, found := r.cache.folder(h); found {
		return entries, nil
	}
	data, err := r.read(h, treeKind)
	if err != nil {
		return nil, err
	}
	entries, err := decodeTree(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, h, err)
	}
	r.cache.keepFolder(h, entries)
	return entries, nil
}

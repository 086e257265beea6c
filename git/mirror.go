package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// mirror keeps a remote repository's objects on disk, so that reading does not
// depend on the network. It is a cache: bare, of our branches only, and thrown away
// when anything about it looks wrong.
//
//	<cache>/<hash of the URL>/lock      held by the process that uses it
//	                          mirror/   a bare repository; refs/heads/<branch> are the tips last fetched
//	                          incoming/ where a pack is received and indexed before it is moved into mirror
//	                          next/     a mirror being built to replace one that is suspect
type mirror struct {
	server transport
	store  *store
	home   string
	lock   *os.File
	temp   bool // home is removed at close

	mu     sync.Mutex      // over changes of mirror/ and what follows
	known  map[string]bool // branches ever asked for
	recent recent
	grown  bool // since it was last found not to be scattered

	// How scattered and how large it may get; tests lower it.
	maxPacks int
	minSpare int64
}

// Each larger fetch adds a pack, and every one of them is looked into for objects that others
// lack; and nothing that became unreachable ever leaves a mirror. So it is fetched anew
// when it has more than maxPacks packs, or when what came in since the last time, which
// is the largest pack, weighs maxSpare times as much as that, and minSpare at least.
const (
	maxPacks = 300
	maxSpare = 3
	minSpare = 64 << 20
)

func openMirror(cacheDir string, server transport) (_ *mirror, torn error, err error) {
	m := &mirror{server: server, known: map[string]bool{}, grown: true, maxPacks: maxPacks, minSpare: minSpare}
	if cacheDir == "" {
		m.temp = true
		if m.home, err = os.MkdirTemp("", "tenantry-git-"); err != nil {
			return nil, nil, err
		}
	} else {
		sum := sha256.Sum256([]byte(server.String()))
		m.home = filepath.Join(cacheDir, hex.EncodeToString(sum[:10]))
		if err := os.MkdirAll(m.home, 0o700); err != nil {
			return nil, nil, err
		}
	}
	if m.lock, err = lockFile(filepath.Join(m.home, "lock")); err != nil {
		return nil, nil, fmt.Errorf("another process uses it: %w", err)
	}
	for _, left := range []string{"incoming", "next"} { // by a crash; room that what follows may need
		if err := os.RemoveAll(filepath.Join(m.home, left)); err != nil {
			_ = m.lock.Close()
			return nil, nil, err
		}
	}
	m.store = newStore(m.dir())
	if _, err := os.Stat(m.dir()); err == nil {
		torn = m.check()
	}
	if torn != nil {
		err = os.RemoveAll(m.dir())
	}
	if err == nil {
		err = initBare(m.dir())
	}
	if err != nil {
		_ = m.close()
		return nil, nil, err
	}
	m.store.reload()
	return m, torn, nil
}

func (m *mirror) dir() string { return filepath.Join(m.home, "mirror") }

func (m *mirror) close() error {
	m.store.end()
	m.server.close()
	err := m.lock.Close()
	if m.temp {
		err = errors.Join(err, os.RemoveAll(m.home))
	}
	return err
}

// initBare makes dir a bare repository that Git itself can read, too.
func initBare(dir string) error {
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(sub)), 0o700); err != nil {
			return err
		}
	}
	if err := disposable(filepath.Join(dir, "config"), []byte("[core]\n\trepositoryformatversion = 0\n\tbare = true\n"), 0o600); err != nil {
		return err
	}
	return disposable(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600)
}

// refs gives the tips that the mirror remembers.
func (m *mirror) refs() (map[string]Hash, error) {
	refs := map[string]Hash{}
	root := filepath.Join(m.dir(), "refs", "heads")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(m.dir(), path)
		if err != nil || strings.HasPrefix(d.Name(), tempPrefix) {
			return err
		}
		ref := filepath.ToSlash(name)
		h, err := readRef(m.dir(), ref)
		refs[strings.TrimPrefix(ref, branchRef(""))] = h
		return err
	})
	return refs, err
}

// check tells what is wrong with the mirror, as far as that is cheap to see.
func (m *mirror) check() error {
	if _, err := os.Stat(filepath.Join(m.dir(), "HEAD")); err != nil {
		return fmt.Errorf("cache is torn: %w", err)
	}
	refs, err := m.refs()
	if err != nil {
		return fmt.Errorf("cache is torn: %w", err)
	}
	for branch, tip := range refs {
		if err := m.checkTip(tip); err != nil {
			return fmt.Errorf("cache is torn: branch %s: %w", branch, err)
		}
	}
	return nil
}

// checkTip reads a commit and its root folder.
func (m *mirror) checkTip(tip Hash) error {
	o, err := m.store.read(tip)
	if err != nil {
		return err
	}
	c, err := decodeCommit(o.data)
	if err != nil {
		return err
	}
	_, err = m.store.read(c.tree)
	return err
}

func (m *mirror) fetch(ctx context.Context, branches []string, suspect error) (map[string]Hash, fetched, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	adv, err := m.server.advertise(ctx, uploadPack)
	if err != nil {
		return nil, fetched{}, err
	}
	m.mu.Lock()
	for _, b := range branches {
		m.known[b] = true
	}
	m.mu.Unlock()
	if suspect != nil {
		tips, err := m.rebuild(ctx, adv, branches)
		if err != nil {
			return nil, fetched{}, fmt.Errorf("rebuild cache (%w): %w", suspect, err)
		}
		return tips, fetched{transfer: true, rebuilt: suspect}, nil
	}
	tips := pick(adv, branches)
	transfer, err := m.update(ctx, adv, tips)
	if torn := (*tornError)(nil); errors.As(err, &torn) {
		tips, err := m.rebuild(ctx, adv, branches)
		if err != nil {
			return nil, fetched{}, fmt.Errorf("rebuild cache (%w): %w", torn, err)
		}
		return tips, fetched{transfer: true, rebuilt: torn}, nil
	}
	if err != nil {
		return nil, fetched{}, err
	}
	if !m.scattered() {
		return tips, fetched{transfer: transfer}, nil
	}
	if renewed, err := m.rebuild(ctx, adv, branches); err == nil {
		return renewed, fetched{transfer: true, renewed: true}, nil
	}
	return tips, fetched{transfer: transfer}, nil // scattered, but whole: next time
}

// tornError: what the mirror should hold cannot be read.
type tornError struct{ cause error }

func (e *tornError) Error() string { return "cache is torn: " + e.cause.Error() }

func pick(adv *advertisement, branches []string) map[string]Hash {
	tips := map[string]Hash{}
	for _, b := range branches {
		if h, found := adv.refs[branchRef(b)]; found {
			tips[b] = h
		}
	}
	return tips
}

// update brings what the tips need into the mirror and remembers them.
func (m *mirror) update(ctx context.Context, adv *advertisement, tips map[string]Hash) (transfer bool, err error) {
	refs, err := m.refs()
	if err != nil {
		return false, &tornError{err}
	}
	var wants []Hash
	for _, tip := range tips {
		known, err := m.store.has(tip)
		if err != nil {
			return false, &tornError{err}
		}
		if !known {
			wants = append(wants, tip)
		}
	}
	if len(wants) > 0 {
		haves, err := m.haves(refs)
		if err != nil {
			return false, &tornError{err}
		}
		slices.Sort(wants)
		wants = slices.Compact(wants)
		if err := m.bring(ctx, adv, wants, haves); err != nil {
			return false, err
		}
	}
	for branch, tip := range tips {
		if err := m.checkTip(tip); err != nil {
			return false, &tornError{err}
		}
		if refs[branch] != tip {
			if err := m.setRef(m.dir(), branch, tip); err != nil {
				return false, err
			}
		}
	}
	return len(wants) > 0, nil
}

// scattered tells whether the mirror should be fetched anew.
func (m *mirror) scattered() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.grown {
		return false
	}
	files, _ := filepath.Glob(filepath.Join(m.dir(), "objects", "pack", "*.pack"))
	var all, largest int64
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			all, largest = all+info.Size(), max(largest, info.Size())
		}
	}
	m.grown = len(files) > m.maxPacks || all-largest > max(maxSpare*largest, m.minSpare)
	return m.grown
}

func (m *mirror) look(ctx context.Context, branch string) (Hash, sender, error) {
	adv, err := m.server.advertise(ctx, receivePack)
	if err != nil {
		return "", nil, err
	}
	ref := branchRef(branch)
	return adv.refs[ref], func(ctx context.Context, old Hash, b *built) error {
		return send(ctx, adv, ref, old, b)
	}, nil
}

func (m *mirror) setRef(dir, branch string, tip Hash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Join(dir, filepath.FromSlash(branchRef(branch)))
	if err := m.clearWay(dir, path); err != nil {
		return err
	}
	return disposable(path, []byte(string(tip)+"\n"), 0o600)
}

// clearWay removes a branch a that stands where a/b is to be, and a/b where a is:
// on the remote they cannot exist at the same time.
func (m *mirror) clearWay(dir, path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	for up := filepath.Dir(path); up != filepath.Join(dir, "refs", "heads"); up = filepath.Dir(up) {
		if info, err := os.Lstat(up); err == nil && !info.IsDir() {
			if err := os.Remove(up); err != nil {
				return err
			}
		}
	}
	return os.MkdirAll(filepath.Dir(path), 0o700)
}

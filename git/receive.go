package git

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// haves names what is here already: the tips and some of their nearest history,
// for when a branch was rewound past a tip that the remote has forgotten.
func (m *mirror) haves(refs map[string]Hash) ([]Hash, error) {
	const eachBranch = 32
	var haves []Hash
	seen := map[Hash]bool{}
	for _, branch := range slices.Sorted(maps.Keys(refs)) { // what was seen cuts short what follows
		queue := []Hash{refs[branch]}
		for n := 0; len(queue) > 0 && n < eachBranch; n++ {
			h := queue[0]
			queue = queue[1:]
			if seen[h] {
				continue
			}
			seen[h] = true
			haves = append(haves, h)
			o, err := m.store.read(h)
			if err != nil {
				return nil, err
			}
			c, err := decodeCommit(o.data)
			if err != nil {
				return nil, err
			}
			queue = append(queue, c.parents...)
		}
	}
	slices.Sort(haves)
	return haves, nil
}

// smallPack is what is taken in without go-git's index: few people commit more at once.
const smallPack = 16 << 10

// bring takes what wants need into the mirror. The little that most fetches bring is kept
// like what was pushed from here: neither an index to read anew, nor a pack for each.
func (m *mirror) bring(ctx context.Context, adv *advertisement, wants, haves []Hash) error {
	body, err := fetchPack(ctx, adv, wants, haves)
	if err != nil {
		return err
	}
	defer discard(body)
	head, err := io.ReadAll(io.LimitReader(body, smallPack))
	if err != nil {
		return m.broken(ctx, err)
	}
	if len(head) == smallPack {
		if err := m.receive(ctx, m.dir(), io.MultiReader(bytes.NewReader(head), body)); err != nil {
			return err
		}
		m.store.reload()
		return nil
	}
	objects, err := unpack(head)
	if err != nil {
		return m.broken(ctx, err)
	}
	p, err := newPack(objects)
	if err != nil {
		return err
	}
	return m.keepPack(p, objects)
}

// broken is the error of a pack that did not come in whole.
func (m *mirror) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return tagged(err, ErrUnreachable, "receive objects from "+m.server.String())
}

// unpack gives a pack's objects, sorted by hash.
func unpack(data []byte) (list []object, err error) {
	defer recovered(&err)
	st := memory.NewStorage()
	if err := packfile.UpdateObjectStorage(st, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	for _, encoded := range st.Objects {
		o, err := readEncoded(encoded)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b object) int { return cmp.Compare(a.hash, b.hash) })
	return list, nil
}

// receive takes a pack into the repository at dir. It is written and indexed in a
// folder of its own and moved when all of it is on the disk, so that a crash leaves
// no index without its pack.
func (m *mirror) receive(ctx context.Context, dir string, body io.Reader) error {
	incoming := filepath.Join(m.home, "incoming")
	if err := os.RemoveAll(incoming); err != nil {
		return err
	}
	if err := initBare(incoming); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(incoming) }() // the next one does it otherwise
	if err := index(incoming, body); err != nil {
		return m.broken(ctx, err)
	}
	from, to := filepath.Join(incoming, "objects", "pack"), filepath.Join(dir, "objects", "pack")
	if err := syncFiles(from); err != nil {
		return err
	}
	err := m.store.quiet(func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.grown = true
		return movePacks(from, to)
	})
	if err != nil {
		return err
	}
	return syncDir(to)
}

// index stores a pack by go-git, which resolves its deltas and checks its sums.
func index(dir string, pack io.Reader) (err error) {
	defer recovered(&err)
	st := filesystem.NewStorage(osfs.New(dir), newStore(dir).lru)
	defer discard(st)
	return packfile.UpdateObjectStorage(st, pack)
}

// recovered makes an error of a panic of go-git's.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("go-git panicked: %v", p)
	}
}

// syncFiles has everything in a folder written to the disk.
func syncFiles(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		f, err := os.Open(filepath.Join(dir, file.Name()))
		if err != nil {
			return err
		}
		err = f.Sync()
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// movePacks moves packs, their indexes last.
func movePacks(from, to string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	slices.SortStableFunc(files, func(a, b fs.DirEntry) int {
		return boolInt(filepath.Ext(a.Name()) == ".idx") - boolInt(filepath.Ext(b.Name()) == ".idx")
	})
	for _, file := range files {
		if err := os.Rename(filepath.Join(from, file.Name()), filepath.Join(to, file.Name())); err != nil {
			return err
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

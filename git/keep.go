package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// recent are the objects of the last pushes and small fetches in the mirror, so that
// thousands of them do not become thousands of packs: each adds a small pack, every so
// often those become one with what was merged before, and that is left alone once it is
// large.
//
//	push ──► small ─┐
//	fetch ─► small ─┼─► merged (grows) ─► full: a new one is begun
//	push ──► small ─┘
type recent struct {
	pack   *pack    // all of them
	merged string   // the pack with those that were merged, without extension
	small  []string // the packs since
}

const (
	recentSize  = 4 << 20
	recentPacks = 16 // small ones, before they are merged
)

// keep makes what was pushed readable here without another fetch.
func (m *mirror) keep(branch string, parent Hash, b *built) error {
	m.mu.Lock()
	m.known[branch] = true
	m.mu.Unlock()
	p, err := b.pack()
	if err == nil {
		err = m.keepPack(p, b.objects)
	}
	if err != nil {
		return err
	}
	at, err := readRef(m.dir(), branchRef(branch))
	if err != nil || at != parent {
		return err // a fetch was faster, or knows better
	}
	return m.setRef(m.dir(), branch, b.commit)
}

// keepPack adds a pack and has its objects readable at once.
func (m *mirror) keepPack(p *pack, objects []object) error {
	scattered := false
	err := m.store.quiet(func() (err error) {
		scattered, err = m.addSmall(p)
		return err
	})
	if err == nil && scattered {
		err = m.store.swap(m.merge)
	}
	if err == nil {
		m.store.remember(objects)
	}
	return err
}

func (m *mirror) addSmall(p *pack) (scattered bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.grown = true
	path, err := p.writeTo(filepath.Join(m.dir(), "objects"), disposable)
	if err != nil {
		return false, err
	}
	if m.recent.pack == nil {
		m.recent.pack = &pack{}
	}
	m.recent.pack.append(p)
	m.recent.small = append(m.recent.small, path)
	return len(m.recent.small) >= min(recentPacks, m.maxPacks/2), nil
}

// merge makes one pack of what is recent. The caller is inside the store's swap.
func (m *mirror) merge() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.recent
	m.recent = recent{} // whatever fails now, nothing grows on top of it
	if r.pack == nil {
		return nil
	}
	path, err := r.pack.writeTo(filepath.Join(m.dir(), "objects"), disposable)
	if err != nil {
		return err
	}
	for _, old := range append(r.small, r.merged) {
		if old == "" || old == path {
			continue
		}
		for _, ext := range []string{".idx", ".pack"} { // the index first, as Git removes them
			if err := os.Remove(old + ext); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if r.pack.size < recentSize {
		m.recent = recent{pack: r.pack, merged: path}
	}
	return nil
}

// carry writes what is recent into a mirror that is to replace this one: it may have
// been pushed after that was fetched. The caller holds mu.
func (m *mirror) carry(dir string) error {
	r := m.recent
	m.recent = recent{}
	if r.pack == nil {
		return nil
	}
	path, err := r.pack.writeTo(filepath.Join(dir, "objects"), disposable)
	if err == nil {
		m.recent = recent{pack: r.pack, merged: filepath.Join(m.dir(), "objects", "pack", filepath.Base(path))}
	}
	return err
}

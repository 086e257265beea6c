package git

import (
	"os"
	"path/filepath"
)

// recent is the pack that grows with each push, so that thousands of small pushes
// do not become thousands of packs. It is given up for a new one when it is full.
type recent struct {
	pack *pack
	path string // without extension
}

const recentSize = 4 << 20

// keep makes what was pushed readable here without another fetch.
func (m *mirror) keep(branch string, parent, tip Hash, objects []object) error {
	if err := m.keepObjects(branch, objects); err != nil {
		return err
	}
	at, err := readRef(m.dir(), branchRef(branch))
	if err != nil || at != parent {
		return err // a fetch was faster, or knows better
	}
	return m.setRef(m.dir(), branch, tip)
}

func (m *mirror) keepObjects(branch string, objects []object) error {
	return m.store.swap(func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.known[branch] = true
		old := m.recent
		p := &pack{}
		if old.pack != nil && old.pack.size < recentSize {
			p.entries, p.size = old.pack.entries, old.pack.size
		} else {
			old = recent{}
		}
		m.recent = recent{} // whatever fails now, nothing grows on top of it
		if err := p.add(objects); err != nil {
			return err
		}
		path, err := p.writeTo(filepath.Join(m.dir(), "objects"), disposable)
		if err != nil {
			return err
		}
		p.z = nil
		m.recent = recent{p, path}
		if old.path == "" || old.path == path {
			return nil
		}
		for _, ext := range []string{".idx", ".pack"} { // the index first, as Git removes them
			if err := os.Remove(old.path + ext); err != nil {
				return err
			}
		}
		return nil
	})
}

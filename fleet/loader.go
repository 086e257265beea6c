package fleet

import (
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/tenantry/tenantry/fleet/internal/strict"
)

// Loader loads one commit after the other and remembers the tenants' folders by
// content, so that a commit costs what it changes. It needs an fs.FS with the
// method TreeHash (see Load); without, it is Load. The zero value is ready, and
// safe for several goroutines.
type Loader struct {
	mu     sync.Mutex
	memory memory
}

// Load is like the function of this name. Fleets share what did not change.
func (l *Loader) Load(fsys fs.FS) (*Fleet, Findings, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.memory.begin()
	return load(fsys, &l.memory)
}

// keptLoads is for how many loads a folder is remembered that is not seen again:
// a few commits are looked at in turn (what is declared, what is held).
const keptLoads = 16

// memory holds what was read out of folders, by their place and content.
type memory struct {
	loads   int
	folders map[folderKey]*remembered
}

type folderKey struct{ dir, hash string }

// remembered is what one folder added to a loader. It never changes.
type remembered struct {
	seen     int
	findings Findings
	opaque   []string
	entries  []entry
	// tenants are by the index of their entry.
	tenants map[int]*Tenant
}

func (m *memory) begin() {
	m.loads++
	if m.folders == nil {
		m.folders = map[folderKey]*remembered{}
	}
	for key, r := range m.folders {
		if r.seen < m.loads-keptLoads {
			delete(m.folders, key)
		}
	}
}

// once reads a folder with load, or remembers what that gave for the same content.
func (l *loader) once(dir string, load func() error) error {
	hasher, ok := l.fsys.(treeHasher)
	if !ok || l.memory == nil {
		return load()
	}
	hash, err := hasher.TreeHash(dir)
	if err != nil {
		return fmt.Errorf("hash folder %s: %w", dir, err)
	}
	key := folderKey{dir, hash}
	if r := l.memory.folders[key]; r != nil {
		r.seen = l.memory.loads
		l.replay(r)
		return nil
	}
	findings, opaque, entries, tenants := len(l.findings), len(l.fleet.Opaque), len(l.entries), len(l.tenants)
	if err := load(); err != nil {
		return err
	}
	r := &remembered{
		seen:     l.memory.loads,
		findings: slices.Clone(l.findings[findings:]),
		opaque:   slices.Clone(l.fleet.Opaque[opaque:]),
		tenants:  map[int]*Tenant{},
	}
	index := map[*entry]int{}
	for _, e := range l.entries[entries:] {
		index[e] = len(r.entries)
		r.entries = append(r.entries, e.copy())
	}
	for _, t := range l.tenants[tenants:] {
		r.tenants[index[t.entry]] = t.value
	}
	l.memory.folders[key] = r
	return nil
}

// replay adds what a folder gave before.
func (l *loader) replay(r *remembered) {
	l.findings = append(l.findings, r.findings...)
	l.fleet.Opaque = append(l.fleet.Opaque, r.opaque...)
	for i := range r.entries {
		e := r.entries[i].copy()
		l.entries = append(l.entries, &e)
		if t := r.tenants[i]; t != nil {
			l.tenants = append(l.tenants, declared[Tenant]{&e, t})
		}
	}
}

// copy gives an entry that may be added to without changing this one.
func (e *entry) copy() entry {
	out := *e
	out.doc = nil
	out.unread = slices.Clip(out.unread)
	return out
}

// index gives the entry's document, to know where its fields stand; nil when it
// could not be read. A tenant's is made again when it is asked for.
func (e *entry) index() *strict.Document {
	if e.doc == nil && e.raw != nil {
		doc, problems := strict.Parse(e.raw)
		if len(problems) == 0 {
			doc.Decode(&object[TenantSpec]{}, defaults)
			e.doc = doc
		}
	}
	return e.doc
}

package fleet

import (
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/tenantry/tenantry/fleet/strict"
)

// Loader loads one commit after the other and remembers folders by their content, so that a commit costs what it changes. It needs an fs.FS with the
// method TreeHash (see Load); without, it is Load. The zero value is ready, and
// safe for several goroutines.
type Loader struct {
	// Judge says what is wrong with a provider of the fleet's own that can be read; nil is
	// nothing. It is a function of the provider alone: what it said is remembered.
	Judge func(*Provider) Findings

	mu     sync.Mutex
	memory memory
}

// Load is like the function of this name. Fleets share what did not change.
func (l *Loader) Load(fsys fs.FS) (*Fleet, Findings, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.memory.begin()
	return load(fsys, &l.memory, l.Judge)
}

// keptLoads is for how many loads a folder is remembered that is not seen again:
// a few commits are looked at in turn (what is declared, what is held).
const keptLoads = 16

// memory holds what was read out of folders, by their place and content.
type memory struct {
	loads int
	// last is how many entries the last load had.
	last    int
	folders map[folderKey]*remembered
}

type folderKey struct{ dir, hash string }

// remembered is what one folder added to a loader. It never changes.
type remembered struct {
	seen     int
	findings Findings
	opaque   []string
	entries  []entry
}

// entries is how many entries are to be expected.
func (m *memory) entries() int {
	if m == nil {
		return 0
	}
	return m.last + m.last/8
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
	findings, opaque, entries := len(l.findings), len(l.fleet.Opaque), len(l.entries)
	if err := load(); err != nil {
		return err
	}
	r := &remembered{
		seen:     l.memory.loads,
		findings: slices.Clone(l.findings[findings:]),
		opaque:   slices.Clone(l.fleet.Opaque[opaque:]),
		entries:  make([]entry, 0, len(l.entries)-entries),
	}
	for _, e := range l.entries[entries:] {
		kept := *e
		kept.doc, kept.unread = nil, slices.Clip(e.unread)
		r.entries = append(r.entries, kept)
	}
	l.memory.folders[key] = r
	return nil
}

// replay adds what a folder gave before. Entries are copied: checks add to them.
func (l *loader) replay(r *remembered) {
	l.findings = append(l.findings, r.findings...)
	l.fleet.Opaque = append(l.fleet.Opaque, r.opaque...)
	entries := slices.Clone(r.entries)
	for i := range entries {
		l.entries = append(l.entries, &entries[i])
	}
}

// index gives the entry's document, to know where its fields stand; nil when it
// could not be read. Documents are large and few are asked for a place again, so
// they are made again when they are asked for.
func (e *entry) index() *strict.Document {
	if e.doc == nil && e.raw != nil {
		doc, problems := strict.Parse(e.raw)
		if len(problems) == 0 {
			doc.Decode(blank(e.ref.Kind), defaults)
			e.doc = doc
		}
	}
	return e.doc
}

// blank gives an empty declaration of a kind.
func blank(kind string) any {
	switch kind {
	case KindShard:
		return &object[ShardSpec]{}
	case KindDataStore:
		return &object[DataStoreSpec]{}
	case KindClass:
		return &object[ClassSpec]{}
	case KindTenant:
		return &object[TenantSpec]{}
	case KindApproval:
		return &object[ApprovalSpec]{}
	}
	return &object[Settings]{}
}

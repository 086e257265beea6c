package ledger

import (
	"bytes"
	"maps"
)

// Changes are decisions in the making: entries to be written, by name; nil
// removes one. The zero value is ready to use.
type Changes struct {
	Tenants    map[string]*Tenant
	DataStores map[string]*DataStore
	Classes    map[string]*Class
	Shards     map[string]*Shard
}

// SetTenant has the entry written; the caller does not change it afterwards.
func (c *Changes) SetTenant(e *Tenant) { set(&c.Tenants, e.Name, e) }

// SetDataStore has the entry written; the caller does not change it afterwards.
func (c *Changes) SetDataStore(e *DataStore) { set(&c.DataStores, e.Name, e) }

// SetClass has the entry written; the caller does not change it afterwards.
func (c *Changes) SetClass(e *Class) { set(&c.Classes, e.Name, e) }

// SetShard has the entry written; the caller does not change it afterwards.
func (c *Changes) SetShard(e *Shard) { set(&c.Shards, e.Name, e) }

func set[E any](m *map[string]E, name string, e E) {
	if *m == nil {
		*m = map[string]E{}
	}
	(*m)[name] = e
}

// Empty says whether there is nothing to write.
func (c Changes) Empty() bool {
	return len(c.Tenants)+len(c.DataStores)+len(c.Classes)+len(c.Shards) == 0
}

// With is the ledger after the changes; the receiver stays as it is. Entries are
// shared between both.
func (l *Ledger) With(c Changes) *Ledger {
	if l == nil {
		l = Empty()
	}
	return &Ledger{
		Tenants:    with(l.Tenants, c.Tenants),
		DataStores: with(l.DataStores, c.DataStores),
		Classes:    with(l.Classes, c.Classes),
		Shards:     with(l.Shards, c.Shards),
	}
}

func with[E entry](old, changes map[string]E) map[string]E {
	if len(changes) == 0 && old != nil {
		return old // nobody changes a ledger's maps
	}
	out := maps.Clone(old)
	if out == nil {
		out = map[string]E{}
	}
	for name, e := range changes {
		if e == nil {
			delete(out, name)
		} else {
			out[name] = e
		}
	}
	return out
}

// Parts are changes as parts of a commit on the ledger's branch.
type Parts struct {
	// Files maps paths to contents; nil removes the file.
	Files map[string][]byte
	// Mounts maps paths to trees that Git has already; an empty hash removes the mount.
	Mounts map[string]string
}

// Empty says whether a commit of the parts would change nothing.
func (p Parts) Empty() bool { return len(p.Files)+len(p.Mounts) == 0 }

// Draft gives the changes as parts of a commit on top of l. What would not
// change a file is left out. A tree is mounted with the first entry that names
// it and unmounted with the last. A ledger that begins gets its README.md.
func (l *Ledger) Draft(c Changes) (Parts, error) {
	if l == nil {
		l = Empty()
	}
	p := Parts{Files: map[string][]byte{}, Mounts: map[string]string{}}
	for _, add := range []func() error{
		func() error { return addFiles(p.Files, l.Tenants, c.Tenants, TenantPath) },
		func() error { return addFiles(p.Files, l.DataStores, c.DataStores, DataStorePath) },
		func() error { return addFiles(p.Files, l.Classes, c.Classes, ClassPath) },
		func() error { return addFiles(p.Files, l.Shards, c.Shards, ShardPath) },
	} {
		if err := add(); err != nil {
			return Parts{}, err
		}
	}
	before, after := l.trees(), l.With(c).trees()
	for tree := range after {
		if !before[tree] {
			p.Mounts[SourcePath(tree)] = tree
		}
	}
	for tree := range before {
		if !after[tree] {
			p.Mounts[SourcePath(tree)] = ""
		}
	}
	if l.empty() && !p.Empty() {
		p.Files["README.md"] = README()
	}
	return p, nil
}

func (l *Ledger) empty() bool {
	return len(l.Tenants)+len(l.DataStores)+len(l.Classes)+len(l.Shards) == 0
}

func addFiles[E entry](files map[string][]byte, old, changes map[string]E, at func(name string) string) error {
	for name, e := range changes {
		was := old[name]
		if e == nil {
			if was != nil {
				files[at(name)] = nil
			}
			continue
		}
		data, err := Encode(e)
		if err != nil {
			return err
		}
		if was != nil {
			if same, err := Encode(was); err == nil && bytes.Equal(same, data) {
				continue
			}
		}
		files[at(name)] = data
	}
	return nil
}

// trees are all declared trees that entries need.
func (l *Ledger) trees() map[string]bool {
	out := map[string]bool{}
	addTrees(out, l.Tenants)
	addTrees(out, l.DataStores)
	addTrees(out, l.Classes)
	return out
}

func addTrees[E entry](out map[string]bool, entries map[string]E) {
	for _, e := range entries {
		for _, tree := range e.trees() {
			out[tree] = true
		}
	}
}

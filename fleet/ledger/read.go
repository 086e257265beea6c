package ledger

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxFileSize bounds an entry; a tombstone holds a declaration of at most 1 MiB.
const maxFileSize = 2 << 20

// Empty is a ledger without entries.
func Empty() *Ledger {
	return &Ledger{
		Tenants:    map[string]*Tenant{},
		DataStores: map[string]*DataStore{},
		Classes:    map[string]*Class{},
		Shards:     map[string]*Shard{},
	}
}

// Read gives the ledger that a commit of its branch holds. README.md, sources/
// and names that begin with a dot are no entries. Everything else has to be
// understood: an error is about the whole ledger and names the file.
func Read(fsys fs.FS) (*Ledger, error) {
	l := Empty()
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "README.md", name == "sources", strings.HasPrefix(name, "."):
		case name == "tenants" && e.IsDir():
			err = readTenants(fsys, l)
		case name == "datastores" && e.IsDir():
			err = readFolder(fsys, name, l.DataStores, func(f *dataStoreFile) *DataStore { return &f.DataStore }, func(e *DataStore) string { return e.Name })
		case name == "classes" && e.IsDir():
			err = readFolder(fsys, name, l.Classes, func(f *classFile) *Class { return &f.Class }, func(e *Class) string { return e.Name })
		case name == "shards" && e.IsDir():
			err = readFolder(fsys, name, l.Shards, func(f *shardFile) *Shard { return &f.Shard }, func(e *Shard) string { return e.Name })
		default:
			err = fmt.Errorf("read %s: is not known: it was written by a newer tenantry or by hand", name)
		}
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
	}
	return l, nil
}

func readTenants(fsys fs.FS, l *Ledger) error {
	folders, err := fs.ReadDir(fsys, "tenants")
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !f.IsDir() {
			return fmt.Errorf("read tenants/%s: is not a folder of entries", f.Name())
		}
		err := readFolder(fsys, "tenants/"+f.Name(), l.Tenants, func(f *tenantFile) *Tenant { return &f.Tenant }, func(e *Tenant) string { return e.Name })
		if err != nil {
			return err
		}
	}
	return nil
}

// readFolder reads a folder in which every file is an entry of one kind.
func readFolder[F any, E entry](fsys fs.FS, dir string, into map[string]E, read func(*F) E, name func(E) string) error {
	files, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		file := path.Join(dir, f.Name())
		if !f.Type().IsRegular() {
			return fmt.Errorf("read %s: is not an ordinary file", file)
		}
		info, err := f.Info()
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if info.Size() > maxFileSize {
			return fmt.Errorf("read %s: is larger than %d bytes", file, maxFileSize)
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		e, err := decodeFile(file, data, read)
		if err != nil {
			return err
		}
		into[name(e)] = e
	}
	return nil
}

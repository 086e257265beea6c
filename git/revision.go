package git

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Revision is the tree of one commit as a file system that never changes. Symbolic
// links and submodules are shown with their modes and never followed or read. Every
// error but fs.ErrNotExist means that it is not known what the path holds. It is
// safe for several goroutines.
type Revision struct {
	repo         *Repository
	commit, tree Hash
	parents      []Hash
	when         time.Time
}

var (
	_ fs.ReadDirFS  = (*Revision)(nil)
	_ fs.ReadFileFS = (*Revision)(nil)
	_ fs.StatFS     = (*Revision)(nil)
	_ fs.SubFS      = (*Revision)(nil)
)

// Revision opens a commit that was fetched.
func (r *Repository) Revision(ctx context.Context, commit Hash) (*Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := r.commit(commit)
	if err != nil {
		return nil, fmt.Errorf("open commit %s: %w", commit, err)
	}
	if _, err := r.folder(c.tree); err != nil {
		return nil, fmt.Errorf("open commit %s: %w", commit, err)
	}
	return &Revision{repo: r, commit: commit, tree: c.tree, parents: c.parents, when: c.when}, nil
}

// TreeRevision opens a tree by itself; it has no commit, no parents and no time.
func (r *Repository) TreeRevision(ctx context.Context, tree Hash) (*Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := r.folder(tree); err != nil {
		return nil, fmt.Errorf("open tree %s: %w", tree, err)
	}
	return &Revision{repo: r, tree: tree}, nil
}

// Commit is the commit's hash; empty for a tree or a part of a Revision.
func (v *Revision) Commit() Hash { return v.commit }

// Tree is the hash of the root folder: equal trees have equal hashes.
func (v *Revision) Tree() Hash { return v.tree }

// Parents are the commit's parents, the first one first.
func (v *Revision) Parents() []Hash { return slices.Clone(v.parents) }

// When is the committer's time.
func (v *Revision) When() time.Time { return v.when }

// Hash names the content of a file or folder: equal contents, equal hashes.
func (v *Revision) Hash(name string) (Hash, error) {
	e, err := v.find("hash", name)
	return e.hash, err
}

// find walks to an entry; the root is a folder named ".".
func (v *Revision) find(op, name string) (entry, error) {
	at := entry{name: ".", mode: modeFolder, hash: v.tree}
	if !fs.ValidPath(name) {
		return at, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if !at.isFolder() {
			return at, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		entries, err := v.repo.folder(at.hash)
		if err != nil {
			return at, &fs.PathError{Op: op, Path: name, Err: err}
		}
		i, found := slices.BinarySearchFunc(entries, part, func(e entry, name string) int { return strings.Compare(e.name, name) })
		if !found {
			return at, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		at = entries[i]
	}
	return at, nil
}

// Open opens a file or folder.
func (v *Revision) Open(name string) (fs.File, error) {
	e, err := v.find("open", name)
	if err != nil {
		return nil, err
	}
	info, err := v.info("open", name, e)
	if err != nil {
		return nil, err
	}
	if e.isFolder() {
		entries, err := v.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openFolder{info: info, entries: entries, name: name}, nil
	}
	if !info.Mode().IsRegular() {
		return &openFile{info: info, name: name}, nil
	}
	data, err := v.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{info: info, name: name, Reader: bytes.NewReader(data)}, nil
}

// ReadFile gives the content of a regular file.
func (v *Revision) ReadFile(name string) ([]byte, error) {
	e, err := v.find("read", name)
	if err != nil {
		return nil, err
	}
	if !e.fsMode().IsRegular() {
		return nil, irregular("read", name, e.fsMode())
	}
	data, err := v.repo.read(e.hash, blobKind)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return slices.Clone(data), nil // the object cache keeps the original
}

func irregular(op, name string, mode fs.FileMode) error {
	what := "submodules are not read"
	switch {
	case mode.IsDir():
		what = "it is a folder"
	case mode&fs.ModeSymlink != 0:
		what = "symbolic links are not followed"
	}
	return &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("%w: %s", fs.ErrInvalid, what)}
}

// ReadDir lists a folder, sorted by name.
func (v *Revision) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := v.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !e.isFolder() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fmt.Errorf("%w: it is not a folder", fs.ErrInvalid)}
	}
	entries, err := v.repo.folder(e.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	list := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		list[i] = dirEntry{v, path.Join(name, e.name), e}
	}
	return list, nil
}

// Stat describes a path. A file's size is read without its content.
func (v *Revision) Stat(name string) (fs.FileInfo, error) {
	e, err := v.find("stat", name)
	if err != nil {
		return nil, err
	}
	return v.info("stat", name, e)
}

// Sub gives a folder as a Revision of its own, without commit.
func (v *Revision) Sub(dir string) (fs.FS, error) {
	e, err := v.find("sub", dir)
	if err != nil {
		return nil, err
	}
	if !e.isFolder() {
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: fmt.Errorf("%w: it is not a folder", fs.ErrInvalid)}
	}
	return &Revision{repo: v.repo, tree: e.hash, when: v.when}, nil
}

func (v *Revision) info(op, name string, e entry) (fileInfo, error) {
	info := fileInfo{name: path.Base(name), mode: e.fsMode(), when: v.when}
	if info.mode.IsRegular() || info.mode&fs.ModeSymlink != 0 {
		size, err := v.repo.store.length(e.hash)
		if err != nil {
			v.repo.blame(e.hash, err)
			return info, &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("%w: %s", ErrUnreadable, err.Error())}
		}
		info.size = size
	}
	return info, nil
}

type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
	when time.Time
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.when }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

type dirEntry struct {
	rev  *Revision
	path string
	e    entry
}

func (d dirEntry) Name() string               { return d.e.name }
func (d dirEntry) IsDir() bool                { return d.e.isFolder() }
func (d dirEntry) Type() fs.FileMode          { return d.e.fsMode().Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.rev.info("stat", d.path, d.e) }
func (d dirEntry) String() string             { return fs.FormatDirEntry(d) }

// Hash names the entry's content, so that a walk can compare without looking up again.
func (d dirEntry) Hash() Hash { return d.e.hash }

type openFile struct {
	*bytes.Reader
	info fileInfo
	name string
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

func (f *openFile) Read(p []byte) (int, error) {
	if f.Reader == nil {
		return 0, irregular("read", f.name, f.info.mode)
	}
	return f.Reader.Read(p)
}

type openFolder struct {
	info    fileInfo
	name    string
	entries []fs.DirEntry
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }
func (f *openFolder) Read([]byte) (int, error) {
	return 0, irregular("read", f.name, f.info.mode)
}

func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(f.entries)
	} else if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	list := f.entries[:n:n]
	f.entries = f.entries[n:]
	return list, nil
}

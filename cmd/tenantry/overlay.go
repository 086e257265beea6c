package main

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing/fstest"
)

// overlay is a folder as it would be with a few files more: what is to be
// written is judged before it is.
type overlay struct {
	base  fs.FS // nil is an empty folder
	added fstest.MapFS
}

func newOverlay(base fs.FS, files map[string][]byte) overlay {
	o := overlay{base, fstest.MapFS{}}
	for p, data := range files {
		o.added[p] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	return o
}

func (o overlay) Open(name string) (fs.File, error) {
	if o.added[name] != nil || o.base == nil {
		return o.added.Open(name)
	}
	return o.base.Open(name)
}

func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	added, missing := fs.ReadDir(o.added, name)
	if o.base == nil {
		return added, missing
	}
	entries, err := fs.ReadDir(o.base, name)
	if errors.Is(err, fs.ErrNotExist) && missing == nil {
		err = nil
	}
	for _, a := range added {
		if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == a.Name() }) {
			entries = append(entries, a)
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

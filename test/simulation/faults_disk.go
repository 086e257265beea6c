package simulation

import (
	"io/fs"
	"os"
	"path/filepath"
)

// fillDisk has nothing more fit on a replica's disk: where packs and objects are kept there
// are files instead of folders, which a superuser cannot write through either.
func (w *world) fillDisk(r *replica) (undo func()) {
	var full []string
	for _, dir := range w.cached(r, func(e fs.DirEntry) bool { return e.IsDir() && (e.Name() == "objects" || e.Name() == "incoming") }) {
		if os.Rename(dir, dir+".away") == nil && os.WriteFile(dir, nil, 0o600) == nil {
			full = append(full, dir)
		}
	}
	return func() {
		for _, dir := range full {
			_ = os.Remove(dir)
			_ = os.Rename(dir+".away", dir) // it may have been made anew
		}
	}
}

// hurtCache loses a replica's cache, or tears one of its files.
func (w *world) hurtCache(r *replica, how string, nth int) {
	if how == "lost" {
		for _, dir := range w.cached(r, func(e fs.DirEntry) bool { return e.IsDir() && e.Name() == "mirror" }) {
			_ = os.RemoveAll(dir)
		}
		return
	}
	files := w.cached(r, func(e fs.DirEntry) bool { return e.Type().IsRegular() && e.Name() != "lock" })
	if len(files) == 0 {
		return
	}
	file := files[nth%len(files)]
	if info, err := os.Stat(file); err == nil {
		_ = os.Chmod(file, 0o600)
		_ = os.Truncate(file, info.Size()/2)
	}
}

// cached are the files and folders of a replica's cache that are wanted, in their order.
func (w *world) cached(r *replica, wanted func(fs.DirEntry) bool) (all []string) {
	_ = filepath.WalkDir(r.home, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != r.home && wanted(e) {
			all = append(all, path)
		}
		return nil
	})
	return all
}

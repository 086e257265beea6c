package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// watchRefs reports changes of a local repository's references, many at once or
// one by one.
func watchRefs(path string) (*source, error) {
	if _, err := os.Stat(filepath.Join(path, "refs")); errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(path, ".git")
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	refs := filepath.Join(path, "refs")
	for _, dir := range []string{path, refs} { // packed-refs is replaced by renaming, so its folder is watched
		if err := w.Add(dir); err != nil {
			_ = w.Close()
			return nil, err
		}
	}
	addFolders(w, refs)
	changes := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(changes)
		follow(w, path, refs, changes)
	}()
	return &source{changes, func() {
		_ = w.Close()
		<-ended
	}}, nil
}

func follow(w *fsnotify.Watcher, path, refs string, changes chan<- struct{}) {
	for {
		select {
		case e, open := <-w.Events:
			if !open || e.Name == path && (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) {
				return
			}
			if e.Has(fsnotify.Create) && strings.HasPrefix(e.Name, refs) {
				addFolders(w, e.Name) // a branch a/b makes the folder a
			}
			if !matters(path, e.Name) {
				continue
			}
		case _, open := <-w.Errors: // an overflow: something happened
			if !open {
				return
			}
		}
		select {
		case changes <- struct{}{}:
		default:
		}
	}
}

// matters leaves out lock files, objects and what else lies in a repository.
func matters(root, name string) bool {
	if strings.HasSuffix(name, ".lock") {
		return false
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return true
	}
	rel = filepath.ToSlash(rel)
	return rel == "packed-refs" || rel == "refs" || strings.HasPrefix(rel, "refs/")
}

func addFolders(w *fsnotify.Watcher, root string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if d.IsDir() {
			_ = w.Add(path) // what cannot be watched is polled
		}
		return nil
	})
}

package git

import (
	"io"
	"os"
	"path/filepath"
	"time"
)

// writer makes a path hold data, wholly or not at all.
type writer func(path string, data []byte, mode os.FileMode) error

// durable writes what has to survive a power cut: other people's repositories.
func durable(path string, data []byte, mode os.FileMode) error {
	if err := replace(path, data, mode, (*os.File).Sync); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// disposable writes to the cache, which is checked when it is opened and rebuilt.
func disposable(path string, data []byte, mode os.FileMode) error {
	return replace(path, data, mode, func(*os.File) error { return nil })
}

// tempPrefix begins the names of files being written; Git's own prune knows it.
const tempPrefix = "tmp_obj_"

func replace(path string, data []byte, mode os.FileMode, sync func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = sync(f)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer discard(d)
	return d.Sync()
}

// discard closes what was only read, or has failed already.
func discard(c io.Closer) { _ = c.Close() }

// touch freshens a file that exists, as Git does with objects that are written
// again: a prune running beside us then keeps them.
func touch(path string) error {
	now := time.Now()
	return os.Chtimes(path, now, now)
}

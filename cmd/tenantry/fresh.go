package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// writeFresh writes files into dir, all or none of them. One that is there with the same
// content is left alone; with another one, or where a link is in the way, nothing is
// written. Each file is there as a whole or not at all.
func writeFresh(dir string, files map[string][]byte) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	var fresh []string
	var wrong []error
	for _, name := range sortedNames(files) {
		there, err := present(root, name, files[name])
		if err != nil {
			wrong = append(wrong, err)
		} else if !there {
			fresh = append(fresh, name)
		}
	}
	if len(wrong) > 0 {
		return hint(errors.Join(wrong...), "nothing was written; move these away, or import into another team")
	}
	var made []string // files and folders, in the order in which they were made
	defer func() {
		if err != nil {
			for _, p := range slices.Backward(made) {
				err = errors.Join(err, root.Remove(p))
			}
		}
	}()
	for _, name := range fresh {
		for _, folder := range above(name) {
			switch err := root.Mkdir(folder, 0o755); {
			case err == nil:
				made = append(made, folder)
			case !errors.Is(err, fs.ErrExist):
				return err
			}
		}
		temporary := path.Join(path.Dir(name), ".import-"+path.Base(name))
		if err := root.WriteFile(temporary, files[name], 0o644); err != nil { //nolint:gosec // a work tree is as readable as its owner's umask says
			return errors.Join(err, remove(root, temporary))
		}
		if err := root.Rename(temporary, name); err != nil {
			return errors.Join(err, remove(root, temporary))
		}
		made = append(made, name)
	}
	return nil
}

func remove(root *os.Root, name string) error {
	if err := root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// present tells whether a file is there with this content. What stands in its way is an
// error.
func present(root *os.Root, name string, want []byte) (bool, error) {
	for _, folder := range above(name) {
		switch info, err := root.Lstat(folder); {
		case errors.Is(err, fs.ErrNotExist):
			return false, nil
		case err != nil:
			return false, err
		case !info.IsDir():
			return false, fmt.Errorf("%s is no folder: nothing is written through a link or a file", folder)
		}
	}
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s is there, and is no file", name)
	}
	have, err := root.ReadFile(name)
	if err == nil && !bytes.Equal(have, want) {
		err = fmt.Errorf("%s is there, with another content", name)
	}
	return err == nil, err
}

// above are the folders that a file stands in, the outermost first.
func above(name string) []string {
	var out []string
	for at := path.Dir(filepath.ToSlash(name)); at != "."; at = path.Dir(at) {
		out = append(out, at)
	}
	slices.Reverse(out)
	return out
}

package main

import (
	"crypto/sha1" //nolint:gosec // Git's names of contents
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// folder is a working directory whose folders are named by content as Git would
// name them: what was not changed is known to be the same as what is committed.
type folder struct{ fs.FS }

// TreeHash is the name of the tree that a commit would have at a path.
func (f folder) TreeHash(dir string) (string, error) {
	sum, _, err := f.tree(dir)
	if err != nil {
		return "", fmt.Errorf("hash %s: %w", dir, err)
	}
	return hex.EncodeToString(sum), nil
}

// tree hashes a folder; one without files does not exist for Git.
func (f folder) tree(dir string) (sum []byte, empty bool, err error) {
	entries, err := fs.ReadDir(f.FS, dir)
	if err != nil {
		return nil, false, err
	}
	type entry struct{ order, line string }
	var lines []entry
	for _, e := range entries {
		at, mode := path.Join(dir, e.Name()), "100644"
		var hash []byte
		switch {
		case e.Name() == ".git":
			continue
		case e.IsDir():
			var none bool
			if hash, none, err = f.tree(at); none {
				continue
			}
			mode = "40000"
		case e.Type()&fs.ModeSymlink != 0:
			var target string
			if target, err = fs.ReadLink(f.FS, at); err == nil {
				mode, hash = "120000", named("blob", []byte(target))
			}
		default:
			mode, hash, err = f.blob(at, e)
		}
		if err != nil {
			return nil, false, err
		}
		order := e.Name()
		if mode == "40000" {
			order += "/"
		}
		lines = append(lines, entry{order, mode + " " + e.Name() + "\x00" + string(hash)})
	}
	slices.SortFunc(lines, func(a, b entry) int { return strings.Compare(a.order, b.order) })
	var content strings.Builder
	for _, l := range lines {
		content.WriteString(l.line)
	}
	return named("tree", []byte(content.String())), len(lines) == 0, nil
}

func (f folder) blob(at string, e fs.DirEntry) (mode string, hash []byte, err error) {
	content, err := fs.ReadFile(f.FS, at)
	if err != nil {
		return "", nil, err
	}
	info, err := e.Info()
	if err != nil {
		return "", nil, err
	}
	mode = "100644"
	if info.Mode()&0o100 != 0 {
		mode = "100755"
	}
	return mode, named("blob", content), nil
}

// named is Git's name of a content.
func named(kind string, content []byte) []byte {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", kind, len(content), content)) //nolint:gosec // as above
	return sum[:]
}

// Package bases makes newer base versions of providers, for tests of what a fleet lives
// through when its daemon is upgraded. The product carries one version so far; the next
// one is derived from it in memory, and differs in what a real one may differ in:
//
//   - an object that changes: every Namespace has one more label;
//   - an object more, of a kind that no shard has seen yet: a ResourceQuota, which the
//     ledger has to list before it is applied.
//
// A datastore's base changes by the label alone.
package bases

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"testing/fstest"
)

// Label is on the Namespaces of newer versions, with the version as its value.
const Label = "example.com/base"

// Quota names the ResourceQuota that newer versions have in a tenant's namespace.
const Quota = "tenant"

// Newer gives the next version of each provider in fsys, alone: to be laid beside fsys
// as Options.Providers of package render. What it does not recognise is an error, so
// that a base which has changed its form does not go by unchanged.
func Newer(fsys fs.FS) (fs.FS, error) {
	next := fstest.MapFS{}
	err := fs.WalkDir(fsys, "providers", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		next[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read providers: %w", err)
	}
	dirs, err := fs.ReadDir(next, "providers")
	if err != nil {
		return nil, fmt.Errorf("list providers: %w", err)
	}
	for _, dir := range dirs {
		if err := raise(next, path.Join("providers", dir.Name())); err != nil {
			return nil, fmt.Errorf("make a newer provider %s: %w", dir.Name(), err)
		}
	}
	return next, nil
}

// raise makes the next version of the provider in dir.
func raise(fsys fstest.MapFS, dir string) error {
	var version string
	err := edit(fsys, path.Join(dir, "provider.yaml"), func(text string) (string, error) {
		_, rest, found := strings.Cut(text, "\nbaseVersion: \"")
		old, _, ended := strings.Cut(rest, "\"")
		number, err := strconv.Atoi(old)
		if !found || !ended || err != nil {
			return "", fmt.Errorf("no baseVersion of the form \"1\" is found")
		}
		version = strconv.Itoa(number + 1)
		return replace(text, "\nbaseVersion: \""+old+"\"", "\nbaseVersion: \""+version+"\"")
	})
	if err != nil {
		return err
	}
	label := func(text string) (string, error) {
		if strings.Contains(text, Label) {
			return "", fmt.Errorf("it has been made newer before")
		}
		return replace(text, "pod-security.kubernetes.io/enforce:", Label+": \""+version+"\"\n    pod-security.kubernetes.io/enforce:")
	}
	if err := edit(fsys, path.Join(dir, "namespace.yaml"), label); err != nil {
		return err
	}
	if file := path.Join(dir, "datastore", "namespace.yaml"); fsys[file] != nil {
		if err := edit(fsys, file, label); err != nil {
			return err
		}
	}
	fsys[path.Join(dir, "quota.yaml")] = &fstest.MapFile{Data: []byte(quota)}
	return edit(fsys, path.Join(dir, "kustomization.yaml"), func(text string) (string, error) {
		return replace(text, "\nresources:\n", "\nresources:\n- quota.yaml\n")
	})
}

const quota = `apiVersion: v1
kind: ResourceQuota
metadata: {name: ` + Quota + `, namespace: TENANT-NAMESPACE}
spec:
  hard: {count/configmaps: "100"}
`

// edit changes one file.
func edit(fsys fstest.MapFS, name string, change func(string) (string, error)) error {
	file := fsys[name]
	if file == nil {
		return fmt.Errorf("edit %s: it is not there", name)
	}
	text, err := change(string(file.Data))
	if err != nil {
		return fmt.Errorf("edit %s: %w", name, err)
	}
	fsys[name] = &fstest.MapFile{Data: []byte(text)}
	return nil
}

// replace puts text in the place of what is there exactly once.
func replace(text, old, with string) (string, error) {
	if n := strings.Count(text, old); n != 1 {
		return "", fmt.Errorf("%q is there %d times: want once", old, n)
	}
	return strings.Replace(text, old, with, 1), nil
}

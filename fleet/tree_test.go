package fleet_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing/fstest"
	"time"
)

// tree is a file system as Git shows one: folders know their hashes, and looking at
// one costs what is in it, however many there are.
type tree struct{ root *node }

type node struct {
	name     string
	data     []byte
	folder   bool
	children []*node // by name
	hash     string
}

func newTree(files fstest.MapFS) tree {
	root := &node{folder: true}
	at := map[string]*node{"": root}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parent := root
		parts := strings.Split(name, "/")
		for i, part := range parts {
			p := strings.Join(parts[:i+1], "/")
			n := at[p]
			if n == nil {
				n = &node{name: part, folder: i < len(parts)-1}
				at[p] = n
				parent.children = append(parent.children, n)
			}
			parent = n
		}
		parent.data = files[name].Data
	}
	root.finish()
	return tree{root}
}

func (n *node) finish() {
	slices.SortFunc(n.children, func(a, b *node) int { return cmp.Compare(a.name, b.name) })
	for _, c := range n.children {
		c.finish()
	}
	n.sum()
}

// sum names the node's content, its children's being known.
func (n *node) sum() {
	sum := sha256.New()
	sum.Write(n.data)
	for _, c := range n.children {
		fmt.Fprintf(sum, "%s %v %s\n", c.name, c.folder, c.hash)
	}
	n.hash = fmt.Sprintf("%x", sum.Sum(nil))
}

// with is the tree with one file changed; both share the rest, as commits do.
func (t tree) with(name string, data []byte) tree {
	return tree{t.root.with(strings.Split(name, "/"), data)}
}

func (n *node) with(path []string, data []byte) *node {
	out := *n
	if len(path) == 0 {
		out.data = data
	} else {
		out.children = slices.Clone(n.children)
		i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == path[0] })
		out.children[i] = n.children[i].with(path[1:], data)
	}
	out.sum()
	return &out
}

func (t tree) find(op, name string) (*node, error) {
	n := t.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		i, ok := slices.BinarySearchFunc(n.children, part, func(c *node, name string) int { return cmp.Compare(c.name, name) })
		if !ok {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		n = n.children[i]
	}
	return n, nil
}

func (t tree) TreeHash(name string) (string, error) {
	n, err := t.find("hash", name)
	if err != nil {
		return "", err
	}
	return n.hash, nil
}

func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(n.children))
	for i, c := range n.children {
		out[i] = c
	}
	return out, nil
}

func (t tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.data), nil
}

// Open is not needed: there are ReadDir and ReadFile.
func (t tree) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.folder }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Size() int64                { return int64(len(n.data)) }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) Sys() any                   { return nil }
func (n *node) Mode() fs.FileMode {
	if n.folder {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// large is a fleet of n tenants as fleets grow: 20 tenants a team, 20 classes of two
// providers, most with parameters, and every twentieth tenant with a patch of its own.
func large(n int) fstest.MapFS {
	files := fstest.MapFS{}
	add := func(path, format string, args ...any) {
		files[path] = &fstest.MapFile{Data: fmt.Appendf(nil, format, args...)}
	}
	const header = "apiVersion: tenantry.io/v1alpha1\nkind: %s\nmetadata:\n  name: %s\n"
	add("fleet.yaml", header, "Fleet", "large")
	for i := range 50 {
		add(fmt.Sprintf("shards/s-%02d.yaml", i), header+"spec:\n  addressPool: [10.%d.0.0/16]\n", "Shard", fmt.Sprintf("s-%02d", i), i)
		for _, provider := range []string{"native", "kamaji"} {
			name := fmt.Sprintf("s-%02d-%s", i, provider)
			add("datastores/"+name+".yaml", header+"spec:\n  provider: %s\n  driver: etcd\n  shards: [s-%02d]\n  managed: {}\n", "DataStore", name, provider, i)
		}
	}
	for i := range 20 {
		name := fmt.Sprintf("class-%02d", i)
		add("classes/"+name+"/class.yaml", header+`spec:
  provider: %s
  version: v1.36.3
  parameters:
    type: object
    properties:
      size: {type: string, enum: [small, large], default: small}
      pool: {type: string, pattern: "^[a-z0-9-]+$", maxLength: 20}
      zones: {type: array, maxItems: 3, default: [a]}
  allow:
    versions: [v1.36, v1.35]
    patches:
    - {kind: apps/v1/Deployment, name: control-plane, fields: [spec.template.spec.tolerations]}
`, "ControlPlaneClass", name, []string{"native", "kamaji"}[i%2])
		add("classes/"+name+"/kustomization.yaml", "resources: [../../providers/native]\n")
	}
	for i := range n {
		name := fmt.Sprintf("tenant-%05d", i)
		dir := fmt.Sprintf("tenants/team-%03d/%s", i/20, name)
		spec := fmt.Sprintf("spec:\n  class: class-%02d\n", i%20)
		switch i % 4 {
		case 0:
			spec += "  version: v1.36.2\n  parameters:\n    pool: web-1\n    size: large\n"
		case 1:
			spec += "  replicas: 2\n  access:\n    groups: [web]\n"
		case 2:
			spec += "  network:\n    podCIDR: 10.128.0.0/16\n"
		}
		add(dir+"/tenant.yaml", header+"%s", "Tenant", name, spec)
		if i%20 == i/20%20 {
			add(dir+"/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: {kind: Deployment}\n  path: patch.yaml\n")
			add(dir+"/patch.yaml", "- op: add\n  path: /spec/template/spec/tolerations\n  value: [{key: pool-%d}]\n", i%7)
		}
	}
	return files
}

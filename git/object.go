package git

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Objects are encoded and decoded here, byte by byte as Git does, and every one
// that is read is hashed again: what a Revision shows is what its hash names.

type kind byte

// The numbers are those of pack files.
const (
	commitKind kind = 1
	treeKind   kind = 2
	blobKind   kind = 3
	tagKind    kind = 4
)

func (k kind) String() string {
	switch k {
	case commitKind:
		return "commit"
	case treeKind:
		return "tree"
	case blobKind:
		return "blob"
	case tagKind:
		return "tag"
	}
	return "object of kind " + strconv.Itoa(int(k))
}

type object struct {
	hash Hash
	kind kind
	data []byte
}

func newObject(k kind, data []byte) object {
	return object{hash: hashOf(k, data), kind: k, data: data}
}

func hashOf(k kind, data []byte) Hash {
	return Hash(plumbing.ComputeHash(plumbing.ObjectType(k), data).String())
}

// valid tells whether h is written as Git writes a SHA-1.
func (h Hash) valid() bool {
	if len(h) != 40 {
		return false
	}
	for _, c := range []byte(h) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

const zeroHash = "0000000000000000000000000000000000000000"

// wire writes h as the protocol does: no hash is forty zeros.
func (h Hash) wire() string {
	if h == "" {
		return zeroHash
	}
	return string(h)
}

// Modes of tree entries.
const (
	modeFolder     = 0o040000
	modeFile       = 0o100644
	modeExecutable = 0o100755
	modeSymlink    = 0o120000
	modeSubmodule  = 0o160000
)

type entry struct {
	name string
	mode uint32
	hash Hash
}

func (e entry) isFolder() bool { return e.mode == modeFolder }

func (e entry) fsMode() fs.FileMode {
	switch e.mode & 0o170000 {
	case modeFolder:
		return fs.ModeDir | 0o555
	case modeSymlink:
		return fs.ModeSymlink | 0o777
	case 0o100000:
		return 0o444 | fs.FileMode(e.mode&0o111)
	}
	return fs.ModeIrregular
}

// errHostile marks a tree that no honest Git writes: reading it on would let a
// path mean something else than it says.
var errHostile = errors.New("malformed tree")

// decodeTree gives the entries in the order of their names (not Git's order,
// which sorts folders as if they ended in a slash).
func decodeTree(data []byte) ([]entry, error) {
	var entries []entry
	for len(data) > 0 {
		head, rest, found := bytes.Cut(data, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		if !found || !spaced || len(rest) < 20 {
			return nil, fmt.Errorf("%w: cut short", errHostile)
		}
		bits, err := strconv.ParseUint(mode, 8, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: mode %q", errHostile, mode)
		}
		if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%w: an entry is named %q", errHostile, name)
		}
		entries = append(entries, entry{name: name, mode: uint32(bits), hash: Hash(hex.EncodeToString(rest[:20]))})
		data = rest[20:]
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return nil, fmt.Errorf("%w: two entries are named %q", errHostile, entries[i].name)
		}
	}
	return entries, nil
}

func encodeTree(entries []entry) []byte {
	key := func(e entry) string {
		if e.isFolder() {
			return e.name + "/"
		}
		return e.name
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(key(a), key(b)) })
	var out bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&out, "%o %s\x00", e.mode, e.name)
		raw, _ := hex.DecodeString(string(e.hash)) // hashes were checked where they came in
		out.Write(raw)
	}
	return out.Bytes()
}

type commit struct {
	tree    Hash
	parents []Hash
	when    time.Time // of the committer
}

// decodeCommit is strict about the headers that matter: Git reads tree, parents,
// author and committer in this order, and so nothing else may stand between them.
func decodeCommit(data []byte) (*commit, error) {
	head, _, _ := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	tree, found := strings.CutPrefix(lines[0], "tree ")
	if !found || !Hash(tree).valid() {
		return nil, errors.New("malformed commit: no tree")
	}
	c := &commit{tree: Hash(tree)}
	lines = lines[1:]
	for len(lines) > 0 {
		parent, found := strings.CutPrefix(lines[0], "parent ")
		if !found {
			break
		}
		if !Hash(parent).valid() {
			return nil, fmt.Errorf("malformed commit: parent %q", parent)
		}
		c.parents = append(c.parents, Hash(parent))
		lines = lines[1:]
	}
	if len(lines) < 2 || !strings.HasPrefix(lines[0], "author ") || !strings.HasPrefix(lines[1], "committer ") {
		return nil, errors.New("malformed commit: no author and committer")
	}
	if fields := strings.Fields(lines[1][strings.LastIndexByte(lines[1], '>')+1:]); len(fields) > 0 {
		if seconds, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
			c.when = time.Unix(seconds, 0).UTC()
		}
	}
	return c, nil
}

func encodeCommit(tree, parent Hash, name, email string, when time.Time, message string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "tree %s\n", tree)
	if parent != "" {
		fmt.Fprintf(&out, "parent %s\n", parent)
	}
	who := fmt.Sprintf("%s <%s> %d +0000", name, email, when.Unix())
	fmt.Fprintf(&out, "author %s\ncommitter %s\n\n%s", who, who, message)
	if !strings.HasSuffix(message, "\n") {
		out.WriteByte('\n')
	}
	return out.Bytes()
}

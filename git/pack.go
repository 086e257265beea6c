package git

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	githash "github.com/go-git/go-git/v5/plumbing/hash"
)

// pack holds objects the way a pack file does, none as a delta: finding bases
// would cost more than it saves on a handful of small files, and a push must not
// walk history.
type pack struct {
	entries []packed
	size    int
	have    map[Hash]bool // what is in entries, once another pack was appended
}

// deflaters are at rest: a new one costs most of a megabyte.
var deflaters = sync.Pool{New: func() any { return zlib.NewWriter(io.Discard) }}

type packed struct {
	hash Hash
	raw  []byte // header and compressed content
}

// maxPackSize is what the index's small offsets can address.
const maxPackSize = 1 << 31

var errPackTooBig = errors.New("more than 2 GiB of objects")

func newPack(objects []object) (*pack, error) {
	p := &pack{}
	return p, p.add(objects)
}

func (p *pack) add(objects []object) error {
	for _, o := range objects {
		var raw bytes.Buffer
		size := uint64(len(o.data))
		head := byte(o.kind)<<4 | byte(size&0x0f)
		for size >>= 4; size > 0; size >>= 7 {
			raw.WriteByte(head | 0x80)
			head = byte(size & 0x7f)
		}
		raw.WriteByte(head)
		if err := deflate(&raw, o.data); err != nil {
			return err
		}
		p.entries = append(p.entries, packed{o.hash, raw.Bytes()})
		if p.size += raw.Len(); p.size > maxPackSize {
			return errPackTooBig
		}
	}
	return nil
}

// append adds those of another pack's objects that p lacks.
func (p *pack) append(other *pack) {
	if p.have == nil {
		p.have = map[Hash]bool{}
		for _, e := range p.entries {
			p.have[e.hash] = true
		}
	}
	for _, e := range other.entries {
		if !p.have[e.hash] {
			p.have[e.hash] = true
			p.entries = append(p.entries, e)
			p.size += len(e.raw)
		}
	}
}

func deflate(out *bytes.Buffer, data []byte) error {
	z := deflaters.Get().(*zlib.Writer)
	defer deflaters.Put(z)
	z.Reset(out)
	if _, err := z.Write(data); err != nil {
		return err
	}
	return z.Close()
}

// encode gives the pack file and its checksum, which is its name and its end.
func (p *pack) encode() (data, checksum []byte) {
	var out bytes.Buffer
	out.Grow(p.size + 32)
	out.WriteString("PACK")
	putUint32(&out, 2)
	putUint32(&out, uint32(len(p.entries)))
	for _, e := range p.entries {
		out.Write(e.raw)
	}
	checksum = sum(out.Bytes())
	out.Write(checksum)
	return out.Bytes(), checksum
}

// index gives the pack's index, version 2.
func (p *pack) index(checksum []byte) []byte {
	type place struct {
		packed
		offset uint32
	}
	places := make([]place, 0, len(p.entries))
	offset := uint32(12)
	for _, e := range p.entries {
		places = append(places, place{e, offset})
		offset += uint32(len(e.raw))
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.hash, b.hash) })
	var fanout [256]uint32
	var hashes, crcs, offsets bytes.Buffer
	for _, e := range places {
		raw, _ := hex.DecodeString(string(e.hash)) // our own hashes
		hashes.Write(raw)
		putUint32(&crcs, crc32.ChecksumIEEE(e.raw))
		putUint32(&offsets, e.offset)
		for i := int(raw[0]); i < 256; i++ {
			fanout[i]++
		}
	}
	var out bytes.Buffer
	out.WriteString("\xfftOc")
	putUint32(&out, 2)
	for _, n := range fanout {
		putUint32(&out, n)
	}
	for _, part := range [][]byte{hashes.Bytes(), crcs.Bytes(), offsets.Bytes(), checksum} {
		out.Write(part)
	}
	out.Write(sum(out.Bytes()))
	return out.Bytes()
}

func putUint32(out *bytes.Buffer, n uint32) {
	out.Write(binary.BigEndian.AppendUint32(nil, n))
}

func sum(data []byte) []byte {
	h := githash.New(githash.CryptoType)
	_, _ = h.Write(data) // never fails
	return h.Sum(nil)
}

// writeTo stores pack and index in a repository's object folder and gives their
// common path without extension. The index comes last: Git takes a pack for there
// once its index is.
func (p *pack) writeTo(objects string, write writer) (string, error) {
	dir := filepath.Join(objects, "pack")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	data, checksum := p.encode()
	base := filepath.Join(dir, "pack-"+hex.EncodeToString(checksum))
	if err := write(base+".pack", data, 0o444); err != nil {
		return "", err
	}
	return base, write(base+".idx", p.index(checksum), 0o444)
}

// writeLoose stores each object as a file of its own.
func writeLoose(objects string, list []object) error {
	for _, o := range list {
		path := filepath.Join(objects, string(o.hash[:2]), string(o.hash[2:]))
		if err := touch(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		var out bytes.Buffer
		if err := deflate(&out, fmt.Appendf(nil, "%s %d\x00%s", o.kind, len(o.data), o.data)); err != nil {
			return err
		}
		if err := durable(path, out.Bytes(), 0o444); err != nil {
			return err
		}
	}
	return nil
}

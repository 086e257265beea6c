package git

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"

	githash "github.com/go-git/go-git/v5/plumbing/hash"
)

// A pack holds exactly the objects of one draft, none as a delta: finding bases
// would cost more than it saves on a handful of small files, and a push must not
// walk history.

type packed struct {
	object
	offset uint32
	crc    uint32
}

type pack struct {
	data     []byte
	checksum []byte
	objects  []packed
}

func newPack(objects []object) (*pack, error) {
	p := &pack{}
	var out bytes.Buffer
	out.WriteString("PACK")
	_ = binary.Write(&out, binary.BigEndian, [2]uint32{2, uint32(len(objects))})
	for _, o := range objects {
		start := out.Len()
		size := uint64(len(o.data))
		head := byte(o.kind)<<4 | byte(size&0x0f)
		for size >>= 4; size > 0; size >>= 7 {
			out.WriteByte(head | 0x80)
			head = byte(size & 0x7f)
		}
		out.WriteByte(head)
		if err := deflate(&out, o.data); err != nil {
			return nil, err
		}
		if uint64(out.Len()) > 1<<31 {
			return nil, fmt.Errorf("pack %d objects: more than 2 GiB", len(objects))
		}
		p.objects = append(p.objects, packed{o, uint32(start), crc32.ChecksumIEEE(out.Bytes()[start:])})
	}
	sum := githash.New(githash.CryptoType)
	sum.Write(out.Bytes())
	p.checksum = sum.Sum(nil)
	out.Write(p.checksum)
	p.data = out.Bytes()
	return p, nil
}

func deflate(out *bytes.Buffer, data []byte) error {
	z := zlib.NewWriter(out)
	if _, err := z.Write(data); err != nil {
		return err
	}
	return z.Close()
}

// index is the pack's index, version 2.
func (p *pack) index() []byte {
	sorted := slices.Clone(p.objects)
	slices.SortFunc(sorted, func(a, b packed) int { return cmp.Compare(a.hash, b.hash) })
	var fanout [256]uint32
	var hashes, crcs, offsets bytes.Buffer
	for _, o := range sorted {
		raw, _ := hex.DecodeString(string(o.hash))
		hashes.Write(raw)
		_ = binary.Write(&crcs, binary.BigEndian, o.crc)
		_ = binary.Write(&offsets, binary.BigEndian, o.offset)
		for i := int(raw[0]); i < 256; i++ {
			fanout[i]++
		}
	}
	var out bytes.Buffer
	out.WriteString("\xfftOc\x00\x00\x00\x02")
	_ = binary.Write(&out, binary.BigEndian, fanout)
	out.Write(hashes.Bytes())
	out.Write(crcs.Bytes())
	out.Write(offsets.Bytes())
	out.Write(p.checksum)
	sum := githash.New(githash.CryptoType)
	sum.Write(out.Bytes())
	out.Write(sum.Sum(nil))
	return out.Bytes()
}

// writeTo stores pack and index in a repository's object folder. The index comes
// last: Git takes a pack for there once its index is.
func (p *pack) writeTo(objects string) error {
	dir := filepath.Join(objects, "pack")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	base := filepath.Join(dir, "pack-"+hex.EncodeToString(p.checksum))
	if err := writeFile(base+".pack", p.data, 0o444); err != nil {
		return err
	}
	return writeFile(base+".idx", p.index(), 0o444)
}

// writeLoose stores one object as a file of its own.
func writeLoose(objects string, o object) error {
	path := filepath.Join(objects, string(o.hash[:2]), string(o.hash[2:]))
	if err := touch(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := deflate(&out, fmt.Appendf(nil, "%s %d\x00%s", o.kind, len(o.data), o.data)); err != nil {
		return err
	}
	return writeFile(path, out.Bytes(), 0o444)
}

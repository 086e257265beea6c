package gitserver

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // Git's own
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"
)

// packer writes packs without deltas and without compressing, which nobody on the other
// side of no network would thank it for.
type packer struct{ z *zlib.Writer }

func (p *packer) pack(list []*object) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("PACK")
	out.Write(binary.BigEndian.AppendUint32(nil, 2))
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(list))))
	for _, o := range list {
		if o.packed == nil {
			var err error
			if o.packed, err = p.one(o); err != nil {
				return nil, fmt.Errorf("pack %s: %w", o.hash, err)
			}
		}
		out.Write(o.packed)
	}
	sum := sha1.Sum(out.Bytes())
	out.Write(sum[:])
	return out.Bytes(), nil
}

func (p *packer) one(o *object) ([]byte, error) {
	var out bytes.Buffer
	size := uint64(len(o.data))
	head := byte(o.kind)<<4 | byte(size&0x0f)
	for size >>= 4; size > 0; size >>= 7 {
		out.WriteByte(head | 0x80)
		head = byte(size & 0x7f)
	}
	out.WriteByte(head)
	if p.z == nil {
		z, err := zlib.NewWriterLevel(&out, zlib.NoCompression)
		if err != nil {
			return nil, err
		}
		p.z = z
	}
	p.z.Reset(&out)
	if _, err := p.z.Write(o.data); err != nil {
		return nil, err
	}
	if err := p.z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpack gives the objects of a pack, in the order of go-git's parser, which resolves
// deltas; those of a thin pack may stand on objects that are here.
func (s objects) unpack(pack []byte) (objects, error) {
	if len(pack) < 32 {
		return nil, errors.New("early EOF")
	}
	body := pack[:len(pack)-sha1.Size]
	if sum := sha1.Sum(body); !bytes.Equal(sum[:], pack[len(body):]) {
		return nil, errors.New("pack is corrupted (SHA1 mismatch)")
	}
	received := &quarantine{ObjectStorage: &memory.NewStorage().ObjectStorage, known: s}
	parser, err := packfile.NewParserWithStorage(packfile.NewScanner(bytes.NewReader(pack)), received)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(); err != nil {
		return nil, err
	}
	list := objects{}
	for h, encoded := range received.Objects {
		data, err := content(encoded)
		if err != nil {
			return nil, err
		}
		list[h] = &object{hash: h, kind: encoded.Type(), data: data}
	}
	return list, nil
}

// quarantine keeps what comes in apart until the push is accepted.
type quarantine struct {
	*memory.ObjectStorage
	known objects
}

var _ storer.EncodedObjectStorer = (*quarantine)(nil)

func (q *quarantine) EncodedObject(kind plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	o, found := q.known[h]
	if !found {
		return q.ObjectStorage.EncodedObject(kind, h)
	}
	encoded := &plumbing.MemoryObject{}
	encoded.SetType(o.kind)
	_, err := encoded.Write(o.data)
	return encoded, err
}

func content(o plumbing.EncodedObject) ([]byte, error) {
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // in memory
	return io.ReadAll(r)
}

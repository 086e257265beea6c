package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// draft is an object of a unit on its way: a blank, and what it is called.
type draft struct {
	*blank
	id   ObjectID
	self string // the object's own name
	job  string // the hash in a Job's name
}

// order names all objects and brings them into the order in which they are applied,
// which depends on nothing but their names.
func (t *template) order(f *filling, sum *summer) ([]draft, error) {
	out := make([]draft, len(t.objects))
	buffer := make([]byte, 0, 4096)
	for i := range t.objects {
		d := &out[i]
		d.blank, d.id = &t.objects[i], t.objects[i].id
		var err error
		if d.spec != nil {
			if buffer, err = f.fill(buffer[:0], d.spec); err != nil {
				return nil, err
			}
			d.job = sum.of(buffer)[:10]
			f.set(holeJob, d.job, d.job)
		}
		if d.id.Namespace, err = f.text(d.namespace); err != nil {
			return nil, err
		}
		if d.id.Name, err = f.text(d.name); err != nil {
			return nil, err
		}
		d.self = d.id.String()
	}
	slices.SortStableFunc(out, func(a, b draft) int {
		return cmp.Or(cmp.Compare(rankOf(a.id), rankOf(b.id)), strings.Compare(a.self, b.self))
	})
	return out, nil
}

// fill makes the unit's objects of doc's values; the template stays as it is.
func (t *template) fill(doc document) ([]Object, error) {
	f, err := newFilling(t.places, doc)
	if err != nil {
		return nil, err
	}
	if err := t.checkDelimiters(f); err != nil {
		return nil, err
	}
	sum := newSummer()
	drafts, err := t.order(f, sum)
	if err != nil {
		return nil, err
	}
	// All objects share one buffer and one text of digests: they are kept or dropped together.
	type span struct{ from, to int }
	spans := make([]span, len(drafts))
	digests := make([]byte, 0, len(drafts)*digestSize)
	buffer := make([]byte, 0, t.size)
	for i, d := range drafts {
		escaped, err := escape(d.self)
		if err != nil {
			return nil, err
		}
		f.set(holeObject, d.self, escaped)
		f.set(holeDigest, unknownDigest, unknownDigest)
		f.set(holeJob, d.job, d.job)
		s := &spans[i]
		s.from = len(buffer)
		if buffer, err = f.fill(buffer, d.head); err != nil {
			return nil, fmt.Errorf("%s: %w", d.self, err)
		}
		head := len(buffer)
		if buffer, err = f.fill(buffer, d.marks); err != nil {
			return nil, fmt.Errorf("%s: %w", d.self, err)
		}
		tail := len(buffer)
		if buffer, err = f.fill(buffer, d.tail); err != nil {
			return nil, fmt.Errorf("%s: %w", d.self, err)
		}
		s.to = len(buffer)
		digests = sum.append(digests, buffer[s.from:head], buffer[tail:])
		at := bytes.Index(buffer[head:tail], []byte(unknownDigest))
		copy(buffer[head+at:], digests[len(digests)-digestSize:])
	}
	text := string(digests)
	out := make([]Object, len(drafts))
	for i, d := range drafts {
		out[i] = Object{ID: d.id, Digest: text[i*digestSize : (i+1)*digestSize], JSON: buffer[spans[i].from:spans[i].to:spans[i].to]}
	}
	return out, nil
}

// digestSize is the length of a digest: the first half of a SHA-256 in hex.
const digestSize = 32

// unknownDigest stands where a digest will.
var unknownDigest = strings.Repeat("?", digestSize)

// summer makes digests of many texts.
type summer struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

func newSummer() *summer { return &summer{hash: sha256.New()} }

// append writes the digest of what the parts make together.
func (s *summer) append(out []byte, parts ...[]byte) []byte {
	s.hash.Reset()
	for _, p := range parts {
		s.hash.Write(p)
	}
	return hex.AppendEncode(out, s.hash.Sum(s.sum[:0])[:digestSize/2])
}

func (s *summer) of(data []byte) string { return string(s.append(nil, data)) }

// digest is the first 32 hex digits of a SHA-256.
func digest(data []byte) string { return newSummer().of(data) }

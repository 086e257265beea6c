package core

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/render"
)

// packer packs contents of objects: a Deployment's is ten kilobytes of text that
// repeats itself, and there is one for each tenant. It keeps what packing needs, which
// is far larger than what is packed.
type packer struct {
	out bytes.Buffer
	w   *flate.Writer
	in  bytes.Reader
	r   io.ReadCloser
}

func newPacker() *packer {
	p := &packer{}
	w, err := flate.NewWriter(&p.out, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is one of those there are
	}
	p.w, p.r = w, flate.NewReader(&p.in)
	return p
}

func (p *packer) pack(data []byte) []byte {
	p.out.Reset()
	p.w.Reset(&p.out)
	_, err := p.w.Write(data)
	if err == nil {
		err = p.w.Close()
	}
	if err != nil {
		panic(err) // memory takes everything
	}
	return bytes.Clone(p.out.Bytes())
}

func (p *packer) unpack(id render.ObjectID, packed []byte) map[string]any {
	p.in.Reset(packed)
	err := p.r.(flate.Resetter).Reset(&p.in, nil)
	var data []byte
	if err == nil {
		data, err = io.ReadAll(p.r)
	}
	var content map[string]any
	if err == nil {
		err = json.Unmarshal(data, &content)
	}
	if err != nil {
		panic(fmt.Sprintf("unpack %s: %v", id, err)) // it was packed here
	}
	return content
}

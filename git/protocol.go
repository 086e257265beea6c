package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The part of Git's protocol that both transports share: version 0 of it, which
// every server speaks.

// readAdvertisement reads a service's list of references, to its end.
func readAdvertisement(r io.Reader) (*advertisement, error) {
	var buf []byte
	adv := &advertisement{refs: map[string]Hash{}, caps: map[string]string{}}
	for first := true; ; first = false {
		line, err := readLine(r, &buf)
		if errors.Is(err, errFlush) {
			return adv, nil
		}
		if err != nil {
			return nil, noEOF(err)
		}
		text := strings.TrimSuffix(string(line), "\n")
		if message, failed := strings.CutPrefix(text, "ERR "); failed {
			return nil, fmt.Errorf("remote: %s", clean(message))
		}
		if first {
			var caps string
			text, caps, _ = strings.Cut(text, "\x00")
			for c := range strings.FieldsSeq(caps) {
				name, value, _ := strings.Cut(c, "=")
				adv.caps[name] = value
			}
			if format := adv.caps["object-format"]; format != "" && format != "sha1" {
				return nil, unsupportedFormat(format)
			}
		}
		if strings.HasPrefix(text, "shallow ") {
			continue
		}
		hash, name, found := strings.Cut(text, " ")
		if len(hash) == 64 { // a server that does not say what it uses shows it
			return nil, unsupportedFormat("sha256")
		}
		if !found || !Hash(hash).valid() {
			return nil, fmt.Errorf("malformed reference %q", text)
		}
		if hash != zeroHash { // zeros stand for "no references"
			adv.refs[name] = Hash(hash)
		}
	}
}

// fetchPack asks for everything that wants need and haves lack, and gives the pack.
func fetchPack(ctx context.Context, adv *advertisement, wants, haves []Hash) (io.ReadCloser, error) {
	caps := []string{"agent=" + userAgent}
	for _, c := range []string{"side-band-64k", "ofs-delta", "no-progress", "multi_ack_detailed"} {
		if adv.can(c) {
			caps = append(caps, c)
		}
	}
	if !adv.can("side-band-64k") {
		return nil, fmt.Errorf("%w: the server does not multiplex (side-band-64k)", errUnsupported)
	}
	var req bytes.Buffer
	for i, h := range wants {
		if i == 0 {
			writeLine(&req, "want %s %s\n", h, strings.Join(caps, " "))
			continue
		}
		writeLine(&req, "want %s\n", h)
	}
	writeFlush(&req)
	for _, h := range haves {
		writeLine(&req, "have %s\n", h)
	}
	writeLine(&req, "done\n")
	body, err := adv.ask(ctx, req.Bytes())
	if err != nil {
		return nil, err
	}
	return &packBody{sideband{r: &skipAcks{r: body}, words: &words{}}, body}, nil
}

type packBody struct {
	sideband
	io.Closer
}

// skipAcks passes over the lines that answer our haves: with "done" sent at once
// they decide nothing, whatever their number.
type skipAcks struct {
	r    io.Reader
	past bool
	rest []byte
}

func (s *skipAcks) Read(p []byte) (int, error) {
	var buf []byte
	for !s.past {
		line, err := readLine(s.r, &buf)
		if err != nil {
			return 0, noEOF(err)
		}
		text := string(line)
		if message, failed := strings.CutPrefix(text, "ERR "); failed {
			return 0, fmt.Errorf("remote: %s", clean(message))
		}
		if !strings.HasPrefix(text, "ACK ") && !strings.HasPrefix(text, "NAK") {
			s.past = true
			s.rest = fmt.Appendf(nil, "%04x%s", len(line)+4, line)
		}
	}
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	return s.r.Read(p)
}

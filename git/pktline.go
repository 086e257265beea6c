package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Lines of Git's protocol: four hex digits of length, themselves included, then
// the content; "0000" is a flush.

// errFlush is what readLine gives for a flush.
var errFlush = errors.New("flush")

const maxLine = 65520

func writeLine(w *bytes.Buffer, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(w, "%04x%s", len(text)+4, text)
}

func writeFlush(w *bytes.Buffer) { w.WriteString("0000") }

// readLine gives the next line, valid until buf is used again, which grows as needed.
func readLine(r io.Reader, buf *[]byte) ([]byte, error) {
	*buf = slices.Grow((*buf)[:0], 4)
	head := (*buf)[:4]
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size, err := strconv.ParseUint(string(head), 16, 16)
	if err != nil {
		return nil, fmt.Errorf("malformed line length %q: not a Git server?", head)
	}
	switch {
	case size == 0:
		return nil, errFlush
	case size < 4 || size > maxLine:
		return nil, fmt.Errorf("malformed line length %d", size)
	}
	*buf = slices.Grow(*buf, int(size))
	line := (*buf)[:size-4]
	if _, err := io.ReadFull(r, line); err != nil {
		return nil, noEOF(err)
	}
	return line, nil
}

// noEOF: an end in the middle of something is never a good end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sideband reads the data channel of a multiplexed answer. What the remote tells
// people is collected in words; what it calls fatal is an error.
type sideband struct {
	r     io.Reader
	words *words
	buf   []byte
	rest  []byte
	err   error
}

func (s *sideband) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		line, err := readLine(s.r, &s.buf)
		switch {
		case errors.Is(err, errFlush):
			s.err = io.EOF
		case err != nil:
			s.err = noEOF(err)
		case len(line) == 0:
			s.err = errors.New("empty packet in a multiplexed answer")
		case line[0] == 1:
			s.rest = line[1:]
		case line[0] == 2:
			s.words.add(line[1:])
		case line[0] == 3:
			s.words.add(line[1:])
			s.err = fmt.Errorf("remote: %s", clean(string(line[1:])))
		default:
			s.err = fmt.Errorf("unknown channel %d", line[0])
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// words are the first lines that a remote said.
type words struct{ text []byte }

func (w *words) add(p []byte) {
	const enough = 2000
	w.text = append(w.text, p[:min(len(p), enough-len(w.text))]...)
}

func (w *words) String() string { return clean(string(w.text)) }

// clean makes a remote's words one printable line.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}

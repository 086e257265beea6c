package gitserver

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Lines of Git's protocol: four hex digits of length, themselves included, then the
// content; "0000" is a flush.

const flush = "0000"

func writeLine(out *bytes.Buffer, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(out, "%04x%s", len(line)+4, line)
}

// takeLine gives the next line without the break at its end, and what follows it; a
// flush is a nil line.
func takeLine(in []byte) (line, rest []byte, err error) {
	if len(in) < 4 {
		return nil, nil, errors.New("protocol error: the client hung up")
	}
	size, err := strconv.ParseUint(string(in[:4]), 16, 16)
	switch {
	case err != nil || size > 0 && size < 4 || int(size) > len(in):
		return nil, nil, fmt.Errorf("protocol error: bad line length character: %.4q", in)
	case size == 0:
		return nil, in[4:], nil
	}
	return bytes.TrimSuffix(in[4:size], []byte("\n")), in[size:], nil
}

// Channels of a multiplexed answer.
const (
	channelData = 1
	channelSay  = 2
)

// multiplex writes data to a channel, in pieces that hold limit bytes at most.
func multiplex(out *bytes.Buffer, channel byte, data []byte, limit int) {
	for len(data) > 0 {
		piece := data[:min(len(data), limit)]
		fmt.Fprintf(out, "%04x%c", len(piece)+5, channel)
		out.Write(piece)
		data = data[len(piece):]
	}
}

package strict

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

const byteOrderMark = '\uFEFF'

// checkText finds bytes that have no place in a reviewed file. It stops after
// the first problem of a line: one wrong encoding makes thousands.
func checkText(data []byte) []Problem {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return []Problem{at(1, 1, "is UTF-16", "save the file as UTF-8 without a byte order mark")}
	}
	var out []Problem
	for i, line := range bytes.Split(data, []byte("\n")) {
		if p, bad := checkLine(line); bad {
			p.Line = i + 1
			out = append(out, p)
		}
	}
	return out
}

// checkLine looks at one line, its newline cut off.
func checkLine(line []byte) (Problem, bool) {
	for column := 1; len(line) > 0; column++ {
		r, size := utf8.DecodeRune(line)
		switch {
		case r == utf8.RuneError && size == 1:
			return at(0, column, fmt.Sprintf("byte 0x%02x is not UTF-8", line[0]), "save the file as UTF-8"), true
		case r == byteOrderMark:
			return at(0, column, "has a byte order mark (U+FEFF)", "save the file as UTF-8 without one"), true
		case r == '\r' && size == len(line):
			return Problem{}, false // CRLF
		case r < 0x20 && r != '\t', r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029:
			// A lone CR, NEL, LS and PS are line breaks for YAML and not for editors:
			// every place after them would be wrong.
			return at(0, column, fmt.Sprintf("has the control character U+%04X", r), "remove it"), true
		case isDirection(r):
			return at(0, column, fmt.Sprintf("has the text direction character U+%04X", r),
				"remove it: it makes reviewers read something else"), true
		}
		line = line[size:]
	}
	return Problem{}, false
}

// checkIndent finds tabs in indentation, which YAML's own error explains badly.
func checkIndent(data []byte) []Problem {
	var out []Problem
	for i, line := range bytes.Split(data, []byte("\n")) {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 && len(bytes.TrimSpace(line)) > 0 {
			out = append(out, at(i+1, tab+1, "is indented with a tab", "indent with spaces"))
		}
	}
	return out
}

func at(line, column int, message, hint string) Problem {
	return Problem{Position: Position{line, column}, Message: message, Hint: hint}
}

// isDirection tells characters that make text read in another order than it is in.
func isDirection(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

package strict

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Within gives the place of a character in the text of a field, counted in characters
// from 0. YAML folds lines and cuts indentation off, but neither adds nor drops anything
// but blanks: so the characters that are none are counted. In a text with escapes, and
// where the field has no text, it is the place of the field.
func (d *Document) Within(field string, character int) Position {
	n, ok := d.values[field]
	if !ok || n.Kind != yaml.ScalarNode {
		return d.Position(field)
	}
	seen := 0
	for i, r := range []rune(n.Value) {
		if i >= character {
			break
		}
		if !unicode.IsSpace(r) {
			seen++
		}
	}
	return d.find(n, seen)
}

// find gives the place of the character of a scalar before which skip others stand that
// are no blanks.
func (d *Document) find(n *yaml.Node, skip int) Position {
	start := Position{n.Line, n.Column}
	lines := bytes.Split(d.data, []byte("\n"))
	line, column := n.Line, n.Column
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		line, column = line+1, 1 // the header says how, not what
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		column++
	}
	last := start
	for ; line <= len(lines); line, column = line+1, 1 {
		rest, at := lines[line-1], 1
		for len(rest) > 0 {
			r, size := utf8.DecodeRune(rest)
			rest = rest[size:]
			here := at
			at++
			if here < column || unicode.IsSpace(r) {
				continue
			}
			if n.Style&yaml.SingleQuotedStyle != 0 && r == '\'' && len(rest) > 0 && rest[0] == '\'' {
				rest, at = rest[1:], at+1
			}
			if n.Style&yaml.DoubleQuotedStyle != 0 && r == '\\' {
				return start // an escape stands for a character that is not written
			}
			if last = (Position{line, here}); skip == 0 {
				return last
			}
			skip--
		}
	}
	return last
}

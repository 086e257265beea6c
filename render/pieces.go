package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// form says how a hole is filled.
type form int

const (
	formText  form = iota // inside of a JSON string
	formRaw               // in plain text
	formList              // a whole list of strings
	formTyped             // a whole scalar that is no text
)

// piece is a text as it stands, and the hole behind it.
type piece struct {
	literal string
	hole    int
	form    form
	tag     string // of formTyped
}

// pieces are a text with holes; the last has none.
type pieces []piece

// noHole is behind the last piece.
const noHole = -100

// cutPlain cuts a plain text at its marks.
func (ps places) cutPlain(text string) (pieces, error) {
	return ps.cut(text, func(string, int, string, string) (string, string, form, error) {
		return "", "", formRaw, nil
	})
}

// cutJSON cuts canonical JSON at its marks. Where a list or a number comes, it comes
// for what stands around the mark as well: brackets, quotes.
func (ps places) cutJSON(text string) (pieces, error) {
	return ps.cut(text, func(before string, hole int, tag, after string) (string, string, form, error) {
		switch {
		case hole >= 0 && ps[hole].list:
			if !strings.HasSuffix(before, `["`) || !strings.HasPrefix(after, `"]`) {
				return "", "", 0, fmt.Errorf("%s: a list can only be taken as a whole", ps[hole])
			}
			return `["`, `"]`, formList, nil
		case tag != "":
			if !strings.HasSuffix(before, `"`) || !strings.HasPrefix(after, `"`) {
				return "", "", 0, fmt.Errorf("%s: only a text can be put together from parts", ps[hole])
			}
			return `"`, `"`, formTyped, nil
		default:
			return "", "", formText, nil
		}
	})
}

// cut cuts a text at its marks; around says what goes with a mark on both sides.
func (ps places) cut(text string, around func(before string, hole int, tag, after string) (left, right string, f form, err error)) (pieces, error) {
	var out pieces
	for {
		before, _, found := strings.Cut(text, markOpen)
		if !found {
			return append(out, piece{literal: text, hole: noHole}), nil
		}
		hole, tag, after, ok := cutMark(text[len(before):])
		if !ok || hole >= len(ps) {
			return nil, errors.New("a mark was cut apart")
		}
		left, right, f, err := around(before, hole, tag, after)
		if err != nil {
			return nil, err
		}
		out = append(out, piece{literal: strings.TrimSuffix(before, left), hole: hole, form: f, tag: tag})
		text = strings.TrimPrefix(after, right)
	}
}

// filled is what goes into a hole: as it is, and escaped for a JSON string.
type filled struct {
	raw, escaped string
	list         []string
}

// filling is a document's values, and those that each object has of its own.
type filling struct {
	places places
	values []filled
	own    [3]filled // holeJob, holeDigest, holeObject
}

// newFilling reads doc's values at all places.
func newFilling(ps places, doc document) (*filling, error) {
	f := &filling{places: ps, values: make([]filled, len(ps))}
	for i, p := range ps {
		node := any(map[string]any(doc))
		for _, key := range p.path {
			m, _ := node.(map[string]any)
			node = m[key]
		}
		v := &f.values[i]
		switch n := node.(type) {
		case string:
			v.raw = n
		case int:
			v.raw = strconv.Itoa(n)
		case int64:
			v.raw = strconv.FormatInt(n, 10)
		case bool:
			v.raw = strconv.FormatBool(n)
		case []string:
			v.list = n
		default:
			return nil, fmt.Errorf("fill in %s: the document has no such value", p)
		}
		var err error
		if v.escaped, err = escape(v.raw); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", p, err)
		}
	}
	return f, nil
}

// set gives a hole of no place its value.
func (f *filling) set(hole int, raw, escaped string) {
	f.own[-hole-1] = filled{raw: raw, escaped: escaped}
}

// text fills a plain text. What is one value, or none, shares memory with it.
func (f *filling) text(text pieces) (string, error) {
	switch {
	case len(text) == 1:
		return text[0].literal, nil
	case len(text) == 2 && text[0].literal == "" && text[1].literal == "":
		return f.of(text[0].hole).raw, nil
	}
	out, err := f.fill(nil, text)
	return string(out), err
}

func (f *filling) of(hole int) *filled {
	if hole < 0 {
		return &f.own[-hole-1]
	}
	return &f.values[hole]
}

// fill appends the text to out.
func (f *filling) fill(out []byte, text pieces) ([]byte, error) {
	for i := range text {
		p := &text[i]
		out = append(out, p.literal...)
		if p.hole == noHole {
			continue
		}
		var err error
		switch v := f.of(p.hole); p.form {
		case formText:
			out = append(out, v.escaped...)
		case formRaw:
			out = append(out, v.raw...)
		case formList:
			out, err = appendList(out, v.list)
		case formTyped:
			out, err = f.typed(out, p)
		}
		if err != nil {
			return out, fmt.Errorf("fill in %s: %w", f.places[p.hole], err)
		}
	}
	return out, nil
}

// typed reads a value as the type that its target has in YAML.
func (f *filling) typed(out []byte, p *piece) ([]byte, error) {
	raw := f.values[p.hole].raw
	if p.tag == f.places[p.hole].tag {
		return append(out, raw...), nil
	}
	node := yaml.Node{Kind: yaml.ScalarNode, Tag: p.tag, Value: raw}
	if p.tag == tagMade {
		// Numbers, booleans, dates: anything that is a text only in quotes.
		if node.Tag = ""; node.ShortTag() != "!!str" {
			return out, fmt.Errorf("%q would be read as another type where a stamp makes the field: let the base have the field already", raw)
		}
	}
	v, err := decodeScalar(&node)
	if err != nil {
		return out, fmt.Errorf("%q is no %s, which the field wants: %w", raw, strings.TrimLeft(p.tag, "!"), err)
	}
	data, err := canonical(v)
	return append(out, data...), err
}

func appendList(out []byte, list []string) ([]byte, error) {
	if len(list) == 0 {
		return out, errors.New("it is empty, which Kustomize takes for a missing value")
	}
	sep := byte('[')
	for _, item := range list {
		escaped, err := escape(item)
		if err != nil {
			return out, err
		}
		out = append(out, sep, '"')
		out = append(append(out, escaped...), '"')
		sep = ','
	}
	return append(out, ']'), nil
}

// escape is text inside of a JSON string.
func escape(text string) (string, error) {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return text, nil
	}
	data, err := canonical(text)
	if err != nil {
		return "", err
	}
	return string(data[1 : len(data)-1]), nil
}

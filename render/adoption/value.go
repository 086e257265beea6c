package adoption

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// content is an object's body, or a part of it, as JSON values; whole numbers are int64.
type content = map[string]any

// decode reads an object as it was rendered.
func decode(data []byte) (content, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var c content
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	v, err := plain(c)
	out, _ := v.(content)
	return out, err
}

// plain copies a value, and gives numbers one type. It refuses what is no JSON.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(content, len(v))
		for key, below := range v {
			var err error
			if out[key], err = plain(below); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			var err error
			if out[i], err = plain(below); err != nil {
				return nil, err
			}
		}
		return out, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		return f, err
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case int:
		return int64(v), nil
	case string, bool, int64, nil:
		return v, nil
	}
	return nil, fmt.Errorf("a value of type %T is not JSON", v)
}

// placeholder is what a base leaves for a stamp to fill in.
var placeholder = regexp.MustCompile(`\b(TENANT|DATASTORE)-[A-Z]{2,}`)

// unsayable tells what of a value no file of a fleet can say, by its path.
func unsayable(path []string, v any, report func(path []string, why string)) {
	switch v := v.(type) {
	case content:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below := append(slices.Clone(path), key)
			if why := textFault(key); why != "" {
				report(path, "a key "+why)
				continue
			}
			if key == "" {
				report(path, "a key is empty")
				continue
			}
			if strings.ContainsAny(key, "\r\n") {
				report(path, "a key has several lines")
				continue
			}
			if strings.HasPrefix(key, "$") {
				report(path, fmt.Sprintf("the key %q tells Kustomize what to do", key))
				continue
			}
			unsayable(below, v[key], report)
		}
	case []any:
		for i, item := range v {
			unsayable(append(slices.Clone(path), strconv.Itoa(i)), item, report)
		}
	case string:
		if why := textFault(v); why != "" {
			report(path, "it "+why)
		}
	case nil:
		report(path, "it is null")
	}
}

// textFault says why a text cannot stand in a file of a fleet.
func textFault(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.ContainsAny(text, "\uE000\uE001"):
		return "has characters for private use"
	case strings.ContainsFunc(text, func(r rune) bool {
		return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' || r == '\u200E' || r == '\u200F' || r == '\u061C'
	}):
		return "has characters that turn the direction of text"
	case placeholder.MatchString(text):
		return fmt.Sprintf("has the placeholder %s", placeholder.FindString(text))
	}
	return ""
}

// join writes a path as people and classes do: keys with dots in brackets.
func join(path []string) string {
	out := make([]string, len(path))
	for i, p := range path {
		out[i] = p
		if strings.Contains(p, ".") {
			out[i] = "[" + p + "]"
		}
	}
	return strings.Join(out, ".")
}

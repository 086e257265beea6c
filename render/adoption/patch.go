package adoption

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// absent stands in a patch for what is taken away. It is written as null.
type absent struct{}

// MarshalText is for the encoder of files, which writes no null by itself.
func (absent) MarshalText() ([]byte, error) { return []byte("null"), nil }

// number is one with a fraction.
type number float64

// MarshalText is for the encoder of files, which knows whole numbers.
func (n number) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// residue is the merge patch that makes want of have: nil when they are the same. Lists
// are values, as Kustomize takes them where it knows no schema.
func residue(have, want content) content {
	out := content{}
	for _, key := range keysOf(have, want) {
		was, had := have[key]
		is, has := want[key]
		if !has {
			out[key] = absent{}
			continue
		}
		below, isMap := is.(content)
		above, wasMap := was.(content)
		switch {
		case had && isMap && wasMap:
			if deeper := residue(above, below); deeper != nil {
				out[key] = deeper
			}
		case !had || !reflect.DeepEqual(was, is):
			out[key] = is
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// common is what two patches say alike.
func common(a, b content) content {
	out := content{}
	for key, one := range a {
		other, there := b[key]
		first, ok1 := one.(content)
		second, ok2 := other.(content)
		switch {
		case !there:
		case ok1 && ok2 && len(first) > 0 && len(second) > 0:
			if both := common(first, second); both != nil {
				out[key] = both
			}
		case reflect.DeepEqual(one, other):
			out[key] = one
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// spare takes out of a patch the leaves that satisfy touched.
func spare(path []string, p content, touched func(path []string, v any) bool) content {
	out := content{}
	for key, v := range p {
		at := append(slices.Clone(path), key)
		below, isMap := v.(content)
		switch {
		case isMap && len(below) > 0:
			if rest := spare(at, below, touched); rest != nil {
				out[key] = rest
			}
		case !touched(at, v):
			out[key] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// mentions tells whether a name stands in a value, as a word.
func mentions(v any, name string) bool {
	switch v := v.(type) {
	case content:
		for _, below := range v {
			if mentions(below, name) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return mentions(item, name) })
	case string:
		word := func(r rune) bool { return r < 'a' || r > 'z' }
		for rest := v; ; {
			before, after, ok := strings.Cut(rest, name)
			if !ok {
				return false
			}
			last, _ := utf8.DecodeLastRuneInString(before)
			next, _ := utf8.DecodeRuneInString(after)
			if (before == "" || word(last)) && (after == "" || word(next)) {
				return true
			}
			rest = after
		}
	}
	return false
}

// leaves are the paths of all that a patch says, sorted.
func leaves(path []string, p content) [][]string {
	var out [][]string
	for _, key := range slices.Sorted(maps.Keys(p)) {
		at := append(slices.Clone(path), key)
		if below, ok := p[key].(content); ok && len(below) > 0 {
			out = append(out, leaves(at, below)...)
		} else {
			out = append(out, at)
		}
	}
	return out
}

// related tells whether one path is the other, or leads to it.
func related(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

func keysOf(a, b content) []string {
	all := maps.Clone(a)
	if all == nil {
		all = content{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

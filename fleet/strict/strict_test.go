package strict_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet/strict"
)

type inner struct {
	Count int    `json:"count,omitempty"`
	Word  string `json:"word,omitempty"`
}

type head struct {
	Kind string `json:"kind"`
}

type outer struct {
	head
	Name   string            `json:"name"`
	Yes    bool              `json:"yes,omitempty"`
	For    time.Duration     `json:"for,omitempty"`
	At     *time.Time        `json:"at,omitempty"`
	List   []string          `json:"list,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Inner  inner             `json:"inner,omitempty"`
	Maybe  *inner            `json:"maybe,omitempty"`
	Free   any               `json:"free,omitempty"`
	Frees  []any             `json:"frees,omitempty"`
	Said   map[string]any    `json:"said,omitempty"`
	Inners map[string]inner  `json:"inners,omitempty"`
	Number *int64            `json:"number,omitempty"`
	Never  string            `json:"-"`
}

func decode(t *testing.T, text string, defaults func(any)) (outer, *strict.Document, string) {
	t.Helper()
	var o outer
	doc, problems := strict.Parse([]byte(text))
	if len(problems) == 0 {
		problems = doc.Decode(&o, defaults)
	}
	var found []string
	for _, p := range problems {
		found = append(found, strings.TrimPrefix(p.Field+": ", ": ")+p.Message)
	}
	return o, doc, strings.Join(found, "\n")
}

func TestDecode(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, text string
		want       outer
		problems   string
	}{
		{
			name: "everything",
			text: "kind: K\nname: n\nyes: true\nfor: 1h30m\nat: 2026-03-01T12:00:00Z\nlist: [a, \"1\"]\nlabels: {x: \"\"}\ninner: {count: 3}\nmaybe: {word: w}\n",
			want: outer{head: head{"K"}, Name: "n", Yes: true, For: 90 * time.Minute, At: &at, List: []string{"a", "1"},
				Labels: map[string]string{"x": ""}, Inner: inner{Count: 3}, Maybe: &inner{Word: "w"}},
		},
		{name: "yes is a word", text: "yes: yes\n", problems: `yes: Invalid value: "yes": want true or false`},
		{name: "a quoted true is a word", text: "yes: \"true\"\n", problems: `yes: Invalid value: "true": want true or false`},
		{name: "octal", text: "inner: {count: 010}\n", problems: "inner.count: Invalid value: 010: want a whole number"},
		{name: "hexadecimal", text: "inner: {count: 0x10}\n", problems: "inner.count: Invalid value: 0x10: want a whole number"},
		{name: "underscores", text: "inner: {count: 1_000}\n", problems: "inner.count: Invalid value: 1_000: want a whole number"},
		{name: "too large", text: "inner: {count: 9999999999999999999}\n", problems: "inner.count: Invalid value: 9999999999999999999: is too large"},
		{name: "a float", text: "inner: {count: 1.0}\n", problems: "inner.count: Invalid value: 1.0: want a whole number"},
		{name: "a number without unit", text: "for: 72\n", problems: "for: Invalid value: 72: want a duration"},
		{name: "no time", text: "at: soon\n", problems: `at: Invalid value: "soon": parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"`},
		{name: "hidden from YAML", text: "Never: x\n\"-\": y\n", problems: "Never: unknown field\n-: unknown field"},
		{name: "case", text: "Name: x\n", problems: "Name: unknown field"},
		{name: "null in a list", text: "list: [~]\n", problems: "list[0]: Invalid value: null: want a value"},
		{name: "twice in a map", text: "labels: {a: b, a: c}\n", problems: "labels.a: is written twice, first in line 1",
			want: outer{Labels: map[string]string{"a": "b"}}},
		{name: "a list for a map", text: "labels: [a]\n", problems: "labels: Invalid value: a list: want a mapping"},
		{name: "free values", text: "said: {a: x, b: 3, c: true, d: [y, \"\"], e: \"3\", f: \"\", g: [], h: yes}\nfree: -7\nfrees: [x, 1, false]\n",
			want: outer{Free: int64(-7), Frees: []any{"x", int64(1), false}, Said: map[string]any{
				"a": "x", "b": int64(3), "c": true, "d": []string{"y", ""}, "e": "3", "f": "", "g": []string{}, "h": "yes"}}},
		{name: "a free float", text: "free: 1.30\n", problems: "free: Invalid value: 1.30: want a string, a whole number, true or false, or a list of strings"},
		{name: "a free date", text: "free: 2026-03-01\n", problems: "free: Invalid value: 2026-03-01: want a string, a whole number, true or false, or a list of strings"},
		{name: "a free octal", text: "free: 0o17\n", problems: "free: Invalid value: 0o17: want a string, a whole number, true or false, or a list of strings"},
		{name: "a free True", text: "free: True\n", problems: "free: Invalid value: True: want a string, a whole number, true or false, or a list of strings"},
		{name: "a free mapping", text: "free: {a: b}\n", problems: "free: Invalid value: a mapping: want a string, a whole number, true or false, or a list of strings"},
		{name: "a free null", text: "said: {a: ~}\n", problems: "said[a]: Invalid value: null: want a value"},
		{name: "a free list of others", text: "said: {a: [1, [x]]}\n", problems: "said[a][0]: Invalid value: 1: want a string\nsaid[a][1]: Invalid value: a list: want a string"},
		{name: "a free number that is too large", text: "free: 9223372036854775808\n", problems: "free: Invalid value: 9223372036854775808: is too large"},
		{name: "a table of structs", text: "inners: {a: {count: 1}, b: {}}\nnumber: 0\n",
			want: outer{Inners: map[string]inner{"a": {Count: 1}, "b": {}}, Number: new(int64)}},
		{name: "a table of wrong structs", text: "inners: {a: {cuont: 1}, b: 3}\n", problems: "inners[a].cuont: unknown field\ninners[b]: Invalid value: a plain value: want a mapping"},
		{name: "a list that is there and empty", text: "list: []\n", want: outer{List: []string{}}},
		{name: "a text for a mapping is not shown", text: "inner: hunter2\n", problems: "inner: Invalid value: a string: want a mapping"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, problems := decode(t, tt.text, nil)
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems: want (-) got (+):\n%s", diff)
			}
			if tt.problems == "" || tt.want.Labels != nil {
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outer{})); diff != "" {
					t.Errorf("want (-) got (+):\n%s", diff)
				}
			}
		})
	}
}

func TestDefaultsGiveWayToWhatIsWritten(t *testing.T) {
	defaults := func(v any) {
		if in, ok := v.(*inner); ok {
			*in = inner{Count: 7, Word: "seven"}
		}
	}
	got, doc, _ := decode(t, "inner: {count: 0}\nmaybe: {}\n", defaults)
	if want := (inner{Count: 0, Word: "seven"}); got.Inner != want {
		t.Errorf("inner is %+v, want %+v: a zero that is written wins", got.Inner, want)
	}
	if got.Maybe == nil || got.Maybe.Count != 7 {
		t.Errorf("maybe is %+v, want the defaults", got.Maybe)
	}
	if !doc.Written("inner.count") || doc.Written("inner.word") {
		t.Error("a default counts as written, or what is written does not")
	}
	if got, _, _ = decode(t, "name: n\n", defaults); got.Inner.Count != 7 || got.Maybe != nil {
		t.Errorf("nothing written: inner %+v, want the defaults; maybe %+v, want none", got.Inner, got.Maybe)
	}
}

func TestPosition(t *testing.T) {
	_, doc, _ := decode(t, "# first\nname: n\ninner:\n  count: 3\nlist:\n  - a\n  - b\nlabels:\n  a.b/c: d\n", nil)
	for field, want := range map[string]strict.Position{
		"name":          {2, 7},
		"inner.count":   {4, 10},
		"inner.word":    {3, 1}, // not written: at its parent's key
		"list[1]":       {7, 5},
		"labels[a.b/c]": {9, 10},
		"maybe.word":    {2, 1}, // nothing of it is written: at the document's start
	} {
		if got := doc.Position(field); got != want {
			t.Errorf("%s is at %v, want %v", field, got, want)
		}
	}
}

// TestWithin: each way to write a text leads back to its characters.
func TestWithin(t *testing.T) {
	tests := []struct {
		name, text string
		character  int
		want       strict.Position
	}{
		{"plain", "name: a b.c\n", 4, strict.Position{1, 11}},
		{"double quotes", "name: \"a b.c\"\n", 4, strict.Position{1, 12}},
		{"single quotes", "name: '\"x'' \" + y'\n", 8, strict.Position{1, 17}},
		{"escapes: the field", "name: \"a\\tb.c\"\n", 4, strict.Position{1, 7}},
		{"an escaped letter", "name: \"\\x61 b.c\"\n", 4, strict.Position{1, 7}},
		{"folded", "name: >- # of two lines\n  a\n  b.c\n", 4, strict.Position{3, 5}},
		{"literal", "name: |\n  a\n\n    b.c\n", 5, strict.Position{4, 5}},
		{"folded plain", "name: a\n  b.c\n", 4, strict.Position{2, 5}},
		{"beyond the end", "name: abc\n", 9, strict.Position{1, 9}},
		{"letters of several bytes", "name: é漢.c\n", 3, strict.Position{1, 10}},
		{"not written", "kind: K\n", 3, strict.Position{1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, doc, problems := decode(t, tt.text, nil)
			if problems != "" {
				t.Fatal(problems)
			}
			if got := doc.Within("name", tt.character); got != tt.want {
				t.Errorf("character %d of %q is at %v, want %v", tt.character, tt.text, got, tt.want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	known := []string{"replicas", "version", "network", "shard", "shardSelector"}
	for name, want := range map[string]string{
		"replica": "replicas", "Replicas": "replicas", "relpicas": "replicas", "ersion": "version",
		"shards": "shard", "colour": "", "x": "", "": "",
	} {
		if got := strict.Nearest(name, known); got != want {
			t.Errorf("%q is near %q, want %q", name, got, want)
		}
	}
}

// What Encode writes, Decode reads, and twice the same bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("aA1:#'\"-|>\\ \t\r\n{}[]*&!%@~<.\u2028\u0085\x00é漢\U0001F600\uFEFF")), 1, 30, -1)
		want := outer{
			Name: text.Draw(t, "name"), Yes: rapid.Bool().Draw(t, "yes"),
			For:  time.Duration(rapid.Int64().Draw(t, "for")),
			List: rapid.SliceOfN(text, 1, 3).Draw(t, "list"),
			Labels: rapid.MapOfN(rapid.StringMatching(`[a-z./~-]{1,8}|true|null|1e3|0x1|2026-01-01|<<`),
				rapid.StringMatching(`|yes|true|~|1|1\.5|=|<<`), 1, 4).Draw(t, "labels"),
			Inner:  inner{Count: rapid.Int().Draw(t, "count")},
			Free:   free(t, text),
			Said:   map[string]any{"a": free(t, text), text.Draw(t, "key"): free(t, text)},
			Inners: map[string]inner{"a": {Count: rapid.Int().Draw(t, "count")}},
			Number: new(rapid.Int64().Draw(t, "number")),
		}
		want.head.Kind = "K"
		data, err := strict.Encode(&want)
		if err != nil {
			t.Fatal(err)
		}
		doc, problems := strict.Parse(data)
		if len(problems) > 0 {
			t.Fatalf("%v in\n%s", problems, data)
		}
		var got outer
		if problems := doc.Decode(&got, nil); len(problems) > 0 {
			t.Fatalf("%v in\n%s", problems, data)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outer{})); diff != "" {
			t.Fatalf("want (-) got (+):\n%s\n%s", diff, data)
		}
		if again, _ := strict.Encode(got); string(again) != string(data) {
			t.Fatalf("the same value gives\n%s\nand\n%s", data, again)
		}
	})
}

// free draws a value of any type.
func free(t *rapid.T, text *rapid.Generator[string]) any {
	switch rapid.IntRange(0, 3).Draw(t, "type") {
	case 0:
		return rapid.Int64().Draw(t, "integer")
	case 1:
		return rapid.Bool().Draw(t, "boolean")
	case 2:
		return rapid.SliceOfN(text, 0, 3).Draw(t, "array")
	}
	return rapid.OneOf(text, rapid.SampledFrom([]string{"", "1", "1.5", "true", "null", "~", "yes", "2026-01-01", "0x1"})).Draw(t, "string")
}

func TestEncodeRefuses(t *testing.T) {
	for _, text := range []string{"\xff", "a\u202eb"} {
		if data, err := strict.Encode(outer{Name: text}); err == nil {
			t.Errorf("%q is written as %s", text, data)
		}
	}
}

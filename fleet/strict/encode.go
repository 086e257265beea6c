package strict

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Encode writes a struct (or a pointer to one) as YAML that Decode reads back:
// members in the order of their declaration, keys of maps sorted, texts of
// several lines as blocks. The same value gives the same bytes.
func Encode(v any) ([]byte, error) {
	node, err := encodeNode(reflect.Indirect(reflect.ValueOf(v)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func encodeNode(v reflect.Value) (*yaml.Node, error) {
	if v.Type() == durationType {
		return scalar("!!str", time.Duration(v.Int()).String()), nil
	}
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		text, err := m.MarshalText()
		return scalar("", string(text)), err
	}
	switch {
	case v.Kind() == reflect.Struct:
		return encodeStruct(v)
	case v.Kind() == reflect.Pointer:
		return encodeNode(v.Elem())
	case v.Kind() == reflect.String:
		return encodeString(v.String())
	case v.Kind() == reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool())), nil
	case v.CanInt():
		return scalar("!!int", strconv.FormatInt(v.Int(), 10)), nil
	case v.Kind() == reflect.Slice:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			item, err := encodeNode(v.Index(i))
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, item)
		}
		return out, nil
	case v.Kind() == reflect.Interface && !v.IsNil():
		return encodeNode(v.Elem())
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		return encodeTable(v)
	}
	return nil, fmt.Errorf("type %s is not supported", v.Type())
}

func encodeTable(v reflect.Value) (*yaml.Node, error) {
	out := &yaml.Node{Kind: yaml.MappingNode}
	keys := slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		k, err := encodeString(key.String())
		if err != nil {
			return nil, err
		}
		value, err := encodeNode(v.MapIndex(key))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out.Content = append(out.Content, k, value)
	}
	return out, nil
}

// encodeString writes texts of several lines as blocks, but for those that would
// not come back from one as they are: these are quoted, with escapes.
func encodeString(s string) (*yaml.Node, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%q is not UTF-8", s)
	}
	if i := strings.IndexFunc(s, isDirection); i >= 0 {
		return nil, fmt.Errorf("%q has a text direction character", s)
	}
	n := &yaml.Node{}
	n.SetString(s)
	// The encoder does not quote << by itself, though it reads as a merge.
	if s == "<<" || strings.ContainsAny(s, "\r\t") || len(checkText([]byte(s))) > 0 {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n, nil
}

func encodeStruct(v reflect.Value) (*yaml.Node, error) {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v) {
		if f.omitEmpty && (f.value.IsZero() || f.value.Kind() == reflect.Slice && f.value.Len() == 0) {
			continue
		}
		value, err := encodeNode(f.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		out.Content = append(out.Content, scalar("!!str", f.name), value)
	}
	return out, nil
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

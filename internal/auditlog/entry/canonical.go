package entry

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	maxInt   = 1<<53 - 1
	maxName  = 128
	maxDepth = 8
)

// Canonical writes a value as RFC 8785 has it, with less allowed: see
// docs/format/audit.md. Values are string, int64, bool, []any and map[string]any.
func Canonical(v any) ([]byte, error) { return canonical(nil, v, 1) }

func canonical(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return quote(b, v)
	case int64:
		if v > maxInt || v < -maxInt {
			return nil, errors.New("a number is outside of what JSON can hold exactly")
		}
		return strconv.AppendInt(b, v, 10), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case []any:
		return array(b, v, depth)
	case map[string]any:
		return object(b, v, depth)
	}
	return nil, fmt.Errorf("a value of type %T", v)
}

func array(b []byte, v []any, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	b = append(b, '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = canonical(b, x, depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func object(b []byte, v map[string]any, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	b = append(b, '{')
	var few [32]string // which need no memory of their own
	names := few[:0]
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if !isName(name) {
			return nil, errName
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		if b, err = canonical(b, v[name], depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

var (
	errTooDeep = errors.New("nested too deep")
	errName    = errors.New("a name is not 1 to 128 characters of a-z, 0-9, point and underscore")
	errUTF8    = errors.New("text is not UTF-8")
)

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// short are the escapes with one letter.
var short = map[byte]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

func quote(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errUTF8
	}
	b = append(b, '"')
	from := 0 // of what needs no escape
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch {
		case short[c] != 0:
			b = append(b, '\\', short[c])
		default:
			b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(append(b, s[from:]...), '"'), nil
}

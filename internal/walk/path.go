package walk

import (
	"slices"
	"strconv"
	"strings"
)

// maxField is the length at which a path is cut off, in bytes.
const maxField = 256

type stepKind uint8

const (
	attribute stepKind = iota // ["name"]
	member                    // .name, or ["name"] where that would be ambiguous
	element                   // [index]
	key                       // .keys[index]: the key itself, which a path must not spell out
)

// step is one part of the way from a spot to a text.
type step struct {
	kind  stepKind
	index int
	name  string
}

// Field returns the place as a path, such as `span.attributes["db.query.text"]`,
// `log.body.a[2]` or `span.events[0].attributes["x"]`. A key's own path is
// `span.attributes.keys[3]`, the fourth one. Masked keys appear masked. Paths
// are ASCII and cut off, with "...", after 256 bytes.
func (p *Place) Field() string {
	b := make([]byte, 0, 96)
	b = p.appendSpot(b)
	for i := 0; i < len(p.steps) && len(b) <= maxField; i++ {
		b = p.steps[i].append(b)
	}
	return cut(b)
}

// Renamed returns path, a Field that was asked for in an earlier walk, with the
// new name of the key at p wherever it has the old one. With a key that turns
// out to be a secret only later, what was noted below it would spell it out.
func (p *Place) Renamed(path, from, to string) string {
	n := len(p.steps) - 1
	if n < 0 || p.steps[n].kind != key {
		return path
	}
	parent := p.appendSpot(nil)
	for _, s := range p.steps[:n] {
		parent = s.append(parent)
	}
	for _, kind := range [...]stepKind{attribute, member} {
		before := string(step{kind: kind, name: from}.append(slices.Clone(parent)))
		after := step{kind: kind, name: to}.append(slices.Clone(parent))
		if rest, ok := strings.CutPrefix(path, before); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return cut(append(after, rest...))
		}
		// A path that was cut off within the name.
		if whole, ok := strings.CutSuffix(path, ellipsis); ok && len(whole) > len(parent) && strings.HasPrefix(before, whole) {
			return cut(append(after, ellipsis...))
		}
	}
	return path
}

// ellipsis ends a path that was cut off.
const ellipsis = "..."

func cut(b []byte) string {
	if len(b) > maxField {
		b = append(b[:maxField], ellipsis...)
	}
	return string(b)
}

func (p *Place) appendSpot(b []byte) []byte {
	name := table[p.Spot].Name
	for n := 0; ; n++ {
		before, after, more := strings.Cut(name, "[]")
		b = append(b, before...)
		if !more {
			return b
		}
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(p.index[n]), 10)
		b = append(b, ']')
		name = after
	}
}

func (s step) append(b []byte) []byte {
	switch {
	case s.kind == element:
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(s.index), 10)
		return append(b, ']')
	case s.kind == key:
		b = append(b, ".keys["...)
		b = strconv.AppendInt(b, int64(s.index), 10)
		return append(b, ']')
	case s.kind == member && isWord(s.name):
		return append(append(b, '.'), s.name...)
	}
	b = append(b, '[')
	b = strconv.AppendQuoteToASCII(b, s.name[:min(len(s.name), maxField)])
	return append(b, ']')
}

// isWord reports whether s can stand in a path as it is.
func isWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 0 && '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxField
}

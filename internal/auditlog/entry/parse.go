package entry

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ParseObject reads an object in canonical form, to the last byte: a line of
// any file of the log.
func ParseObject(b []byte) (map[string]any, error) {
	v, err := parseCanonical(b)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("no object")
	}
	return m, nil
}

// parseCanonical takes exactly what Canonical writes. It is a parser of its
// own, because what a general one forgives (space, other escapes, names twice)
// would let two lines mean the same.
func parseCanonical(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errUTF8
	}
	p := parser{b: b}
	v, err := p.value(1)
	if err == nil && p.at < len(b) {
		err = errors.New("something follows")
	}
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", p.at, err)
	}
	return v, nil
}

type parser struct {
	b  []byte
	at int
}

func (p *parser) eat(s string) bool {
	if len(p.b)-p.at >= len(s) && string(p.b[p.at:p.at+len(s)]) == s {
		p.at += len(s)
		return true
	}
	return false
}

func (p *parser) value(depth int) (any, error) {
	switch {
	case p.eat("true"):
		return true, nil
	case p.eat("false"):
		return false, nil
	case p.eat("["):
		return p.array(depth)
	case p.eat("{"):
		return p.object(depth)
	case p.eat(`"`):
		return p.text()
	}
	return p.number()
}

func (p *parser) number() (any, error) {
	end := p.at
	for end < len(p.b) && (p.b[end] == '-' || p.b[end] >= '0' && p.b[end] <= '9') {
		end++
	}
	s := string(p.b[p.at:end])
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s || n > maxInt || n < -maxInt {
		return nil, errors.New("no value in canonical form")
	}
	p.at = end
	return n, nil
}

func (p *parser) array(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	a := []any{}
	for first := true; !p.eat("]"); first = false {
		if !first && !p.eat(",") {
			return nil, errors.New("an array does not go on")
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	return a, nil
}

func (p *parser) object(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	m := map[string]any{}
	last := ""
	for first := true; !p.eat("}"); first = false {
		if !first && !p.eat(",") {
			return nil, errors.New("an object does not go on")
		}
		if !p.eat(`"`) {
			return nil, errors.New("no name")
		}
		end := bytes.IndexByte(p.b[p.at:], '"')
		if end < 0 {
			return nil, errName
		}
		name := string(p.b[p.at : p.at+min(end, maxName+1)])
		if !isName(name) {
			return nil, errName
		}
		if name <= last {
			return nil, errors.New("names do not ascend")
		}
		last = name
		p.at += end + 1
		if !p.eat(":") {
			return nil, errors.New("a name without value")
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		m[name] = v
	}
	return m, nil
}

// long are the escapes that short has, by letter.
var long = map[byte]byte{'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', '"': '"', '\\': '\\'}

func (p *parser) text() (any, error) {
	plain := p.at
	for plain < len(p.b) && p.b[plain] != '"' && p.b[plain] != '\\' && p.b[plain] >= 0x20 {
		plain++
	}
	s := p.b[p.at:plain:plain] // mostly all of it
	p.at = plain
	for p.at < len(p.b) {
		c := p.b[p.at]
		p.at++
		switch {
		case c == '"':
			return string(s), nil
		case c < 0x20:
			return nil, errors.New("a control character in text")
		case c != '\\':
			s = append(s, c)
		default:
			x, err := p.escape()
			if err != nil {
				return nil, err
			}
			s = append(s, x)
		}
	}
	return nil, errors.New("text does not end")
}

func (p *parser) escape() (byte, error) {
	if p.at < len(p.b) && long[p.b[p.at]] != 0 {
		p.at++
		return long[p.b[p.at-1]], nil
	}
	if len(p.b)-p.at < 5 {
		return 0, errors.New("an escape does not end")
	}
	n, err := strconv.ParseUint(string(p.b[p.at+1:p.at+5]), 16, 16)
	if err != nil || n >= 0x20 {
		return 0, errors.New("an escape that is not needed")
	}
	c := byte(n)
	want, err := quote(nil, string(rune(c)))
	if err != nil || string(want) != `"\`+string(p.b[p.at:p.at+5])+`"` {
		return 0, errors.New("an escape that is not canonical")
	}
	p.at += 5
	return c, nil
}

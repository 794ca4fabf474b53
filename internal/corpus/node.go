package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// node is a JSON value that keeps the order of its members and the spelling of its numbers.
type node struct {
	kind byte   // '{' '[' 's' (string) 'n' (number) 'b' (bool) '0' (null)
	text string // of a string, number or bool
	keys []string
	kids []*node
}

// parse reads one JSON document.
func parse(b []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the JSON value at byte %d", d.InputOffset())
	}
	return n, nil
}

func parseValue(d *json.Decoder) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := t.(type) {
	case string:
		return &node{kind: 's', text: x}, nil
	case json.Number:
		return &node{kind: 'n', text: x.String()}, nil
	case bool:
		return &node{kind: 'b', text: fmt.Sprint(x)}, nil
	case json.Delim:
		n := &node{kind: byte(x)}
		for d.More() {
			if x == '{' {
				k, err := d.Token()
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, k.(string))
			}
			kid, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
		_, err := d.Token()
		return n, err
	}
	return &node{kind: '0'}, nil
}

// member returns the value of a member, nil if there is none.
func (n *node) member(key string) *node {
	for i, k := range n.keys {
		if k == key {
			return n.kids[i]
		}
	}
	return nil
}

func (n *node) write(b *bytes.Buffer) {
	switch n.kind {
	case 's':
		writeString(b, n.text)
	case '0':
		b.WriteString("null")
	case '{', '[':
		b.WriteByte(n.kind)
		for i, k := range n.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.kind == '{' {
				writeString(b, n.keys[i])
				b.WriteByte(':')
			}
			k.write(b)
		}
		b.WriteByte(n.kind + 2) // '}' and ']' follow their partner by two
	default:
		b.WriteString(n.text)
	}
}

func writeString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)         // a string always encodes
	b.Truncate(b.Len() - 1) // the encoder's newline
}

// isDoc says whether a text is a JSON document that holds more than a number.
func isDoc(s string) bool {
	t := strings.TrimLeft(s, " \t\r\n")
	return len(t) > 1 && strings.IndexByte(`{["`, t[0]) >= 0 && json.Valid([]byte(s))
}

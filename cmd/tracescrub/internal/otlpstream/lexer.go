package otlpstream

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// lexer reads JSON just far enough to find where values begin and end, and
// counts lines and bytes. It is owned by one goroutine.
type lexer struct {
	r    *bufio.Reader
	line int64 // of the next byte, from 1
	pos  int64 // of the next byte, from 0
}

func newLexer(r io.Reader) *lexer {
	return &lexer{r: bufio.NewReaderSize(r, 256<<10), line: 1}
}

// fail makes an InputError at the next byte.
func (l *lexer) fail(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &InputError{Line: l.line, Byte: l.pos, Err: err}
}

func (l *lexer) failf(format string, args ...any) error {
	return l.fail(fmt.Errorf(format, args...))
}

// next takes one byte.
func (l *lexer) next() error {
	c, err := l.r.ReadByte()
	if err != nil {
		return err
	}
	l.pos++
	if c == '\n' {
		l.line++
	}
	return nil
}

// peek returns the next byte that is no white space, without taking it.
func (l *lexer) peek() (byte, error) {
	for {
		b, err := l.r.Peek(1)
		if err != nil {
			return 0, err
		}
		if !isSpace(b[0]) {
			return b[0], nil
		}
		if err := l.next(); err != nil {
			return 0, err
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// space copies white space to w and says whether there was any; io.EOF means
// that nothing follows it.
func (l *lexer) space(w io.Writer) (bool, error) {
	some := false
	for {
		if _, err := l.r.Peek(1); err != nil {
			return some, err
		}
		chunk, _ := l.r.Peek(l.r.Buffered())
		n := 0
		for n < len(chunk) && isSpace(chunk[n]) {
			if chunk[n] == '\n' {
				l.line++
			}
			n++
		}
		if _, err := w.Write(chunk[:n]); err != nil {
			return some, err
		}
		some = some || n > 0
		l.pos += int64(n)
		whole := n == len(chunk)
		if _, err := l.r.Discard(n); err != nil {
			return some, err
		}
		if !whole {
			return some, nil
		}
	}
}

// expect takes the given byte after white space.
func (l *lexer) expect(want byte) error {
	c, err := l.peek()
	if err != nil {
		return l.fail(err)
	}
	if c != want {
		return l.failf("expected %q", string(want))
	}
	return l.next()
}

// more is called after '[' or '{' (first) or after an element, and says
// whether another one follows; it takes the comma or the closing byte.
func (l *lexer) more(first bool, closing byte) (bool, error) {
	c, err := l.peek()
	if err != nil {
		return false, l.fail(err)
	}
	switch {
	case c == closing:
		return false, l.next()
	case first:
		return true, nil
	case c == ',':
		if err = l.next(); err != nil {
			return false, err
		}
		if c, err = l.peek(); err != nil {
			return false, l.fail(err)
		}
		if c == closing {
			return false, l.failf("a value is missing after the comma")
		}
		return true, nil
	}
	return false, l.failf("expected a comma or %q", string(closing))
}

// name reads a member's name and the colon behind it.
func (l *lexer) name() (string, error) {
	c, err := l.peek()
	if err != nil {
		return "", l.fail(err)
	}
	if c != '"' {
		return "", l.failf("expected a member name")
	}
	raw, err := l.value(nil, 1<<10)
	if err != nil {
		return "", err
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return "", l.failf("broken member name")
	}
	return name, l.expect(':')
}

// value appends the bytes of the next value to dst. It knows strings and
// nesting; whether the inside is well-formed is for the real parser to say.
func (l *lexer) value(dst []byte, limit int) ([]byte, error) {
	if _, err := l.peek(); err != nil {
		return dst, l.fail(err)
	}
	from, depth := len(dst), 0
	for {
		b, err := l.r.Peek(1)
		if err != nil {
			if errors.Is(err, io.EOF) && depth == 0 && len(dst) > from {
				return dst, nil
			}
			return dst, l.fail(err)
		}
		c := b[0]
		if depth == 0 && len(dst) > from && endsScalar(c) {
			return dst, nil
		}
		if len(dst)-from >= limit {
			return dst, l.fail(errTooLarge)
		}
		if err := l.next(); err != nil {
			return dst, l.fail(err)
		}
		dst = append(dst, c)
		switch c {
		case '"':
			if dst, err = l.restOfString(dst, from+limit); err != nil {
				return dst, err
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return dst, l.failf("nested deeper than %d levels", maxDepth)
			}
		case '}', ']':
			depth--
		}
		if depth == 0 && (c == '"' || c == '}' || c == ']') {
			return dst, nil
		}
		if depth < 0 {
			return dst, l.failf("expected a value")
		}
	}
}

// maxDepth keeps recursive parsers behind this one within their stack.
const maxDepth = 10_000

// endsScalar says whether c ends a number or a literal.
func endsScalar(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ']', '}', ':', '"', '{', '[':
		return true
	}
	return false
}

// restOfString appends up to the closing quote, by whole buffers.
func (l *lexer) restOfString(dst []byte, limit int) ([]byte, error) {
	for {
		if _, err := l.r.Peek(1); err != nil {
			return dst, l.fail(err)
		}
		chunk, _ := l.r.Peek(l.r.Buffered())
		n, closed := 0, false
		for n < len(chunk) && !closed {
			switch chunk[n] {
			case '"':
				closed = true
			case '\\':
				if n+1 == len(chunk) {
					if n == 0 {
						return l.escape(dst, limit)
					}
					chunk = chunk[:n]
					n--
				} else {
					n++
				}
			case '\n':
				return dst, l.failf("a line ends inside a string")
			}
			n++
		}
		if len(dst)+n > limit {
			return dst, l.fail(errTooLarge)
		}
		dst = append(dst, chunk[:n]...)
		if _, err := l.r.Discard(n); err != nil {
			return dst, l.fail(err)
		}
		l.pos += int64(n)
		if closed {
			return dst, nil
		}
	}
}

// escape takes a backslash and what it escapes across a buffer's border.
func (l *lexer) escape(dst []byte, limit int) ([]byte, error) {
	two, err := l.r.Peek(2)
	if err != nil {
		return dst, l.fail(err)
	}
	dst = append(dst, two...)
	if _, err := l.r.Discard(2); err != nil {
		return dst, l.fail(err)
	}
	l.pos += 2
	return l.restOfString(dst, limit)
}

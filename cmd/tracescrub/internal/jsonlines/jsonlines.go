// Package jsonlines masks the member "text" of JSON lines and says beside it
// what was found where:
//
//	{"id":1,"text":"...","x":true}
//	{"id":1,"text":"... [MASKED:...]","x":true,"findings":[{"rule":"...","severity":"...","start":4,"end":44}]}
//
// Offsets count bytes of the decoded input text. Other members keep their
// bytes and their order; they are not scanned.
package jsonlines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/tracescrub/tracescrub/internal/mask"
)

// Mask appends the hits in a text to dst; out is the masked text, nil if nothing changed.
type Mask func(dst []mask.Hit, text []byte) (out []byte, hits []mask.Hit)

// LineError is a line that cannot be masked.
type LineError struct {
	// Line counts from 1, Column counts bytes of the line from 1, Byte is the
	// offset in the stream from 0.
	Line, Column, Byte int64
	Err                error
}

// Error names the place, never the content.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d, column %d (byte %d): %v", e.Line, e.Column, e.Byte, e.Err)
}

// Unwrap returns the defect.
func (e *LineError) Unwrap() error { return e.Err }

// DefaultLineBytes is the longest line that Each takes by default.
const DefaultLineBytes = 256 << 20

// Each masks r line by line. A line is written only after it was read and
// masked whole; the first bad line ends the work with a LineError. Empty lines
// are kept. limit is the longest line in bytes; 0 means DefaultLineBytes.
func Each(r io.Reader, w io.Writer, limit int, m Mask) error {
	if limit <= 0 {
		limit = DefaultLineBytes
	}
	in := bufio.NewReaderSize(r, 256<<10)
	l := liner{mask: m}
	var line []byte
	for number, at := int64(1), int64(0); ; number++ {
		var err error
		line, err = readLine(in, line[:0], limit)
		if len(line) > 0 {
			out, bad := l.line(line)
			if bad == nil && len(line) > limit {
				bad = errTooLong
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if bad != nil {
				return &LineError{Line: number, Column: int64(l.at) + 1, Byte: at + int64(l.at), Err: bad}
			}
			if _, werr := w.Write(out); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at += int64(len(line))
	}
}

var errTooLong = errors.New("the line is longer than the limit")

// readLine appends a line with its line end to dst, at most a little more than limit bytes of it.
func readLine(in *bufio.Reader, dst []byte, limit int) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		dst = append(dst, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return dst, err
		}
		if len(dst) > limit {
			return dst, nil
		}
	}
}

// liner is owned by one goroutine; its slices are used again from line to line.
type liner struct {
	mask Mask
	at   int // where the line was found bad
	out  []byte
	text []byte
	hits []mask.Hit
}

// member is where a member of the object stands.
type member struct {
	name       string
	start, end int // of the value
	nameStart  int
}

// line returns the masked line.
func (l *liner) line(line []byte) ([]byte, error) {
	l.at = 0
	body := bytes.TrimRight(line, "\r\n")
	if len(bytes.TrimSpace(body)) == 0 {
		return line, nil
	}
	members, closing, err := l.members(body)
	if err != nil {
		return nil, err
	}
	text := -1
	for i, m := range members {
		if m.name != "text" {
			continue
		}
		if text >= 0 {
			l.at = m.nameStart
			return nil, errors.New(`member "text" stands twice`)
		}
		text = i
	}
	if text < 0 {
		return nil, errors.New(`no member "text"`)
	}
	return l.rewrite(line, members, text, closing)
}

// rewrite writes the line with masked text and findings in place of old ones.
func (l *liner) rewrite(line []byte, members []member, text, closing int) ([]byte, error) {
	var err error
	m := members[text]
	if l.text, err = unquote(l.text[:0], line[m.start:m.end]); err != nil {
		l.at = m.start
		return nil, errors.New(`member "text" is no string`)
	}
	var masked []byte
	masked, l.hits = l.mask(l.hits[:0], l.text)
	out, from, placed := l.out[:0], 0, false
	for _, m := range members {
		switch {
		case m.name == "text" && masked != nil:
			out = quote(append(out, line[from:m.start]...), masked)
			from = m.end
		case m.name == "findings": // of an earlier run
			out = appendFindings(append(out, line[from:m.start]...), l.hits)
			from, placed = m.end, true
		}
	}
	out = append(out, line[from:closing]...)
	if !placed {
		out = appendFindings(append(out, `,"findings":`...), l.hits)
	}
	l.out = append(out, line[closing:]...)
	return l.out, nil
}

// members finds the members of the object that the line is, and its closing brace.
func (l *liner) members(line []byte) (members []member, closing int, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	bad := func() ([]member, int, error) {
		var err error
		l.at, err = syntaxError(line)
		return nil, 0, err
	}
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return bad()
	}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return bad()
		}
		m := member{name: name, nameStart: int(dec.InputOffset())}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return bad()
		}
		m.end = int(dec.InputOffset())
		m.start = m.end - len(raw)
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return bad()
	}
	end := int(dec.InputOffset())
	if rest := bytes.TrimSpace(line[end:]); len(rest) > 0 {
		l.at = len(line) - len(rest)
		return nil, 0, errors.New("something follows the object")
	}
	return members, end - 1, nil
}

// syntaxError says where a line stops being a JSON object, without quoting it.
func syntaxError(line []byte) (at int, err error) {
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if !errors.As(json.Unmarshal(line, &whole), &syntax) {
		return 0, errors.New("not a JSON object")
	}
	if syntax.Error() == "unexpected end of JSON input" {
		return len(line), errors.New("the object does not end")
	}
	return max(0, int(syntax.Offset)-1), errors.New("not a JSON object")
}

// appendFindings writes the findings as a JSON array.
func appendFindings(dst []byte, hits []mask.Hit) []byte {
	dst = append(dst, '[')
	for i, h := range hits {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = quote(append(dst, `{"rule":`...), []byte(h.RuleID))
		dst = quote(append(dst, `,"severity":`...), []byte(h.Severity.String()))
		dst = strconv.AppendInt(append(dst, `,"start":`...), int64(h.Start), 10)
		dst = strconv.AppendInt(append(dst, `,"end":`...), int64(h.End), 10)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

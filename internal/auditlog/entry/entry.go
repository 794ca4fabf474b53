// Package entry is one line of the audit log: what is in it, how it is
// written and what a reader refuses. docs/format/audit.md specifies it.
package entry

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxLine is the most bytes of an entry, without LF: what an entry bundle
	// of C2SP tlog-tiles can hold.
	MaxLine = 65535
	// Version is that of the schema.
	Version = 1
)

// Kind names what happened: an event of docs/format/events.md or what the log
// tells about itself.
type Kind = string

// What the log tells about itself.
const (
	Gap       Kind = "tracescrub.gap"
	Heartbeat Kind = "tracescrub.heartbeat"
	Opened    Kind = "tracescrub.log.opened"
	Closed    Kind = "tracescrub.log.closed"
	Segment   Kind = "tracescrub.log.segment"
	Pruned    Kind = "tracescrub.log.pruned"
	Erased    Kind = "tracescrub.log.erased"
	Key       Kind = "tracescrub.log.key"
)

// Own says whether only the log itself writes entries of this kind.
func Own(k Kind) bool {
	return k == Gap || k == Heartbeat || strings.HasPrefix(k, "tracescrub.log.")
}

// Entry is one entry. Texts that are empty, a severity of 0 and empty
// attributes are not written.
type Entry struct {
	Seq          int64
	ID           string
	Kind         Kind
	Time, Logged time.Time
	Trace, Span  string
	Severity     int
	Component    string
	Instance     string
	// Attributes has what canonical JSON has: string, int64, bool, []any and
	// map[string]any.
	Attributes map[string]any
	// Cut names attributes that were left out for length.
	Cut []string
}

const timeForm = "2006-01-02T15:04:05.000000000Z"

// canonical writes the entry as JSON has it: its fields in their order.
func (e *Entry) canonical() (b []byte, err error) {
	b = make([]byte, 0, 1024)
	text := func(name, value string) {
		if err == nil && value != "" {
			b = append(append(append(b, '"'), name...), '"', ':')
			b, err = quote(b, value)
			b = append(b, ',')
		}
	}
	number := func(name string, value int64) {
		b = append(append(append(b, '"'), name...), '"', ':')
		b = append(strconv.AppendInt(b, value, 10), ',')
	}
	b = append(b, '{')
	if len(e.Attributes) > 0 {
		b = append(b, `"attributes":`...)
		if b, err = object(b, e.Attributes, 2); err != nil {
			return nil, err
		}
		b = append(b, ',')
	}
	text("component", e.Component)
	if len(e.Cut) > 0 {
		b = append(b, `"cut":[`...)
		for i, c := range e.Cut {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = quote(b, c); err != nil {
				return nil, err
			}
		}
		b = append(b, ']', ',')
	}
	text("id", e.ID)
	text("instance", e.Instance)
	text("kind", e.Kind)
	text("logged", e.Logged.UTC().Format(timeForm))
	number("seq", e.Seq)
	if e.Severity != 0 {
		number("severity_number", int64(e.Severity))
	}
	text("span_id", e.Span)
	text("time", e.Time.UTC().Format(timeForm))
	text("trace_id", e.Trace)
	if err != nil {
		return nil, err
	}
	number("v", Version)
	b[len(b)-1] = '}' // in place of the last comma
	return b, nil
}

// isHex says whether s is n hex digits.
func isHex(s string, n int) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == n
}

// isKind says whether s is tracescrub and one name or more, each behind a point.
func isKind(s string) bool {
	rest, ok := strings.CutPrefix(s, "tracescrub.")
	return ok && isName(s) && !strings.HasPrefix(rest, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..")
}

// check says what is wrong with the fields of an entry, if anything.
func (e *Entry) check() error {
	switch {
	case e.Seq < 0 || e.Seq > maxInt:
		return errors.New("seq is no place in a log")
	case !isHex(e.ID, 32):
		return errors.New("id is not 32 lower-case hex digits")
	case !isKind(e.Kind):
		return errors.New("kind is not the name of an event")
	case e.Trace != "" && !isHex(e.Trace, 32):
		return errors.New("trace_id is not 32 lower-case hex digits")
	case e.Span != "" && !isHex(e.Span, 16):
		return errors.New("span_id is not 16 lower-case hex digits")
	case e.Severity < 0 || e.Severity > 24:
		return errors.New("severity_number is not from 1 to 24")
	case !inYears(e.Time) || !inYears(e.Logged):
		return errors.New("time is not of a year with four digits")
	}
	return nil
}

func inYears(t time.Time) bool { y := t.UTC().Year(); return y >= 0 && y <= 9999 }

// Line returns the entry as it is written, without LF. If it would be too
// long, it loses its longest attributes, which Cut then names.
func (e *Entry) Line() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	b, err := e.canonical()
	if err == nil && len(b) > MaxLine {
		if err = e.cut(len(b)); err == nil {
			b, err = e.canonical()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	return b, nil
}

// cut drops the longest attributes until the line, which has so many bytes,
// fits. The map is copied first: it is the caller's.
func (e *Entry) cut(size int) error {
	type attribute struct {
		name string
		size int
	}
	var all []attribute
	for name, v := range e.Attributes {
		b, err := Canonical(v)
		if err != nil {
			return err
		}
		all = append(all, attribute{name, len(b)})
	}
	slices.SortFunc(all, func(a, b attribute) int {
		return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.name, b.name))
	})
	rest := maps.Clone(e.Attributes)
	e.Cut = slices.Clone(e.Cut)
	for _, a := range all {
		delete(rest, a.name)
		size -= len(a.name) + len(`"":,`) + a.size
		if len(rest) == 0 {
			size -= len(`"attributes":{},`) - len(`,`) // it had no comma
		}
		if len(e.Cut) == 0 {
			size += len(`"cut":[],`) - len(`,`)
		}
		e.Cut = append(e.Cut, a.name)
		size += len(a.name) + len(`"",`)
		if size <= MaxLine {
			e.Attributes = rest
			return nil
		}
	}
	return errors.New("too long without attributes")
}

// DeriveID gives an entry without an id the one that its content has.
// Attributes must have the plain values, not commitments.
func (e *Entry) DeriveID() error {
	x := *e
	x.Seq, x.ID, x.Logged = 0, strings.Repeat("0", 32), x.Time
	line, err := x.Line()
	if err != nil {
		return err
	}
	h := sha256.Sum256(append([]byte("tracescrub audit id 1\n"), line...))
	e.ID = hex.EncodeToString(h[:16])
	return nil
}

// Parse reads a line without LF. It takes exactly what Line writes.
func Parse(line []byte) (*Entry, error) {
	if len(line) > MaxLine {
		return nil, errors.New("line is too long")
	}
	v, err := parseCanonical(line)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("no object")
	}
	e := &Entry{}
	if err := e.fill(m); err != nil {
		return nil, err
	}
	return e, e.check()
}

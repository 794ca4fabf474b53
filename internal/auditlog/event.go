package auditlog

import (
	"fmt"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// Event is what becomes an entry. docs/format/audit.md says what the fields
// may hold.
type Event struct {
	// ID is derived from the rest if it is empty. One that is given is believed:
	// of two events with the same id the second is not written. Who has it from
	// elsewhere must check that it was derived from the content.
	ID          string
	Kind        string
	Time        time.Time
	Trace, Span string // hex digits, or empty
	Severity    int
	Component   string
	Instance    string
	// Attributes has values of string, bool, int, int64, []string, []any and
	// map[string]any. Those that name people are written as commitments.
	Attributes map[string]any
}

// plain is the entry with people's names in it, only good for its id.
func (ev *Event) plain() (*entry.Entry, error) {
	e := &entry.Entry{
		ID: ev.ID, Kind: ev.Kind, Time: ev.Time, Logged: ev.Time, Trace: ev.Trace, Span: ev.Span,
		Severity: ev.Severity, Component: utf8(ev.Component), Instance: utf8(ev.Instance),
	}
	if entry.Own(ev.Kind) {
		return nil, fmt.Errorf("audit log: %w: only the log itself writes this kind", Invalid)
	}
	if len(ev.Attributes) > 0 {
		v, err := normal(ev.Attributes)
		if err != nil {
			return nil, err
		}
		e.Attributes = v.(map[string]any)
	}
	if e.ID == "" {
		if err := e.DeriveID(); err != nil {
			return nil, fmt.Errorf("audit log: %w: %w", Invalid, err)
		}
	}
	return e, nil
}

func utf8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// normal copies a value into what canonical JSON has.
func normal(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return utf8(v), nil
	case bool, int64:
		return v, nil
	case int:
		return int64(v), nil
	case []string:
		a := make([]any, len(v))
		for i, s := range v {
			a[i] = utf8(s)
		}
		return a, nil
	case []any:
		a := make([]any, len(v))
		for i, x := range v {
			n, err := normal(x)
			if err != nil {
				return nil, err
			}
			a[i] = n
		}
		return a, nil
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			n, err := normal(x)
			if err != nil {
				return nil, err
			}
			m[k] = n
		}
		return m, nil
	}
	return nil, fmt.Errorf("audit log: %w: an attribute of type %T", Invalid, v)
}

// prepare turns events into entries that can be written, but for the
// commitments and their place. It is for the caller's goroutine.
func prepare(events []Event) ([]*entry.Entry, error) {
	es := make([]*entry.Entry, len(events))
	for i := range events {
		e, err := events[i].plain()
		if err != nil {
			return nil, err
		}
		x := *e // Line may cut it, which is to be done when there are commitments
		if _, err := x.Line(); err != nil {
			return nil, fmt.Errorf("audit log: %w: %w", Invalid, err)
		}
		es[i] = e
	}
	return es, nil
}

// commit puts commitments in the place of what names people.
func commit(t *subjects.Table, m map[string]any, owner string) error {
	const user = "user.id"
	if v, ok := m[user]; ok {
		c, err := committed(t, "", user, v)
		if err != nil {
			return err
		}
		m[user] = c
		if c != "" {
			owner = c
		}
	}
	for name, v := range m {
		var err error
		switch _, yes := subjects.Committed(name); {
		case name == user:
		case yes:
			m[name], err = committed(t, owner, name, v)
		default:
			err = commitIn(t, v, owner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxValue is the most bytes that are committed to: the line of the side table
// must not be longer than one may be, with all of them escaped.
const maxValue = 4096

// clip is the part of a value that is committed to.
func clip(s string) string {
	if s = utf8(s); len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "") // no half of a character
	}
	return s
}

// committed commits to a value. One that is no text stands for its canonical form.
func committed(t *subjects.Table, owner, name string, v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		b, err := entry.Canonical(v)
		if err != nil {
			return "", err
		}
		s = string(b)
	}
	if s == "" {
		return "", nil
	}
	s = clip(s)
	if text, _ := subjects.Committed(name); text {
		return t.CommitText(owner, s)
	}
	return t.Commit(s)
}

func commitIn(t *subjects.Table, v any, owner string) error {
	switch v := v.(type) {
	case map[string]any:
		return commit(t, v, owner)
	case []any:
		for _, x := range v {
			if err := commitIn(t, x, owner); err != nil {
				return err
			}
		}
	}
	return nil
}

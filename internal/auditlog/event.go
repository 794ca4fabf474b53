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
	ID          string // derived from the rest if empty
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

// commit puts commitments in the place of what names people.
func commit(t *subjects.Table, m map[string]any, owner string) error {
	if s, ok := m["user.id"].(string); ok && s != "" {
		c, err := t.Commit(s)
		if err != nil {
			return err
		}
		m["user.id"], owner = c, c
	}
	for name, v := range m {
		s, _ := v.(string)
		var err error
		switch {
		case name == "user.id":
			continue
		case name == "tracescrub.producer" && s != "":
			m[name], err = t.Commit(s)
		case name == "tracescrub.reason" && s != "":
			m[name], err = t.CommitText(owner, s)
		default:
			err = commitIn(t, v, owner)
		}
		if err != nil {
			return err
		}
	}
	return nil
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

package entry

import (
	"errors"
	"fmt"
	"time"
)

// fill takes the fields from an object, and refuses what is missing, what is
// of another type, what would not have been written, and what is not known.
func (e *Entry) fill(m map[string]any) error {
	f := fields{m: m}
	if v := f.number("v", true); f.err == nil && v != Version {
		return fmt.Errorf("version is not %d", Version)
	}
	e.Seq = f.number("seq", true)
	e.ID, e.Kind = f.text("id", true), f.text("kind", true)
	e.Time, e.Logged = f.time("time"), f.time("logged")
	e.Trace, e.Span = f.text("trace_id", false), f.text("span_id", false)
	e.Component, e.Instance = f.text("component", false), f.text("instance", false)
	e.Severity = int(f.number("severity_number", false))
	e.Attributes = take[map[string]any](&f, "attributes", false)
	for _, c := range take[[]any](&f, "cut", false) {
		name, ok := c.(string)
		if !ok {
			return errors.New("field cut: not names")
		}
		e.Cut = append(e.Cut, name)
	}
	if f.err != nil {
		return f.err
	}
	if f.seen != len(m) {
		return errors.New("a field that is not known")
	}
	return nil
}

// fields takes fields from an object and keeps the first error.
type fields struct {
	m    map[string]any
	seen int
	err  error
}

func take[T any](f *fields, name string, must bool) T {
	var none T
	v, ok := f.m[name]
	if !ok {
		if must && f.err == nil {
			f.err = fmt.Errorf("field %s is missing", name)
		}
		return none
	}
	f.seen++
	t, ok := v.(T)
	if !ok && f.err == nil {
		f.err = fmt.Errorf("field %s is of another type", name)
	}
	if ok && !must && isEmpty(v) && f.err == nil {
		f.err = fmt.Errorf("field %s is empty", name)
	}
	return t
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case int64:
		return v == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func (f *fields) number(name string, must bool) int64 { return take[int64](f, name, must) }
func (f *fields) text(name string, must bool) string  { return take[string](f, name, must) }

func (f *fields) time(name string) time.Time {
	s := take[string](f, name, true)
	t, err := time.Parse(timeForm, s)
	if (err != nil || !hasTimeForm(s)) && f.err == nil {
		f.err = fmt.Errorf("field %s is no time of the form %s", name, timeForm)
	}
	return t
}

// hasTimeForm says whether digits are where they must be, and nothing else is
// different: time.Parse takes more.
func hasTimeForm(s string) bool {
	if len(s) != len(timeForm) {
		return false
	}
	for i := range len(s) {
		form, c := timeForm[i], s[i]
		if form >= '0' && form <= '9' && (c < '0' || c > '9') || (form < '0' || form > '9') && c != form {
			return false
		}
	}
	return true
}

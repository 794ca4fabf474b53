package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// auditLines writes entries, a line for each, with nothing in it that a
// terminal would obey.
type auditLines struct {
	t      *terminal
	out    io.Writer
	asJSON bool
	// names are what commitments stand for, by commitment; nil if they stay.
	names map[string]string
}

// namesOf reads a side table for auditLines.
func namesOf(rows []subjects.Row) map[string]string {
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.Commitment] = r.Value
	}
	return names
}

func (w *auditLines) write(it *read.Item) error {
	line, err := w.line(it)
	if err == nil {
		_, err = fmt.Fprintln(w.out, line)
	}
	return err
}

func (w *auditLines) line(it *read.Item) (string, error) {
	if !w.asJSON {
		return w.fit(w.row(it)), nil
	}
	if w.names == nil {
		return string(screen.JSON(it.Line)), nil
	}
	m, err := entry.ParseObject(it.Line)
	if err != nil {
		return "", err
	}
	b, err := entry.Canonical(w.named("", m))
	return string(screen.JSON(b)), err
}

// fit cuts a line to the terminal.
func (w *auditLines) fit(line string) string {
	if w.t.width > 0 {
		return screen.Cut(line, w.t.width)
	}
	return line
}

// named puts what they stand for in the place of commitments.
func (w *auditLines) named(name string, v any) any {
	switch v := v.(type) {
	case string:
		return w.meaning(name, v)
	case []any:
		for i := range v {
			v[i] = w.named("", v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = w.named(k, v[k])
		}
	}
	return v
}

// meaning is what a text under a name stands for. Only where a commitment can
// be is one: telemetry may have text that looks like it.
func (w *auditLines) meaning(name, text string) string {
	if _, yes := subjects.Committed(name); yes {
		if value, known := w.names[text]; known {
			return value
		}
	}
	return text
}

const auditHeader = "     SEQ  TIME                  KIND              ABOUT"

// firstAttributes are what somebody looks for first; the others follow by name.
var firstAttributes = []string{
	"tracescrub.severity", "tracescrub.service", "tracescrub.rules", "tracescrub.item.id", "user.id",
	"tracescrub.decision", "tracescrub.release.mode", "tracescrub.reason",
}

// lastAttributes say the same as others, at length.
var lastAttributes = []string{"tracescrub.findings", "tracescrub.votes"}

func (w *auditLines) row(it *read.Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%8d  %s  %-16s", it.Seq, shortTime(it.Time), strings.TrimPrefix(it.Kind, kindPrefix))
	say := func(name string, v any) {
		if s := w.value(name, v); s != "" {
			fmt.Fprintf(&b, "  %s=%s", strings.TrimPrefix(name, kindPrefix), s)
		}
	}
	for _, name := range firstAttributes {
		say(name, it.Attributes[name])
	}
	say("trace_id", it.Trace)
	for _, name := range slices.Sorted(maps.Keys(it.Attributes)) {
		if !slices.Contains(firstAttributes, name) && !slices.Contains(lastAttributes, name) {
			say(name, it.Attributes[name])
		}
	}
	for _, name := range lastAttributes {
		say(name, it.Attributes[name])
	}
	return strings.TrimRight(b.String(), " ")
}

const shortCommitment = len("subject:") + shortID

// value is an attribute's value on one line; texts are quoted if they need it.
func (w *auditLines) value(name string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		s := w.meaning(name, v)
		switch _, yes := subjects.Committed(name); {
		case s == "":
			return ""
		case yes && s == v && w.t.width > 0 && len(s) > shortCommitment:
			return cell(s[:shortCommitment])
		case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '=' }):
			return quoted(s)
		}
		return cell(s)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = w.value("", x)
		}
		return strings.Join(parts, ",")
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+":"+w.value(name, v[name]))
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	return fmt.Sprint(v)
}

// quoted is a text as JSON has it.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return cell(s)
	}
	return string(screen.JSON(bytes.TrimSpace(b.Bytes())))
}

// Package report writes what a scan found: as lines for people, as JSON, or as
// SARIF. No format holds a secret or the text around it.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/filescan"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// Writer takes the files of a scan in order.
type Writer interface {
	// File writes the findings of a file.
	File(filescan.File) error
	// Close writes what is left. The report is whole only after it.
	Close() error
}

// Meta is what the formats say about the scan itself.
type Meta struct {
	// Version is that of the tool, Hash that of the rules.
	Version, Hash string
	Rules         []rules.Info
	// StableKey: fingerprints are keyed with a key that outlives the run.
	StableKey bool
	// Colour wraps a text in an ANSI attribute; nil means no colours.
	Colour func(attribute, text string) string
}

// Formats are the words for New.
var Formats = []string{"text", "json", "sarif"}

// New returns a writer of one of the Formats.
func New(format string, w io.Writer, m Meta) (Writer, error) {
	switch format {
	case "text":
		return &text{w: w, m: m}, nil
	case "json":
		return newJSON(plainJSON{w}, m), nil
	case "sarif":
		return newSARIF(plainJSON{w}, m)
	}
	return nil, fmt.Errorf("unknown format %q", format)
}

// plainJSON escapes what steers a terminal in JSON, of which each Write has
// whole characters.
type plainJSON struct{ w io.Writer }

func (p plainJSON) Write(b []byte) (int, error) {
	if _, err := p.w.Write(screen.JSON(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// text writes a line per finding: file:line:column: severity rule fingerprint.
type text struct {
	w io.Writer
	m Meta
}

func (t *text) File(f filescan.File) error {
	for _, x := range f.Findings {
		severity := x.Hit.Severity.String()
		if t.m.Colour != nil {
			severity = t.m.Colour(attribute(x.Hit.Severity), severity)
		}
		if _, err := fmt.Fprintf(t.w, "%s:%d:%d: %s %s %s\n", screen.Plain(f.Path, false), x.Line, x.Column,
			severity, x.Hit.RuleID, x.Hit.Fingerprint); err != nil {
			return err
		}
	}
	return nil
}

func (t *text) Close() error { return nil }

// attribute is the colour of a severity.
func attribute(s pack.Severity) string {
	switch s {
	case pack.Critical:
		return "1;31"
	case pack.High:
		return "31"
	case pack.Medium:
		return "33"
	}
	return "36"
}

// jsonReport writes one document with a finding per line.
type jsonReport struct {
	w      io.Writer
	m      Meta
	n      int
	files  int
	binary int
	errors []jsonError
}

type jsonFinding struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Column      int    `json:"column"`
	EndLine     int    `json:"end_line"`
	EndColumn   int    `json:"end_column"`
	Rule        string `json:"rule"`
	Severity    string `json:"severity"`
	Fingerprint string `json:"fingerprint"`
}

type jsonError struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

func newJSON(w io.Writer, m Meta) *jsonReport { return &jsonReport{w: w, m: m, errors: []jsonError{}} }

func (j *jsonReport) File(f filescan.File) error {
	j.files++
	if f.Binary {
		j.binary++
	}
	name := filepath.ToSlash(f.Path)
	if f.Err != nil {
		j.errors = append(j.errors, jsonError{name, f.Err.Error()})
	}
	for _, x := range f.Findings {
		if err := j.separator(); err != nil {
			return err
		}
		line, err := json.Marshal(jsonFinding{
			name, x.Line, x.Column, x.EndLine, x.EndColumn,
			x.Hit.RuleID, x.Hit.Severity.String(), x.Hit.Fingerprint,
		})
		if err != nil {
			return err
		}
		if _, err := j.w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// separator writes what stands in front of a finding.
func (j *jsonReport) separator() error {
	sep := ",\n"
	if j.n++; j.n == 1 {
		sep = "{\"findings\":[\n"
	}
	_, err := io.WriteString(j.w, sep)
	return err
}

func (j *jsonReport) Close() error {
	tail := struct {
		Errors []jsonError `json:"errors"`
		Files  int         `json:"files"`
		Binary int         `json:"binary"`
		Rules  string      `json:"rules"`
		Tool   string      `json:"tool"`
	}{j.errors, j.files, j.binary, j.m.Hash, "tracescrub " + j.m.Version}
	body, err := json.Marshal(tail)
	if err != nil {
		return err
	}
	head := "\n],"
	if j.n == 0 {
		head = "{\"findings\":[],"
	}
	_, err = fmt.Fprintf(j.w, "%s%s\n", head, body[1:])
	return err
}

// Package page shows an evidence report as one HTML file: no loads from
// elsewhere, plots as SVG, light, dark and on paper. What the log holds was
// sent by anybody: nothing of it is markup, and nothing of it stays unseen.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

//go:embed page.html
var pageText string

//go:embed page.css
var styleText string

//go:embed page.js
var scriptText string

// Options are what a page shows besides its report.
type Options struct {
	// Receipts of entries, by their places.
	Receipts map[int64]string
	// Anchor is the place of the entry whose receipt holds for the log as a whole; -1: none.
	Anchor int64
	// Range is the proof that the lines of the period are the log's, as JSON.
	Range json.RawMessage
	// Checker is the program that checks receipts in a browser.
	Checker string
}

// maxRows is how many rows a table of the page has. The files beside it have all.
const maxRows = 500

type view struct {
	*facts.Report
	Options
	Style     template.CSS
	Checker   template.JS
	Script    template.JS
	Policy    string
	Kind      map[string]facts.Count
	Shown     []facts.Decision
	Tiles     []tile
	Named     bool
	Controls  []control
	RangeData any
}

// Write writes the page.
func Write(w io.Writer, r *facts.Report, o Options) error {
	v := view{
		Report: r, Options: o, Style: template.CSS(styleText), Checker: template.JS(o.Checker), Script: template.JS(scriptText), //nolint:gosec // ours
		Kind: map[string]facts.Count{}, Shown: r.Decisions[:min(len(r.Decisions), maxRows)],
		Controls: controls,
	}
	if err := json.Unmarshal(o.Range, &v.RangeData); err != nil {
		return fmt.Errorf("the proof of the period: %w", err)
	}
	for _, c := range r.Kinds {
		v.Kind[c.Name] = c
	}
	for i := range r.Decisions {
		v.Named = v.Named || named(&r.Decisions[i])
	}
	v.Tiles = tiles(r, v.Kind)
	v.Policy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s %s; base-uri 'none'; form-action 'none'",
		hash(styleText), hash(o.Checker), hash(scriptText))
	var b bytes.Buffer // html/template stops in the middle
	if err := parsed.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// hash is how a Content-Security-Policy names an inline text.
func hash(text string) string {
	h := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'"
}

func named(d *facts.Decision) bool {
	return slices.ContainsFunc(d.Steps, func(s facts.Step) bool { return s.Who != nil && s.Who.Subject != "" })
}

var parsed = template.Must(template.New("report").Funcs(template.FuncMap{
	"plain": func(s string) string { return screen.Plain(s, false) },
	"stamp": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"took":  took,
	"secs":  func(s int64) string { return took(&s) },
	"who":   who,
	"short": short,
	"many":  many,
	"daily": daily,
	"strip": strip,
	"bars":  bars,
	"waits": waits,
	"days":  dayTable,
	"share": share,
	"over":  func(n int) int { return max(0, n-maxRows) },
	"first": func(list []facts.Change) []facts.Change { return list[:min(len(list), maxRows)] },
	"some":  func(list []facts.Exception) []facts.Exception { return list[:min(len(list), maxRows)] },
	"find": func(m map[int64]string, seq int64) string {
		return m[seq]
	},
	"say": func(why string) string { return cmp.Or(silences[why], screen.Plain(why, false)) },
	"out": outcome,
	"row": func(rows []barRow, caption, name string) barTable { return barTable{caption, name, rows} },
}).Parse(pageText))

var silences = map[string]string{
	"stopped": "the log was closed in order",
	"gap":     "the log tells of an interruption",
	"before":  "the log that is there does not go back so far",
	"after":   "nothing was written since",
	"untold":  "nothing in the log says why",
}

// who is a person for people to read.
func who(p *facts.Person) string {
	switch {
	case p == nil:
		return "–"
	case p.Subject != "":
		return screen.Plain(p.Subject, false)
	case p.Erased:
		return short(p.Commitment) + " (erased)"
	}
	return short(p.Commitment)
}

// short is the beginning of a long name.
func short(s string) string {
	kind, hex, ok := strings.Cut(s, ":")
	if !ok {
		kind, hex = "", s
	} else {
		kind += ":"
	}
	return screen.Plain(kind+screen.Cut(hex, 13), false)
}

// many writes a number with thin spaces.
func many(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// took is a time span as one says it.
func took(seconds *int64) string {
	if seconds == nil {
		return "–"
	}
	s := *seconds
	switch {
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 2*3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
}

func share(part, of int64) string {
	if of <= 0 {
		return "–"
	}
	p := float64(part) / float64(of) * 100
	if part < of {
		p = min(p, 99.99) // not rounded to what it is not
	}
	return fmt.Sprintf("%.2f %%", p)
}

// outcome is what became of an item after the decision.
func outcome(d facts.Decision) string {
	var out []string
	for _, s := range d.Steps {
		word := map[string]string{"released": "released", "denied": "denied", "shredded": "key destroyed"}[s.Kind]
		if s.Seq > d.Seq && word != "" && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return strings.Join(out, ", ")
}

type tile struct {
	Name, Value, More string
	Bad               bool
}

// tiles are the figures on top.
func tiles(r *facts.Report, kind map[string]facts.Count) []tile {
	c := &r.Continuity
	longest := "–"
	if c.Longest != nil {
		longest = took(&c.Longest.Seconds)
	}
	return []tile{
		{"Masked", many(kind["masked"].Events), many(kind["masked"].Findings) + " findings", false},
		{"Held", many(kind["held"].Events), many(r.Undecided) + " undecided at the end", false},
		{"Approved", many(kind["approved"].Events), many(kind["released"].Events) + " released", false},
		{"Denied", many(kind["denied"].Events), many(kind["expired"].Events) + " expired", false},
		{"Passed in the clear", many(kind["passed"].Events), "by policy, with findings", kind["passed"].Events > 0},
		{"Log written", share(c.Covered, c.Of), "longest silence " + longest, len(c.Gaps) > 0},
		{"Exceptions", many(len(r.Exceptions)), "see below", len(r.Exceptions) > 0},
	}
}

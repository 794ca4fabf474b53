package replay

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/chat"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/otlptext"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// Look is how Text writes.
type Look struct {
	// Width is that of the terminal, 0 if there is none: nothing is cut then.
	Width int
	// Heading and Severity paint words for the eye.
	Heading, Severity func(string) string
}

// printer writes lines that fit, and keeps the first error.
type printer struct {
	w    io.Writer
	look Look
	cut  bool
	err  error
}

// Text writes the timeline for people. Nothing in it steers a terminal.
func (t *Timeline) Text(w io.Writer, look Look) error {
	p := &printer{w: w, look: look}
	p.line("%s", look.Heading(p.fit(cell(t.About.title()))))
	for _, f := range t.facts() {
		p.line("%s", p.fit(fmt.Sprintf("%-13s %s", f[0], cell(f[1]))))
	}
	if lines := t.outcomes(); len(lines) > 0 {
		p.heading("What became of it")
		for _, s := range lines {
			p.line("%s", p.fit(cell(s)))
		}
	}
	p.heading("What happened")
	p.happenings(t.Events)
	if len(t.Findings) > 0 || t.Unlisted > 0 {
		p.heading(fmt.Sprintf("What was found (%d)", int64(len(t.Findings))+t.Unlisted))
		p.findings(t)
	}
	p.heading("Masked telemetry")
	p.line("%s", p.fit(t.keeping()))
	p.said(t.Said)
	p.rest(t)
	for _, s := range t.Problems {
		p.line("\n%s", p.fit("WRONG: "+cell(s)))
	}
	if p.cut {
		p.line("\n%s", p.fit("(lines with … are cut to this terminal; a pipe, --json and --html have them whole)"))
	}
	return p.err
}

func cell(s string) string { return screen.Plain(s, false) }

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) heading(s string) { p.line("\n%s", p.look.Heading(p.fit(s))) }

// fit cuts a line to the terminal.
func (p *printer) fit(line string) string {
	if p.look.Width == 0 || screen.Width(line) <= p.look.Width {
		return line
	}
	p.cut = true
	return screen.Cut(line, p.look.Width)
}

func (p *printer) table(columns []screen.Column, rows [][]string) {
	if p.err != nil {
		return
	}
	var b bytes.Buffer
	p.err = screen.Table(&b, p.look.Width, columns, rows)
	p.cut = p.cut || p.look.Width > 0 && bytes.Contains(b.Bytes(), []byte("…"))
	if p.err == nil {
		_, p.err = p.w.Write(b.Bytes())
	}
}

// happenings writes an event after the other, on as many lines as it takes.
func (p *printer) happenings(events []*happening) {
	const margin = "          "
	p.line("%s", p.fit("   ENTRY  TIME                  WHAT"))
	for _, e := range events {
		head := fmt.Sprintf("%8d  %s  ", e.Seq, stamp(e.Time))
		what := cell(e.words())
		if p.look.Width == 0 || screen.Width(head+what) <= p.look.Width {
			p.line("%s%s", head, what)
			continue
		}
		p.line("%s", p.fit(strings.TrimRight(head, " ")))
		for _, piece := range wrap(what, p.look.Width-len(margin)) {
			p.line("%s", p.fit(margin+strings.Trim(piece, " ")))
		}
	}
}

func (p *printer) findings(t *Timeline) {
	var rows [][]string
	for i := range t.Findings {
		f := &t.Findings[i]
		rows = append(rows, []string{cell(f.Severity), cell(f.Rule), cell(f.Fingerprint), cell(f.Action), fmt.Sprint(f.Length), cell(f.Field)})
	}
	if len(rows) > 0 {
		p.table([]screen.Column{
			{Name: "SEVERITY", Paint: p.look.Severity}, {Name: "RULE", Least: 8}, {Name: "FINGERPRINT", Least: 8}, {Name: "ACTION"}, {Name: "BYTES"}, {Name: "FIELD", Least: 12},
		}, rows)
	}
	if t.Unlisted > 0 {
		p.line("%s", p.fit(fmt.Sprintf("and %d more, which the entries do not list", t.Unlisted)))
	}
}

func (p *printer) said(all []said) {
	for _, s := range all {
		if len(s.Turns) == 0 {
			continue
		}
		name := s.Name
		if name == "" {
			name = "log record"
		}
		p.line("\n%s", p.fit(fmt.Sprintf("%s  %s", clock(s.Time), cell(name))))
		if s.Known > 0 {
			p.line("%s", p.fit("  ("+count(int64(s.Known), "earlier message")+" sent again)"))
		}
		for _, t := range s.Turns {
			p.line("%s", p.look.Heading(p.fit("  "+cell(roleOf(t.Role)))))
			for _, part := range t.Parts {
				if intro := partName(part.Kind, part.Name); intro != "" {
					p.line("%s", p.fit("    "+cell(intro)))
				}
				p.block(part.Text)
			}
			if t.Finish != "" {
				p.line("%s", p.fit("    finished: "+cell(t.Finish)))
			}
		}
	}
}

// block writes text of several lines, wrapped: no line of it can pass for one of ours.
func (p *printer) block(text string) {
	const margin = "    | "
	for line := range strings.SplitSeq(strings.ReplaceAll(screen.Plain(text, true), "\t", "    "), "\n") {
		for _, piece := range wrap(line, p.look.Width-len(margin)) {
			p.line("%s", p.fit(strings.TrimRight(margin+piece, " ")))
		}
	}
}

// least is the fewest columns that text is wrapped to.
const least = 10

// wrap parts a line into pieces of so many columns, between words where there
// are some. Nothing is lost. With fewer columns than least it stays one piece.
func wrap(line string, columns int) (pieces []string) {
	begin, used := 0, 0
	space, after := 0, 0 // the end of the last word, and the columns since
	for i, r := range line {
		w := screen.Width(string(r))
		if used+w > columns && columns >= least {
			end := i
			if space > begin {
				end, used = space, after
			} else {
				used = 0
			}
			pieces = append(pieces, line[begin:end])
			begin = end
		}
		used += w
		after += w
		if r == ' ' {
			space, after = i+1, 0
		}
	}
	return append(pieces, line[begin:])
}

// rest writes the telemetry that is no part of the conversation.
func (p *printer) rest(t *Timeline) {
	td, ld := ptrace.NewTraces(), plog.NewLogs()
	t.traces.CopyTo(td)
	t.logs.CopyTo(ld)
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(s ptrace.Span) bool { return len(chat.OfSpan(s)) > 0 })
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(r plog.LogRecord) bool { return len(chat.OfRecord(r)) > 0 })
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
	var b bytes.Buffer
	for _, write := range []func() error{
		func() error { return otlptext.Batch(&b, td) },
		func() error { return otlptext.Batch(&b, ld) },
		func() error { return otlptext.Batch(&b, t.metrics) },
	} {
		b.Reset()
		if err := write(); err != nil && p.err == nil {
			p.err = err
		}
		if b.Len() > 0 {
			p.line("")
		}
		for line := range strings.Lines(b.String()) {
			p.line("%s", p.fit(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")))
		}
	}
}

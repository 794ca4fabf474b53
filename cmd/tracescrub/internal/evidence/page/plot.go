package page

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// svg collects the elements of a drawing. Everything that goes in is a number
// or escaped here; colours are classes, so that they follow the page's.
type svg struct{ strings.Builder }

func (s *svg) open(width, height int, id, title, description string) {
	fmt.Fprintf(s, `<svg class="plot" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		width, height, id, id, id, html.EscapeString(title), id, html.EscapeString(description))
}

func (s *svg) rect(class string, x, y, w, h float64, title string) {
	fmt.Fprintf(s, `<rect class="%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f">`, class, x, y, w, h)
	if title != "" {
		fmt.Fprintf(s, `<title>%s</title>`, html.EscapeString(title))
	}
	s.WriteString("</rect>")
}

func (s *svg) text(class string, x, y float64, text string) {
	fmt.Fprintf(s, `<text class="%s" x="%.2f" y="%.2f">%s</text>`, class, x, y, html.EscapeString(screen.Plain(text, false)))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(s, `<line class="%s" x1="%.2f" y1="%.2f" x2="%.2f" y2="%.2f"/>`, class, x1, y1, x2, y2)
}

func (s *svg) end() template.HTML {
	s.WriteString("</svg>")
	return template.HTML(s.String()) //nolint:gosec // everything in it was escaped
}

// The kinds whose course is drawn, if the period has any.
var drawn = []string{"masked", "passed", "dropped", "held", "viewed", "voted", "approved", "denied", "expired", "released", "shredded"}

const (
	plotWidth  = 820
	plotLeft   = 96
	plotRight  = 730
	rowHeight  = 44
	maxBuckets = 130
)

// bucket is a stretch of days that is drawn as one bar.
type bucket struct {
	name string
	from time.Time
	days []string
}

// buckets cuts the period into days, weeks or months, whatever can be told apart.
func buckets(p facts.Period) (list []bucket, word string) {
	first := p.From.UTC().Truncate(24 * time.Hour)
	last := p.To.UTC().Add(-time.Nanosecond)
	key, word := func(d time.Time) string { return d.Format(time.DateOnly) }, "day"
	switch n := int(last.Sub(first).Hours() / 24); {
	case n > 7*maxBuckets:
		key, word = func(d time.Time) string { return d.Format("2006-01") }, "month"
	case n > maxBuckets:
		word = "week"
		key = func(d time.Time) string { y, w := d.ISOWeek(); return fmt.Sprintf("%d-W%02d", y, w) }
	}
	for d := first; !d.After(last); d = d.AddDate(0, 0, 1) {
		if k := key(d); len(list) == 0 || list[len(list)-1].name != k {
			list = append(list, bucket{name: k, from: d})
		}
		b := &list[len(list)-1]
		b.days = append(b.days, d.Format(time.DateOnly))
	}
	return list, word
}

func (b bucket) sum(c facts.Count) (n int64) {
	for _, d := range b.days {
		n += c.Days[d]
	}
	return n
}

// daily draws the course of the kinds: a row each, each with a scale of its own,
// since there are thousands of masked batches for each decision.
func daily(p facts.Period, kinds map[string]facts.Count) template.HTML {
	list, word := buckets(p)
	var rows []facts.Count
	for _, k := range drawn {
		if c, ok := kinds[k]; ok {
			rows = append(rows, c)
		}
	}
	if len(rows) == 0 || len(list) == 0 {
		return `<p class="hint">No event of the period is about telemetry.</p>`
	}
	var s svg
	height := len(rows)*rowHeight + 30
	s.open(plotWidth, height, "daily", "Events by "+word, fmt.Sprintf("One row for each kind of event, one bar for each %s, from %s to %s. The same numbers are in the table below.",
		word, list[0].name, list[len(list)-1].name))
	step := float64(plotRight-plotLeft) / float64(len(list))
	for i, c := range rows {
		base := float64((i+1)*rowHeight - 6)
		most := int64(1)
		for _, b := range list {
			most = max(most, b.sum(c))
		}
		s.text("label end", plotLeft-10, base-6, c.Name)
		s.line("axis", plotLeft, base, plotRight, base)
		for j, b := range list {
			if n := b.sum(c); n > 0 {
				h := max(1.5, float64(n)/float64(most)*(rowHeight-16))
				s.rect("bar "+barClass(c.Name), plotLeft+float64(j)*step+step*0.1, base-h, step*0.8, h, fmt.Sprintf("%s: %d %s", b.name, n, c.Name))
			}
		}
		s.text("label", plotRight+8, base-18, "max "+many(most))
		s.text("label soft", plotRight+8, base-4, "sum "+many(c.Events))
	}
	axis(&s, list, step, float64(height-8))
	return s.end()
}

func barClass(kind string) string {
	switch kind {
	case "passed":
		return "danger"
	case "held", "expired":
		return "warn"
	case "approved", "released":
		return "good"
	}
	return "accent"
}

// axis names as many buckets as there is room for.
func axis(s *svg, list []bucket, step, y float64) {
	const room = 92
	every := max(1, int(room/step)+1)
	for j := 0; j < len(list); j += every {
		if x := plotLeft + float64(j)*step; x+room*0.8 <= plotWidth {
			s.text("label soft", x, y, list[j].name)
		}
	}
}

// strip draws when the log was silent.
func strip(r *facts.Report) template.HTML {
	p, c := r.Period, &r.Continuity
	to := p.To
	if r.Made.Before(to) {
		to = r.Made
	}
	all := to.Sub(p.From)
	if all <= 0 {
		return ""
	}
	var s svg
	s.open(plotWidth, 66, "strip", "When the log was written", fmt.Sprintf(
		"A strip from %s to %s. Dark where entries follow one another within %s, light where the log was silent for longer. The silences are in the table below.",
		p.From.Format(time.DateOnly), to.Format(time.DateOnly), took(&c.Bound)))
	at := func(t time.Time) float64 { return 2 + float64(t.Sub(p.From))/float64(all)*(plotWidth-4) }
	s.rect("bar good", 2, 6, plotWidth-4, 26, "")
	for _, q := range c.Listed {
		class := "silent"
		if q.Why != "stopped" {
			class = "silent marked"
		}
		w := max(1.5, at(q.To)-at(q.From))
		s.rect(class, min(at(q.From), plotWidth-2-w), 6, w, 26, fmt.Sprintf("%s: %s", took(&q.Seconds), silences[q.Why]))
	}
	for _, g := range c.Gaps {
		s.line("gap", at(g.At), 2, at(g.At), 38)
	}
	s.text("label soft", 2, 56, p.From.Format("2006-01-02 15:04"))
	s.text("label soft end", plotWidth-2, 56, to.Format("2006-01-02 15:04"))
	return s.end()
}

type barRow struct {
	Name     string
	N        int64
	Findings int64
	Bar      template.HTML
}

type barTable struct {
	Caption, Head string
	Rows          []barRow
}

// bars are the highest counts, with the rest as one.
func bars(counts []facts.Count, top int) []barRow {
	var rows []barRow
	rest := barRow{}
	most := int64(1)
	for i, c := range counts {
		if i < top {
			rows = append(rows, barRow{Name: cmp.Or(screen.Plain(c.Name, false), "(none)"), N: c.Events, Findings: c.Findings})
			most = max(most, c.Events)
			continue
		}
		rest.Name = fmt.Sprintf("(%d more)", i+1-top)
		rest.N += c.Events
		rest.Findings += c.Findings
	}
	if rest.Name != "" {
		rows = append(rows, rest)
		most = max(most, rest.N)
	}
	for i := range rows {
		rows[i].Bar = bar(rows[i].N, most)
	}
	return rows
}

func bar(n, most int64) template.HTML {
	var s svg
	s.WriteString(`<svg class="inline" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">`)
	if n > 0 {
		s.rect("bar accent", 0, 1, max(1, float64(n)/float64(most)*200), 10, "")
	}
	return s.end()
}

// The classes of the histogram of times, each up to a bound.
var waitClasses = []struct {
	name  string
	below int64
}{
	{"under a minute", 60},
	{"1 to 5 minutes", 300},
	{"5 to 15 minutes", 900},
	{"15 to 60 minutes", 3600},
	{"1 to 4 hours", 4 * 3600},
	{"4 to 24 hours", 86400},
	{"1 to 3 days", 3 * 86400},
	{"3 days and more", 1 << 62},
}

// waits counts decisions by how long they took; those by expiry are left out.
func waits(list []facts.Decision) []barRow {
	rows := make([]barRow, len(waitClasses))
	var most int64 = 1
	for i, c := range waitClasses {
		rows[i].Name = c.name
	}
	for _, d := range list {
		if d.Seconds == nil || d.Kind == "expired" {
			continue
		}
		i := slices.IndexFunc(waitClasses, func(c struct {
			name  string
			below int64
		},
		) bool {
			return *d.Seconds < c.below
		})
		rows[i].N++
		most = max(most, rows[i].N)
	}
	for i := range rows {
		rows[i].Bar = bar(rows[i].N, most)
	}
	return rows
}

type dayRow struct {
	Name string
	N    []int64
}

// dayTable is what daily draws, as numbers; days without any are left out.
func dayTable(p facts.Period, kinds map[string]facts.Count) struct {
	Kinds []string
	Rows  []dayRow
} {
	var t struct {
		Kinds []string
		Rows  []dayRow
	}
	for _, k := range drawn {
		if _, ok := kinds[k]; ok {
			t.Kinds = append(t.Kinds, k)
		}
	}
	list, _ := buckets(p)
	for _, b := range list {
		row := dayRow{Name: b.name}
		var sum int64
		for _, k := range t.Kinds {
			n := b.sum(kinds[k])
			row.N = append(row.N, n)
			sum += n
		}
		if sum > 0 {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

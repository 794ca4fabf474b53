package main

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

// linesShown is how many occurrences of a dialect are shown.
const linesShown = 4

// screen is where the demo prints.
type screen struct {
	width  int
	colour bool
}

// The colours of a secret and of a mask.
const (
	red   = "\x1b[31;1m"
	green = "\x1b[32;1m"
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

func (s screen) paint(colour, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return colour + text + reset
}

// sample is an occurrence in its surroundings, before or after.
type sample struct{ left, middle, right string }

// show prints a dialect: a title, and per occurrence its place and two columns.
func (s screen) show(out io.Writer, d dialect, c shipment, transport string, written []byte) error {
	before, err := corpus.Texts(c.Payload)
	if err != nil {
		return err
	}
	after, err := corpus.Texts(written)
	if err != nil {
		return err
	}
	item := map[string]string{"traces": "span", "logs": "log record"}[c.Signal]
	title := fmt.Sprintf("%s: %s over %s", d.name, count(c.items, item), transport)
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, s.fit(title, s.width)))
	column := max(20, (s.width-5)/2)
	fmt.Fprintf(out, "  %s\n", s.paint(faint, pad("came in", column)+" │ written out"))
	for _, row := range pick(c.Rows) {
		where := row.Place
		if row.Key != "" && !strings.HasSuffix(row.Place, "_key") {
			where += " " + row.Key
		}
		fmt.Fprintf(out, "%s\n", s.paint(faint, s.fit(where+" ("+row.Form+")", s.width)))
		a, b := compared(row, before[row.Path], after[row.Path])
		a.left, a.right = c.shortened(a.left), c.shortened(a.right)
		fmt.Fprintf(out, "  %s │ %s\n", s.column(a, red, column), strings.TrimRight(s.column(b, green, column), " "))
	}
	return nil
}

// count writes a number and what it counts.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shortened shortens all secrets in a text.
func (c shipment) shortened(s string) string {
	rows := slices.Clone(c.Rows)
	slices.SortFunc(rows, func(a, b corpus.Row) int { return cmp.Compare(len(b.Reveal()), len(a.Reveal())) })
	for _, row := range rows {
		s = strings.ReplaceAll(s, row.Reveal(), shorten(row.Reveal()))
	}
	return s
}

// pick chooses occurrences that differ: of other secrets, in other places, in other forms.
func pick(rows []corpus.Row) []corpus.Row {
	rows = slices.Clone(rows)
	seen := map[string]int{}
	var out []corpus.Row
	for len(out) < linesShown && len(rows) > 0 {
		score := func(r corpus.Row) int { return 4*seen[r.Secret] + 2*seen[r.Place+r.Key] + seen[r.Form] }
		best := slices.MinFunc(rows, func(a, b corpus.Row) int { return cmp.Compare(score(a), score(b)) })
		out = append(out, best)
		for _, k := range []string{best.Secret, best.Place + best.Key, best.Form} {
			seen[k]++
		}
		rows = slices.DeleteFunc(rows, func(r corpus.Row) bool { return r == best })
	}
	return out
}

var maskRE = regexp.MustCompile(`\[MASKED:[^\[\]]*\]`)

// compared cuts the secret out of the text before, and what stands there now
// out of the text after: the first mask after what both texts begin with.
func compared(row corpus.Row, before, after string) (a, b sample) {
	raw := row.Reveal()
	i := max(0, strings.Index(before, raw))
	a = sample{before[:i], raw, before[i+len(raw):]}
	// Masks before this one move the place: what stands right before the secret leads to it.
	at := 0
	for _, m := range maskRE.FindAllStringIndex(after, -1) {
		if b.middle == "" || common(after[:m[0]], a.left) > common(after[:at], a.left) {
			at = m[0]
			b = sample{after[:m[0]], after[m[0]:m[1]], after[m[1]:]}
		}
	}
	if b.middle == "" {
		b.left = after
	}
	return a, b
}

// common is the length of the ending that two texts share.
func common(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// column fits a sample to a width: the middle, and as much of both sides as there is room for.
func (s screen) column(x sample, colour string, width int) string {
	left, middle, right := oneLine(x.left), oneLine(x.middle), oneLine(x.right)
	if colour == red {
		middle = shorten(middle)
	}
	middle = s.fit(middle, width)
	room := width - columns(middle)
	keep := min(columns(left), max(room*2/3, room-columns(right)))
	if columns(left) > keep {
		left = tail(left, keep)
	}
	right = s.fit(right, room-columns(left))
	fill := strings.Repeat(" ", max(0, width-columns(left)-columns(middle)-columns(right)))
	return left + s.paint(colour, middle) + right + fill
}

// shorten shows enough of a secret to recognise it, and too little to be taken for one.
func shorten(secret string) string {
	r := []rune(secret)
	if len(r) <= 8 {
		return secret
	}
	head := min(12, len(r)/2)
	return string(r[:head]) + "…" + string(r[len(r)-3:])
}

// oneLine makes control characters visible.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r < 0x20 || r == 0x7f || r == 0xfeff || r == 0xfffd:
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
}

// fit cuts a text at the right.
func (s screen) fit(text string, width int) string {
	if columns(text) <= width {
		return text
	}
	n := 0
	for i, r := range text {
		if n += wide(r); n > width-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// tail cuts a text at the left.
func tail(text string, width int) string {
	r := []rune(text)
	n := 1 // the ellipsis
	for i := len(r) - 1; i >= 0; i-- {
		if n += wide(r[i]); n > width {
			return "…" + string(r[i+1:])
		}
	}
	return text
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-columns(s))) }

func columns(s string) (n int) {
	for _, r := range s {
		n += wide(r)
	}
	return n
}

// wide is how many columns a rune takes: two for East Asian scripts and emoji.
func wide(r rune) int {
	if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff ||
		r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff) {
		return 2
	}
	return 1
}

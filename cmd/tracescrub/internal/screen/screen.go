// Package screen fits foreign text onto a terminal: it makes characters that
// steer the terminal or hide others visible, knows how wide text is, and lays
// out tables.
package screen

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Plain replaces every character that could move the cursor, change the
// direction of reading or not be seen at all by its code, such as \u202e, and
// bytes that are no UTF-8, some of which steer old terminals, by U+FFFD. With
// lines, newlines and tabs stay.
func Plain(s string, lines bool) string {
	s = strings.ToValidUTF8(s, string(unicode.ReplacementChar))
	keep := func(r rune) bool { return !hidden(r) || lines && (r == '\n' || r == '\t') }
	if !strings.ContainsFunc(s, func(r rune) bool { return !keep(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if keep(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(Escape(r))
		}
	}
	return b.String()
}

// Escape writes a character as JSON does.
func Escape(r rune) string {
	if r > 0xffff {
		r -= 0x10000
		return fmt.Sprintf(`\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// JSON escapes, in the text of a JSON document, what Plain replaces. It means
// the same afterwards.
func JSON(doc []byte) []byte { return []byte(Plain(string(doc), true)) }

// hidden says whether a character is not simply seen where it stands.
func hidden(r rune) bool {
	switch {
	case r == ' ':
		return false
	case r == unicode.ReplacementChar:
		return false
	case r >= 0xfe00 && r <= 0xfe0f: // the look of the character before
		return false
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return !unicode.IsPrint(r)
}

// Width is the number of columns that a text takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r == 0x200d {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut shortens a text to so many columns; the last one says that it did.
func Cut(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		if used += columns(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// Column is a column of a table.
type Column struct {
	Name string
	// Least is what it may be cut to where there is little room; 0: not at all.
	Least int
	// Paint changes a cell for the eye, after it got its width. nil: it stays.
	Paint func(cell string) string
}

// Table writes rows below their names, each cut to width, 0 for no bound.
// Cells must be Plain.
func Table(w io.Writer, width int, columns []Column, rows [][]string) error {
	wide := make([]int, len(columns))
	for i, c := range columns {
		wide[i] = Width(c.Name)
		for _, row := range rows {
			wide[i] = max(wide[i], Width(row[i]))
		}
	}
	if width > 0 {
		shrink(wide, columns, width-2*(len(columns)-1))
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	for n, row := range append([][]string{names}, rows...) {
		var line strings.Builder
		used := 0
		for i, c := range columns {
			cell := Cut(row[i], wide[i])
			if width > 0 {
				cell = Cut(cell, width-used)
			}
			pad := wide[i] - Width(cell) + 2
			used += Width(cell) + pad
			if i == len(columns)-1 {
				pad = 0
			}
			if n > 0 && c.Paint != nil {
				cell = c.Paint(cell)
			}
			line.WriteString(cell)
			if width > 0 && used >= width {
				break
			}
			line.WriteString(strings.Repeat(" ", pad))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// shrink takes columns away, one at a time from the widest that may give one,
// until the table fits or none can.
func shrink(wide []int, columns []Column, room int) {
	total := 0
	for _, w := range wide {
		total += w
	}
	for ; total > room; total-- {
		most := -1
		for i, c := range columns {
			if c.Least > 0 && wide[i] > c.Least && (most < 0 || wide[i]-c.Least > wide[most]-columns[most].Least) {
				most = i
			}
		}
		if most < 0 {
			return
		}
		wide[most]--
	}
}

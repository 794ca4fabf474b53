package rules

import "bytes"

const (
	maxRows = 1000 // of a table
	maxLine = 4096 // bytes of its lines
	// maxHeader is the longest line of headers without rules.
	maxHeader = 512
)

// column adds the values of a table's column whose header is the name number n
// at offset start: rows of cells between pipes under a ruled header, as
// psql, mysql and Markdown print them.
func (s *scanner) column(n int, text []byte, start int) {
	from := s.budget.line.beginOf(text, start)
	line, next := tableLine(text, from)
	index := bytes.Count(text[from:start], []byte("|"))
	rule, at := tableLine(text, next)
	if next >= len(text) || !isRule(rule) || index == 0 && bytes.IndexByte(line, '|') < 0 {
		return
	}
	for range maxRows {
		row, after := tableLine(text, at)
		if len(row) == 0 || bytes.IndexByte(row, '|') < 0 {
			return
		}
		s.work += len(row)
		if a, b := tableCell(row, index); b > a {
			v := value{start: at + a, end: at + b, quoted: true, limit: maxValue}
			if cell := row[a:b]; len(cell) >= minSpoken && strong(cell) {
				s.value(n, text, v)
			}
		}
		if at = after; at >= len(text) {
			return
		}
	}
}

// tableLine returns the line that begins at offset at, without its end, and
// where the next one begins.
func tableLine(text []byte, at int) (line []byte, next int) {
	rest := text[at:min(len(text), at+maxLine)]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		return rest[:i], at + i + 1
	}
	return rest, at + len(rest)
}

// isRule says that a line rules off a header: ----+-----, |---|:--|, +----+.
func isRule(line []byte) bool {
	dashes := 0
	for _, c := range line {
		if !ruling[c] {
			return false
		}
		if c == '-' || c == '=' {
			dashes++
		}
	}
	return dashes >= 3
}

// ruling are the bytes of such a line.
var ruling = func() (t [256]bool) {
	for _, c := range "-=+|: \t\r" {
		t[c] = true
	}
	return t
}()

// tableCell returns the range of a row's cell number index, trimmed.
func tableCell(row []byte, index int) (from, to int) {
	for ; index > 0; index-- {
		i := bytes.IndexByte(row[from:], '|')
		if i < 0 {
			return 0, 0
		}
		from += i + 1
	}
	to = len(row)
	if i := bytes.IndexByte(row[from:], '|'); i >= 0 {
		to = from + i
	}
	for from < to && (isSpace(row[from]) || row[from] == '`') {
		from++
	}
	for to > from && (isSpace(row[to-1]) || row[to-1] == '`') {
		to--
	}
	return from, to
}

// isHeader says that the name text[start:end] is a column of a table without
// rules, as kubectl prints them: words in upper case between wide gaps, and
// nothing else on the line.
func (s *scanner) isHeader(text []byte, start, end int) bool {
	left := start == 0 || text[start-1] == '\n' || start > 1 && text[start-1] == ' ' && text[start-2] == ' '
	right := end+1 < len(text) && text[end] == ' ' && text[end+1] == ' ' || end < len(text) && (text[end] == '\n' || text[end] == '\r')
	if !left || !right {
		return false
	}
	from := s.budget.line.beginOf(text, start)
	if start-from > maxHeader {
		return false
	}
	if m := &s.budget.header; !m.known || m.from != from {
		m.known, m.from, m.is = true, from, headers(text, from)
	}
	return s.budget.header.is
}

// headers says that the line that begins at from is the header of such a table.
func headers(text []byte, from int) bool {
	columns, gap := 0, 2 // the line begins as if behind a gap
	for i := from; i < len(text) && text[i] != '\n' && text[i] != '\r'; i++ {
		if i-from > maxHeader {
			return false
		}
		switch c := text[i]; {
		case c == ' ':
			gap++
			continue
		case c-'A' < 26 || c == '_' || c == '-' || c == '(' || c == ')':
		default:
			return false
		}
		if gap > 1 {
			columns++
		}
		gap = 0
	}
	return columns > 1
}

// aligned adds the values that stand right under the name number n at
// text[start:], in the lines that follow. It returns where the table ends.
func (s *scanner) aligned(n int, text []byte, start int) int {
	from := s.budget.line.beginOf(text, start)
	_, at := tableLine(text, from)
	for range maxRows {
		row, next := tableLine(text, at)
		offset := start - from
		if at >= len(text) || len(row) <= offset || offset > 0 && row[offset-1] != ' ' {
			return at
		}
		s.work += len(row)
		end := offset
		for end < len(row) && !isSpace(row[end]) {
			end++
		}
		if cell := row[offset:end]; len(cell) >= minSpoken && strong(cell) && !technical(cell) {
			s.value(n, text, value{start: at + offset, end: at + end, quoted: true, limit: maxValue})
		}
		at = next
	}
	return at
}

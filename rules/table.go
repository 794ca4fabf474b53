package rules

import "bytes"

const (
	maxRows = 1000 // of a table
	maxLine = 4096 // bytes of its lines
)

// column adds the values of a table's column whose header is the name number n
// at offset start: rows of cells between pipes under a ruled header, as
// psql, mysql and Markdown print them.
func (s *scanner) column(n int, text []byte, start int) {
	from := bytes.LastIndexByte(text[max(0, start-maxLine):start], '\n') + 1 + max(0, start-maxLine)
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
		switch c {
		case '-', '=':
			dashes++
		case '+', '|', ':', ' ', '\t', '\r':
		default:
			return false
		}
	}
	return dashes >= 3
}

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

package rules

import (
	"bytes"

	"github.com/tracescrub/tracescrub/rules/decode"
)

// maxValue is the longest value of an assignment in bytes. Where values overlap
// so much that they are longer together than the text and valuesFloor, as only a
// hostile text's are, maxValueTired is that of a value that begins inside
// another, and without quotes it ends where the next one begins.
const (
	maxValue      = 8192
	maxValueTired = 256
	valuesFloor   = 1000
)

// value is the right side of an assignment.
type value struct {
	start, end int
	quoted     bool // stands in quotes
	tight      bool // NAME=value without spaces, as in shells and .env files
	line       bool // the name begins its line, or is a flag
	user       bool // the name is the user of a URL
	pairs      bool // one of several pairs between semicolons: a connection string
	limit      int  // its greatest length
	cut        bool // it ends before a second assignment
	digits     bool // nothing but digits, in a sentence
	escapes    int  // how many times its backslash escapes have to be taken off
}

// assignment looks at the name of a credential of which length bytes stand at
// offset pos of text, and at the value that is assigned to it, in
// whatever syntax: JSON at any escape level, env files, YAML, headers,
// command line flags, query strings, code. It returns the offset up to which
// names are settled.
func (s *scanner) assignment(text []byte, pos, length int) (done int) {
	if length < minMemo && !beginsWord(text, pos) {
		return pos // names as short as that are none at the end of other words
	}
	start, end := identifier(text, pos, length)
	s.named++
	s.work += end - start
	if !s.thorough && s.inPassing(text, start, end) {
		s.values += end - start
		return end
	}
	n := s.nameAt(text[start:end])
	if n < 0 {
		s.rejectName(start, end, whyName)
		return end
	}
	v := value{limit: maxValue}
	if start < s.budget.valued && s.values > len(text)+valuesFloor {
		v.limit, v.cut = maxValueTired, true
	}
	v, ok := assigned(text, start, end, v)
	s.values += max(end, v.end) - start
	s.budget.valued = max(s.budget.valued, v.end)
	s.work += max(end, v.end) - start
	if !ok {
		v, ok = spoken(text, start, end)
		ok = ok && !bytes.Contains(text[v.start:v.end], maskOpen)
		column, header := endsLine(text, end), start >= s.tables && s.isHeader(text, start, end)
		if !ok && !column && !header && (end >= len(text) || text[end] != ' ') {
			s.rejectName(start, end, whyUnset)
			return end
		}
		if !ok && s.e.names[n].kind == numericValue {
			v, ok = codeBeside(text, end)
		}
		if column {
			s.column(n, text, start)
		}
		if header {
			s.tables = s.aligned(n, text, start)
			return end
		}
		if ok && (!v.digits || s.e.names[n].kind == numericValue) {
			s.value(n, text, v)
		} else {
			s.rejectName(start, end, whyUnset)
		}
		return end
	}
	s.slash = s.slash || bytes.IndexByte(text[v.start:v.end], '\\') >= 0
	s.value(n, text, v)
	return end
}

// inPassing says that nothing around the words text[start:end] gives them a value, as
// most names of credentials are only mentioned: whether they are one need not be known.
func (s *scanner) inPassing(text []byte, start, end int) bool {
	if end >= len(text) || text[start] == '-' || start > 0 && text[start-1] == '-' || leadsOn[text[end]] {
		return false
	}
	if text[end] == ' ' || text[end] == '\t' {
		i := skipBlanks(text, end)
		if i >= len(text) || leadsOn[text[i]] || isDigit(text[end+1]) {
			return false
		}
	}
	if endsLine(text, end) || s.isHeader(text, start, end) {
		return false
	}
	_, said := spoken(text, start, end)
	return !said
}

// leadsOn are the bytes that may begin what stands between a name and its value: quotes,
// encoded ones too, operators, and what can stand before those.
var leadsOn = func() (t [256]bool) {
	for _, c := range "\"'`\\&%[]?|" + string(operators) {
		t[c] = true
	}
	return t
}()

// beginsWord says that a word of an identifier begins at offset pos.
func beginsWord(text []byte, pos int) bool {
	return pos == 0 || !isWord(text[pos-1]) || text[pos-1] == '_' || wordBreak(text, pos) || leftBorder(text, pos)
}

// endsLine says that what stands at offset i may be the rest of a table's
// header: cells, then the end of the line and a line that may rule it off.
func endsLine(text []byte, i int) bool {
	for i < len(text) && text[i] == ' ' {
		i++
	}
	switch {
	case i+1 >= len(text):
		return i < len(text) && text[i] == '|'
	case text[i] == '\r' && text[i+1] == '\n':
		i++
	}
	return text[i] == '|' || text[i] == '\r' || text[i] == '\n' && i+1 < len(text) && ruling[text[i+1]]
}

// value adds the findings in a value that stands under name number n.
func (s *scanner) value(n int, text []byte, v value) {
	nm := &s.e.names[n]
	if nm.kind == cookieValue {
		if !v.quoted {
			v.end = lineEnd(text, v.start, v.limit)
			s.values += v.end - v.start
			s.work += v.end - v.start
		}
		s.cookies(n, text, v)
		return
	}
	if v.quoted {
		v.start = skipScheme(text, v.start, v.end)
	} else if at := skipScheme(text, v.start, min(len(text), v.end+8)); at > v.start {
		v.start, v.end = at, bareEnd(text, at, v)
	}
	if mask := s.e.maskLen(text[v.start:]); v.start >= v.end || mask > 0 && v.start+mask >= v.end {
		s.rejectValue(n, text, v)
		return
	}
	if v.cut && (v.end-v.start < minSpoken || !hasDigit(text[v.start:v.end])) {
		s.rejectValue(n, text, v)
		return
	}
	if s.hasForm(text, v) {
		return
	}
	secret := text[v.start:v.end]
	if s.e.inMask(text, v.start, v.end) || s.e.masked(secret) || !s.accepted(nm, text, v) {
		// A second assignment may hang on to the first: KEY=value=more.
		if i := bytes.IndexByte(secret, '='); i >= nm.min && i+1 < len(secret) && nm.kind != cookieValue && !s.e.masked(secret) {
			v.end = v.start + i
			s.value(n, text, v)
			return
		}
		s.rejectValue(n, text, v)
		return
	}
	f := s.e.byName(n, v.start, v.end)
	if docExample(secret) {
		f.Evidence |= DocExample
	}
	s.addMatch(f, text, f.Start, f.End, v.escapes)
}

// accepted says that v can be the value of n, as it is written or as what its
// escapes stand for: an escaped password has signs that it does not have.
func (s *scanner) accepted(n *name, text []byte, v value) bool {
	at, secret := about(text, v), text[v.start:v.end]
	if s.e.accepts(n, secret, at) {
		return true
	}
	plain := s.unescaped(secret, v.escapes)
	return len(plain) < len(secret) && s.e.accepts(n, plain, at)
}

// literal returns the bytes that identify what a string literal stands for,
// after so many levels of escapes.
func (s *scanner) literal(secret []byte, escapes int) []byte {
	return s.canonical(s.unescaped(secret, escapes))
}

// unescaped takes levels of backslash escapes off.
func (s *scanner) unescaped(secret []byte, escapes int) []byte {
	for ; escapes > 0 && bytes.IndexByte(secret, '\\') >= 0; escapes-- {
		out, _ := decode.Unescape(s.spare[:0], secret, &s.smap)
		s.spare, s.scratch = s.scratch, out
		secret = out
	}
	return secret
}

// whole treats a text as the value of name number n.
func (s *scanner) whole(n int, text []byte) {
	v := value{end: len(text), quoted: true, limit: maxValue}
	s.budget.pairs = 0
	for v.start < v.end && isSpace(text[v.start]) {
		v.start++
	}
	for v.end > v.start && isSpace(text[v.end-1]) {
		v.end--
	}
	if v.end-v.start <= maxValue && !s.e.maskedAndMore(text[v.start:v.end]) {
		s.value(n, text, v)
	}
}

// isCommand says that a text under this key is a command line or part of one.
func isCommand(key []byte) bool {
	return len(key) >= 3 && len(key) <= maxKey && (indexFold(key, "command") >= 0 || indexFold(key, "cmd") >= 0 || indexFold(key, "args") >= 0)
}

// shortFlag looks for the password in -pX, as the clients of MySQL and others
// take it: a word of a command line that is too strong for anything else.
func (s *scanner) shortFlag(text []byte) {
	n := s.nameOf([]byte("password"))
	for at := 0; n >= 0 && at < len(text); {
		i := bytes.Index(text[at:], []byte("-p"))
		if i < 0 {
			return
		}
		from := at + i + 2
		end := from
		for end < len(text) && !isSpace(text[end]) && text[end] != '"' && text[end] != '\'' && text[end] != '\\' {
			end++
		}
		if b := text[from:end]; len(b) >= minBeside && (from == 2 || isSpace(text[from-3])) && veryStrong(b) && !technical(b) {
			s.value(n, text, value{start: from, end: end, quoted: true, limit: maxValue})
		}
		at = end
	}
}

// schemes are the words that stand before a credential in Authorization and
// similar headers (RFC 9110, section 11).
var schemes = newPrefixes("bearer", "basic", "token", "bot", "apikey", "api-key", "key", "ssws", "geniekey", "digest", "negotiate", "splunk", "sso-key", "oauth")

// skipScheme skips such a word.
func skipScheme(text []byte, start, end int) int {
	if !schemes.may(text[start:end]) {
		return start
	}
	for _, w := range schemes.words {
		if !hasPrefixFold(text[start:end], w) {
			continue
		}
		i := start + len(w)
		for i < end && text[i] == ' ' {
			i++
		}
		if i == start+len(w) && hasPrefixFold(text[i:end], "%20") {
			i += len("%20")
		}
		if i > start+len(w) {
			return i
		}
	}
	return start
}

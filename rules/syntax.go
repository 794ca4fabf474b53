package rules

import (
	"bytes"
	"math/bits"
)

// This file reads assignments in whatever syntax: where a name ends, which
// operator stands behind it, and where its value begins and ends.

// identifier returns the range of the name that holds text[pos:pos+length]:
// letters, digits, "_", "-" and "." to both sides.
func identifier(text []byte, pos, length int) (start, end int) {
	start = pos
	for start > 0 && pos-start < maxKey && isName(text[start-1]) && !(isWord(text[start-1]) && leftBorder(text, start)) {
		start--
	}
	end = pos + length
	for end < len(text) && end-pos < maxKey && isName(text[end]) {
		end++
	}
	for end > pos+length && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	return start, end
}

func isName(c byte) bool { return isWord(c) || c == '-' || c == '.' }

func hasPrefixFold(text []byte, lower string) bool {
	if len(text) < len(lower) {
		return false
	}
	for i, c := range text[:len(lower)] {
		if toLower(c) != lower[i] {
			return false
		}
	}
	return true
}

// operators are what can stand between a name in no quotes and its value.
var operators = []byte("=:>{(,")

// skipBlanks skips some blanks.
func skipBlanks(text []byte, i int) int {
	for at := i; i < len(text) && i-at < 24 && (text[i] == ' ' || text[i] == '\t'); {
		i++
	}
	return i
}

// assigned finds the value that is assigned to the name text[start:end].
func assigned(text []byte, start, end int, v value) (_ value, ok bool) {
	i, quote := closingQuote(text, end)
	for i < len(text) && (text[i] == ']' || text[i] == '[' && i+1 < len(text) && text[i+1] == ']') { // os.environ["X"], NAME[]
		i++
	}
	at := i
	i = skipBlanks(text, i)
	spaced := i > at
	if i >= len(text) {
		return v, false
	}
	if n := conditional(text[i:]); n > 0 {
		i += n
	}
	if quote == 0 && bytes.IndexByte(operators, text[i]) < 0 && text[start] != '-' && (start == 0 || text[start-1] != '-') {
		return v, false // prose
	}
	v.line = lineStart(text, start)
	v.user = start > 2 && string(text[start-3:start]) == "://"
	v.pairs = start > 0 && text[start-1] == ';'
	switch c := text[i]; {
	case c == '=' || c == ':':
		i, ok = operator(text, i)
		if !ok || c == ':' && quote == 0 && start > 0 && text[start-1] == ':' { // arn:...:secret:name
			return v, false
		}
		if c == ':' && v.line && (text[i] == '\n' || text[i] == '\r' || text[i] == '|' || text[i] == '>') {
			return nextLine(text, i, v)
		}
		i = skipType(text, i, c)
		v.tight = c == '=' && !spaced && text[i-1] == '='
		v.line = v.line || text[start] == '-' || start > 0 && text[start-1] == '-'
	case c == ',' && quote > 0: // ("authorization", "Bearer X")
		i++
		at := i
		for i < len(text) && i-at < 8 && isSpace(text[i]) {
			i++
		}
		if _, _, q := openingQuote(text, i); q == 0 {
			return v, false
		}
	case c == '>' && (quote > 0 || start > 0 && text[start-1] == '<'): // <password>X</password>, <entry key="password">X</entry>
		return until(text, i+1, '<', v)
	case quote > 0 && spaced && hasPrefixFold(text[i:], "value="): // name="password" value="X"
		i += len("value=")
	case c == '{' && spaced: // variable "db_password" { default = "X" }, Password { get; set; } = "X"
		if i, ok = behindBlock(text, i, quote > 0); !ok {
			return v, false
		}
	case c == '(' && !spaced && !reads(text[start:end]): // setPassword("X")
		i++
		if _, _, q := openingQuote(text, i); q == 0 {
			return v, false
		}
	case spaced && quote == 0 && start > 1 && text[start-1] == '-' || spaced && text[start] == '-' && quote == 0: // --password X
	default:
		return v, false
	}
	return readValue(text, i, v)
}

// nextLine reads the YAML value that stands alone, indented, on the line behind
// its key: plain or as a block scalar.
func nextLine(text []byte, i int, v value) (_ value, ok bool) {
	for i < len(text) && (text[i] == '|' || text[i] == '>' || text[i] == '-' || text[i] == '+' || text[i] == '\r') {
		i++
	}
	if i >= len(text) || text[i] != '\n' {
		return v, false
	}
	v.start = i + 1
	for v.start < len(text) && text[v.start] == ' ' {
		v.start++
	}
	v.end = v.start
	for v.end < len(text) && v.end-v.start <= v.limit && !isSpace(text[v.end]) {
		v.end++
	}
	b := text[v.start:v.end]
	if v.start == i+1 || len(b) < minSpoken || b[len(b)-1] == ':' || b[0] == '-' || v.end < len(text) && text[v.end] != '\n' && text[v.end] != '\r' {
		return v, false
	}
	v.quoted = true
	return v, strong(b)
}

func until(text []byte, from int, stop byte, v value) (_ value, ok bool) {
	n := bytes.IndexByte(text[from:min(len(text), from+v.limit)], stop)
	v.start, v.end, v.quoted = from, from+n, true
	return v, n > 0
}

// lineStart says that the name at offset start begins its line, but for
// spaces, "export", "set" and the like.
func lineStart(text []byte, start int) bool {
	i := start
	for i > 0 && (text[i-1] == ' ' || text[i-1] == '\t') {
		i--
	}
	if i == 0 || text[i-1] == '\n' || text[i-1] == '\r' {
		return true
	}
	if i >= 2 && text[i-2] == '\\' && (text[i-1] == 'n' || text[i-1] == 'r') {
		return true
	}
	for _, w := range []string{"export", "set", "ENV", "env", "ARG", "setx", "local", "declare"} {
		if i >= len(w) && i < start && string(text[i-len(w):i]) == w {
			return lineStart(text, i-len(w))
		}
	}
	return false
}

// conditional returns the length of what makes an assignment conditional: ||=, ??=, ?=.
func conditional(s []byte) int {
	n := 0
	for n < len(s) && n < 2 && (s[n] == '|' || s[n] == '?') {
		n++
	}
	if n > 0 && n+1 < len(s) && s[n] == '=' && s[n+1] != '=' {
		return n
	}
	return 0
}

// operator skips an assignment operator and the spaces behind it.
func operator(text []byte, i int) (int, bool) {
	c := text[i]
	i++
	if i < len(text) {
		switch {
		case c == ':' && text[i] == '=', c == '=' && text[i] == '>':
			i++
		case c == ':' && (text[i] == ':' || text[i] == '/'), c == '=' && text[i] == '=', c == '=' && text[i] == '~':
			return i, false
		}
	}
	for k := 0; i < len(text) && k < 40 && (text[i] == ' ' || text[i] == '\t'); k++ {
		i++
	}
	return i, i < len(text)
}

// skipType skips the type in "password: str = ..." and stands at the value.
func skipType(text []byte, i int, op byte) int {
	k := i
	for k < len(text) && k-i < 32 && (isWord(text[k]) || text[k] == '.' || text[k] == '&' || text[k] == '\'' && k > i || text[k] == '[' || text[k] == ']' || text[k] == '|') {
		k++
	}
	at := k
	for k < len(text) && k-at < 4 && text[k] == ' ' {
		k++
	}
	if op != ':' || at == i || k == at || k >= len(text) || text[k] != '=' {
		return i
	}
	if next, ok := operator(text, k); ok {
		return next
	}
	return i
}

// lineEnd returns where the line ends that offset from is in, escaped line ends
// included, or where the longest value would.
func lineEnd(text []byte, from, limit int) int {
	i := from
	for ; i < len(text) && i-from < limit; i++ {
		switch c := text[i]; {
		case c == '\n' || c == '\r' || c == '"' || c == '\'':
			return i
		case c == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || text[i+1] == '"'):
			return i
		}
	}
	return i
}

// closingQuote skips the quote that may close a name: backslashes and one
// quote. quote is its length, 0 if there is none.
func closingQuote(text []byte, i int) (next, quote int) {
	_, next, quote = openingQuote(text, i)
	if quote == 0 {
		return i, 0
	}
	return next, quote
}

// entities are quotes as HTML and URLs write them.
var entities = []string{"&quot;", "&#34;", "&#39;", "%22", "%27"}

// openingQuote reads a quote at i: any number of backslashes and one of " ' `,
// or an entity. level is the number of backslashes, length 0 if it is no quote.
func openingQuote(text []byte, i int) (level, next, length int) {
	k := i
	for k < len(text) && text[k] == '\\' && k-i < 64 {
		k++
	}
	if k < len(text) && (text[k] == '"' || text[k] == '\'' || text[k] == '`') {
		return k - i, k + 1, k + 1 - i
	}
	if i < len(text) && (text[i] == '&' || text[i] == '%') {
		for _, e := range entities {
			if bytes.HasPrefix(text[i:], []byte(e)) {
				return 0, i + len(e), len(e)
			}
		}
	}
	return 0, i, 0
}

// literalPrefixes stand before the quote of a literal in Go, C# and C++.
var literalPrefixes = []string{"[]byte(", "@", "$@", "L"}

// readValue reads the value that begins at i.
func readValue(text []byte, i int, v value) (value, bool) {
	if i+1 < len(text) && (text[i] == 'b' || text[i] == 'r' || text[i] == 'f' || text[i] == 'u') {
		if _, _, q := openingQuote(text, i+1); q > 0 && text[i+1] != '&' && text[i+1] != '%' {
			i++ // b"...", f'...'
		}
	}
	for _, p := range literalPrefixes {
		if bytes.HasPrefix(text[i:], []byte(p)) {
			if _, _, q := openingQuote(text, i+len(p)); q > 0 {
				i += len(p)
				break
			}
		}
	}
	level, next, q := openingQuote(text, i)
	if q > 0 {
		v.start, v.quoted, v.escapes = next, true, bits.Len(uint(level)+1)
		var ok bool
		if text[next-1] == ';' || text[i] == '%' {
			n := bytes.Index(text[next:min(len(text), next+v.limit)], text[i:next])
			v.end, ok = next+n, n >= 0
		} else {
			v.end, ok = quotedEnd(text, next, text[next-1], level, v.limit)
		}
		return v, ok && v.end > v.start && !isMember(text, v.end, q)
	}
	v.start = i
	v.end = bareEnd(text, i, v)
	return v, v.end > v.start
}

// isMember says that the quoted string whose closing quote of length bytes
// stands at end is the name of a member rather than a value: a colon follows.
func isMember(text []byte, end, length int) bool {
	i := end + length
	for i < len(text) && i-end < 16 && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i < len(text) && text[i] == ':'
}

// quotedEnd finds the quote that closes a string at a level of escaping: one
// with as many backslashes before it. A string that the text's end cuts off ends there.
func quotedEnd(text []byte, from int, quote byte, level, limit int) (end int, ok bool) {
	slashes := 0
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case i-from > limit:
			return 0, false
		case c == '\\':
			slashes++
			continue
		case c == quote && slashes <= level:
			return i - slashes, true
		case c == '\n' && level == 0 && quote != '`':
			return i, true
		}
		slashes = 0
	}
	return len(text), true
}

// bareEnd finds the end of a value without quotes.
func bareEnd(text []byte, from int, v value) int {
	if v.user {
		if n := bytes.IndexByte(text[from:min(len(text), from+v.limit)], '@'); n > 0 {
			return from + n
		}
	}
	shell := v.tight && v.line // NAME=value on a line of its own: all up to white space
	for i := from; i < len(text) && i-from <= v.limit; i++ {
		c := text[i]
		if v.cut && i > from && assignsAt(text, i) {
			return i
		}
		if isSpace(c) || c == '"' || c == '\'' || c == '`' || c == 0x1b || c < 0x20 {
			return i
		}
		if c == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || text[i+1] == 't' || text[i+1] == '"' || text[i+1] == '\'' || text[i+1] == '\\' || text[i+1] == 'u') {
			return i
		}
		if shell {
			if (c == '&' || c == ',' || c == ';') && assigns(text[i+1:]) {
				return i
			}
			continue
		}
		switch c {
		case '&', '<', '>', ')', ']', '}', '|', ',':
			if !v.pairs {
				return i
			}
		case ';':
			return i
		case '%':
			if bytes.HasPrefix(text[i:], []byte("%22")) || bytes.HasPrefix(text[i:], []byte("%26")) {
				return i
			}
		}
	}
	return min(len(text), from+v.limit)
}

// assigns says that text begins with one more assignment, name=.
func assigns(text []byte) bool {
	i := 0
	for i < len(text) && i < maxKey && (isName(text[i]) || i == 0 && text[i] == ' ') {
		i++
	}
	return i > 0 && i < len(text) && text[i] == '='
}

func isSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

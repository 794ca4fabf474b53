package decode

// minWrapped is how long a line is, in bytes, that may have been wrapped at a
// column.
const minWrapped = 38

// Join takes out what breaks a token in two: a line end at which text was
// wrapped (with the indentation, diff sign or line number of the next line), a
// backslash before a line end, and the concatenation of string literals. It
// joins only where token characters stand on both sides. It is a View.
func Join(dst, src []byte, m *Map) ([]byte, bool) {
	b := newBuilder(dst, src, m)
	line := 0 // where the line began
	for i := 1; i < len(src); i++ {
		if !beginsBreak[src[i]] {
			continue
		}
		n := 0
		if c := src[i]; c != '\n' && c != '\r' || i-line >= minWrapped {
			n = breakAt(src, i)
		}
		if n > 0 && i+n < len(src) && tokenByte(src[i+n]) {
			b.replace(i, n)
			i += n - 1
			line = i + 1
		} else if src[i] == '\n' {
			line = i + 1
		}
	}
	return b.finish()
}

// breakAt returns the length of what breaks a token at src[i], if that begins so.
func breakAt(src []byte, i int) (n int) {
	switch src[i] {
	case '\n', '\r':
		if tokenByte(src[i-1]) {
			n = lineBreak(src[i:])
		}
	case '\\':
		if i+1 < len(src) && (src[i+1] == '\n' || src[i+1] == '\r') && tokenByte(src[i-1]) {
			if n = lineBreak(src[i+1:]); n > 0 {
				n++
			}
		}
	case '"', '\'', '`':
		if tokenByte(src[i-1]) {
			n = concatenation(src[i:])
		}
	}
	return n
}

// beginsBreak are the bytes that breakAt asks for.
var beginsBreak = [256]bool{'\n': true, '\r': true, '\\': true, '"': true, '\'': true, '`': true}

// MayJoin says cheaply whether Join can take something out of src that begins
// at one of its first n bytes.
func MayJoin(src []byte, n int) bool {
	for i := 1; i < min(n, len(src)); i++ {
		if !beginsBreak[src[i]] {
			continue
		}
		if k := breakAt(src, i); k > 0 && (i+k >= len(src) || tokenByte(src[i+k])) {
			return true
		}
	}
	return false
}

// Continues returns how many bytes at the beginning of s say that a token which
// ends there goes on behind them: a concatenation of string literals or a
// backslash before a line end; 0 if it does not go on. A line end alone says nothing.
func Continues(s []byte) int {
	n := 0
	switch {
	case len(s) < 3:
	case s[0] == '\\' && (s[1] == '\n' || s[1] == '\r'):
		n = 1 + lineBreak(s[1:])
	case s[0] == '"' || s[0] == '\'' || s[0] == '`':
		n = concatenation(s)
	}
	if n == 0 || n >= len(s) || !tokenByte(s[n]) {
		return 0
	}
	return n
}

// tokenByte says that c can stand inside a token.
func tokenByte(c byte) bool { return runBytes[c] != 0 || c == '.' || c == '=' || c == '~' }

// lineBreak returns how many bytes the line end that s begins with and the
// prefix of the next line take.
func lineBreak(s []byte) int {
	i := 0
	for i < len(s) && (s[i] == '\r' || s[i] == '\n') && i < 2 {
		i++
	}
	i += spaces(s[i:])
	if i < len(s) && (s[i] == '+' || s[i] == '-' || s[i] == '>' || s[i] == '|') && i+1 < len(s) && (s[i] != '-' || s[i+1] == ' ') {
		i++
		i += spaces(s[i:])
	}
	if n := lineNumber(s[i:]); n > 0 {
		i += n
		if i < len(s) && s[i] == '+' {
			i++
		}
		i += spaces(s[i:])
	}
	return i
}

func spaces(s []byte) int {
	i := 0
	for i < len(s) && i < 80 && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// lineNumber returns the length of a line number and its separator: "41→", "41\t", "41: ", "41|".
func lineNumber(s []byte) int {
	i := 0
	for i < len(s) && i < 6 && s[i]-'0' < 10 {
		i++
	}
	if i == 0 || i >= len(s) {
		return 0
	}
	switch {
	case s[i] == '\t', s[i] == '|', s[i] == ':' && i+1 < len(s) && s[i+1] == ' ':
		return i + 1
	case len(s) > i+2 && s[i] == 0xe2 && s[i+1] == 0x86 && s[i+2] == 0x92: // →
		return i + 3
	}
	return 0
}

// concatenation returns the length of `" + "` and its like in other languages:
// the closing quote that s begins with, an operator, an opening quote of the same kind.
func concatenation(s []byte) int {
	i := 1
	for i < len(s) && i < 120 && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' || s[i] == '\\') {
		i++
	}
	line := i > 1 && hasLineEnd(s[1:i])
	if i < len(s) && (s[i] == '+' || s[i] == '.' || s[i] == '&') {
		i++
	} else if !line {
		return 0
	}
	for i < len(s) && i < 240 && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' || s[i] == '\\') {
		i++
	}
	if i < len(s) && s[i] == '+' { // diff prefix
		i++
		i += spaces(s[i:])
	}
	if i >= len(s) || s[i] != s[0] {
		return 0
	}
	return i + 1
}

func hasLineEnd(s []byte) bool {
	for _, c := range s {
		if c == '\n' {
			return true
		}
	}
	return false
}

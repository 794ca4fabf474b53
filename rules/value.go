package rules

import (
	"bytes"
	"math"

	"github.com/tracescrub/tracescrub/rules/classify"
	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// doubt is how far below the threshold a value has to be to be absurd:
// three units of log-odds, one in twenty at the default.
const doubt = 3 * 64

const (
	minToken        = 10  // bytes of a token that is known by its name alone
	minTokenEntropy = 2.7 // bits per byte of a cookie
)

// accepts says that secret can be the value of n in its place: the guards
// say what is certainly none, the classifier decides about the rest.
func (e *Engine) accepts(n *name, secret []byte, at classify.Context) bool {
	if len(secret) < n.min || placeholder(secret) || reference(secret) {
		return false
	}
	if stopWord(secret) || codeLike(secret) || prose(secret) {
		return false
	}
	// What stands behind a forged mask is judged by itself.
	if rest := bytes.TrimSpace(secret[e.maskLen(secret):]); len(rest) > 0 {
		secret = rest
	}
	switch n.kind {
	case passwordValue:
		if len(secret) >= minHexPassword && hexOrUUID(secret) {
			return true // under this name a digest is a password all the same
		}
		return !urlLike(secret) && e.likely(classify.Password, secret, at)
	case tokenValue:
		if !hasDigit(secret) && len(secret) < minRandom || !ascii(secret) {
			return false // a word, perhaps of another language
		}
		return len(secret) >= minToken && !urlLike(secret) && bytes.IndexByte(secret, ' ') < 0 && e.likely(classify.Token, secret, at)
	case numericValue:
		return n.numeric(secret) || hasDigit(secret) && len(secret) <= 16 && !urlLike(secret) && e.likely(classify.Password, secret, at)
	default:
		return e.likely(classify.Token, secret, at) || e.likely(classify.Password, secret, at)
	}
}

// minHexPassword is the length from which hexadecimal digits are no number.
const minHexPassword = 12

// hexOrUUID says that b is hexadecimal digits with both letters and digits, or a UUID.
func hexOrUUID(b []byte) bool {
	letters, digits := 0, 0
	for _, c := range b {
		switch {
		case isDigit(c):
			digits++
		case isHex(c):
			letters++
		case c != '-' || len(b) != 36:
			return false
		}
	}
	return letters > 0 && digits > 0
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// likely asks the classifier.
func (e *Engine) likely(q classify.Question, secret []byte, at classify.Context) bool {
	return e.model.Score(q, secret, at) >= e.threshold
}

// absurd says that what a pattern about the place of a secret has captured is
// plainly none: code, a state, or what the classifier is sure of. Such a
// pattern is strong evidence, so it takes more than a doubt.
func (e *Engine) absurd(text []byte, a, b int) bool {
	secret := text[a:b]
	if stopWord(bytes.TrimRight(secret, ",;)")) || codeLike(secret) {
		return true
	}
	at := about(text, value{start: a, end: b, quoted: a > 0 && (text[a-1] == '"' || text[a-1] == '\'')})
	if at.Op != '=' || at.Quoted {
		return false
	}
	at.Tight = text[a-1] == '='
	token, password := e.model.Scores(secret, at)
	return max(token, password) < e.threshold-doubt
}

// about is what the classifier is told about the place of v in text.
func about(text []byte, v value) classify.Context {
	at := classify.Context{Quoted: v.quoted, Tight: v.tight, Line: v.line, Op: ' ', Next: 0}
	i := v.start - 1
	for i >= 0 && v.start-i < 48 && (isSpace(text[i]) || text[i] == '"' || text[i] == '\'' || text[i] == '`' || text[i] == '\\') {
		i--
	}
	if i < 0 {
		at.Op = 0
	} else if c := text[i]; c == '=' || c == ':' || c == '>' || c == ',' {
		at.Op = c
	}
	i = v.end
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') && i-v.end < 48 {
		i++
	}
	if i == len(text) {
		return at
	}
	at.Next = text[i]
	switch rest := text[i:]; {
	case rest[0] == '\r' || i > v.end && rest[0] == '#' || bytes.HasPrefix(rest, []byte("//")) || bytes.HasPrefix(rest, []byte(`\n`)) || bytes.HasPrefix(rest, []byte(`\r`)):
		at.Next = '\n'
	case i > v.end && (isWord(rest[0]) || rest[0] == '"' || rest[0] == '-'):
		at.Next = ' '
	}
	return at
}

// numeric says that a number can be a value of n: a passcode or an all-digit password.
func (n *name) numeric(digits []byte) bool {
	if n.kind != numericValue && n.kind != passwordValue || len(digits) < max(4, n.min) || len(digits) > 12 {
		return false
	}
	return allDigits(digits)
}

// stopWords are values that are types, states or the names themselves.
var stopWords = map[string]bool{}

func init() {
	for _, w := range []string{
		"true", "false", "null", "nil", "none", "undefined", "nan", "yes", "no", "on", "off", "string", "str", "text", "bytes", "byte", "int", "integer",
		"number", "float", "bool", "boolean", "object", "array", "list", "dict", "map", "any", "required", "optional", "password", "passwd", "secret", "token",
		"pass", "key", "apikey", "api_key", "api-key", "username", "user", "email", "login", "auth", "credentials", "credential", "hidden", "masked", "set",
		"unset", "empty", "missing", "present", "invalid", "valid", "wrong", "incorrect", "expired", "changed", "reset", "default", "unknown", "ok", "enabled", "disabled",
		"bearer", "basic", "digest", "negotiate", "oauth", "oauth2", "jwt", "saml", "oidc", "internal", "external", "public", "private", "local", "access", "refresh",
		"readonly", "write", "read", "admin", "type", "value", "name", "id", "field", "header", "cookie", "query", "body", "input", "prompt", "and", "or", "is", "the", "a", "for", "to", "in", "of", "not", "was", "has", "are", "function", "func", "def", "class", "const", "let", "var", "import", "from", "error", "failed", "success", "authentication", "authorization", "session", "interactive", "secretstr", "optional[str]", "str|none", "char", "varchar", "uuid", "date", "n/a", "na", "tbd", "todo", "example",
	} {
		stopWords[w] = true
	}
}

// stopWord says that a value is such a word.
func stopWord(b []byte) bool {
	if len(b) > 16 {
		return false
	}
	var low [16]byte
	for i, c := range b {
		low[i] = toLower(c)
	}
	return stopWords[string(low[:len(b)])]
}

// prose says that a value is a sentence: several words of letters.
func prose(b []byte) bool {
	spaces, other := 0, uint8(0)
	for _, c := range b {
		kind := inProse[c]
		spaces += int(kind & 1)
		other |= kind
	}
	return spaces >= 3 || spaces >= 1 && other&2 == 0
}

// inProse is 1 for white space and 2 for what sentences do not have.
var inProse = func() (t [256]uint8) {
	for c := range 0x80 {
		if !isAlpha(byte(c)) && bytes.IndexByte([]byte(",.'-:/()\";?!"), byte(c)) < 0 {
			t[c] = 2
		}
	}
	t[' '], t['\n'], t['\t'] = 1, 1, 1
	return t
}()

func urlLike(b []byte) bool {
	return hasPrefixFold(b, "http://") || hasPrefixFold(b, "https://") || bytes.Contains(b[:min(len(b), 16)], []byte("://"))
}

// pathLike says that b is a path: begins like one and has plain segments.
func pathLike(b []byte) bool {
	if b[0] != '/' && b[0] != '~' && !bytes.HasPrefix(b, []byte("./")) && !bytes.HasPrefix(b, []byte("../")) {
		return false
	}
	return bytes.Count(b, []byte("/")) >= 2 && !mixedCase(b) || bytes.IndexByte(b, '.') > 0
}

func hasDigit(b []byte) bool {
	for _, c := range b {
		if isDigit(c) {
			return true
		}
	}
	return false
}

// minStrong is the length from which a word in prose may be a password.
const minStrong = 8

// strong says that a word is no word of a language: it has letters together
// with digits or signs.
func strong(b []byte) bool {
	letters, digits, signs := 0, 0, 0
	for _, c := range b {
		switch {
		case isAlpha(c):
			letters++
		case isDigit(c):
			digits++
		case c >= '!' && c <= '~' && c != '-' && c != '\'' && c != '.' && c != ',' && c != '/' && c != ':' && c != '(' && c != ')' && c != '_' && c != '=':
			signs++
		}
	}
	return letters > 0 && digits+signs > 0
}

func mixedCase(b []byte) bool {
	up, low := 0, 0
	for _, c := range b {
		if c-'A' < 26 {
			up++
		} else if c-'a' < 26 {
			low++
		}
	}
	return up >= 2 && low >= 2
}

// entropy returns the Shannon entropy of b in bits per byte.
func entropy(b []byte) float64 {
	var count [256]int32
	sum := 0.0 // of n*log2(n) over the counts
	for _, c := range b {
		if n := count[c]; int(n) < len(countLogs) {
			sum += countLogs[n]
		} else {
			sum += countLog(n)
		}
		count[c]++
	}
	size := float64(max(len(b), 1))
	return math.Log2(size) - sum/size
}

// countLog is what n*log2(n) grows by when n does by one.
func countLog(n int32) float64 {
	if n == 0 {
		return 0
	}
	a, b := float64(n), float64(n+1)
	return b*math.Log2(b) - a*math.Log2(a)
}

var countLogs = func() (t [64]float64) {
	for n := range t {
		t[n] = countLog(int32(n))
	}
	return t
}()

// docExample says that a secret is a test vector of public documentation.
func docExample(secret []byte) bool { return verify.DocExample(secret) }

// canonical returns the bytes that identify a secret however it was written:
// without percent encoding and, for keys in PEM form, line breaks.
func (s *scanner) canonical(secret []byte) []byte {
	if bytes.HasPrefix(secret, []byte("-----BEGIN")) {
		s.spare, _ = decode.Unescape(s.spare[:0], secret, &s.smap)
		out := s.spare[:0]
		for _, c := range s.spare {
			if isWord(c) || c == '+' || c == '/' || c == '=' {
				out = append(out, c)
			}
		}
		return out
	}
	if bytes.IndexByte(secret, '%') >= 0 {
		s.spare = unpercent(s.spare[:0], secret)
		return s.spare
	}
	return secret
}

// unpercent appends src to dst with %XX decoded (RFC 3986, section 2.1).
func unpercent(dst, src []byte) []byte {
	digit := func(c byte) byte {
		if isDigit(c) {
			return c - '0'
		}
		return (c | 0x20) - 'a' + 10
	}
	for i := 0; i < len(src); i++ {
		if src[i] == '%' && i+2 < len(src) && isHex(src[i+1]) && isHex(src[i+2]) {
			dst = append(dst, digit(src[i+1])<<4|digit(src[i+2]))
			i += 2
			continue
		}
		dst = append(dst, src[i])
	}
	return dst
}

package rules

import "bytes"

// This file knows what stands in the place of a secret and is none: expressions of
// programs, references to where it is kept, and placeholders.

// codeLike says that a value is an expression: a call, an index, an operator.
func codeLike(b []byte) bool {
	if i := bytes.IndexByte(b, '('); i > 0 && identStart(b) && (b[len(b)-1] == ')' || bytes.IndexByte(b[i:], ')') < 0) {
		return identChars(b[:i])
	}
	if i := bytes.IndexByte(b, '['); i > 0 && identChars(b[:i]) {
		return true
	}
	return codePrefixes.begin(b) || bytes.Contains(b, []byte("->")) || bytes.HasPrefix(b, []byte("=>"))
}

var codePrefixes = newPrefixes("process.env", "os.environ", "os.getenv", "self.", "this.", "args.", "config.", "settings.", "request.", "req.", "options.", "opts.", "params.", "ctx.", "env.", "secrets.", "vars.", "var.", "local.", "data.", "module.", "props.", "await ", "new ", "return ", "lambda ")

func identStart(b []byte) bool { return isAlpha(b[0]) || b[0] == '_' }

func identChars(b []byte) bool {
	for _, c := range b {
		if !isWord(c) && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

// reference says that a value names where the secret is kept.
func reference(b []byte) bool {
	switch b[0] {
	case '$', '@', '#':
		return len(b) > 1 && (b[1] == '{' || b[1] == '(' || isAlpha(b[1]) || b[1] == '_') && (b[0] == '$' && refChars(b[1:]) || b[0] != '$' && (b[1] == '{' || b[1] == '('))
	case '%':
		return len(b) > 2 && (b[len(b)-1] == '%' && identChars(b[1:len(b)-1]) || b[1] == '(' || b[1] == 's' && len(b) == 2)
	case '{':
		return true
	}
	return referencePrefixes.begin(b) || bytes.HasSuffix(b, []byte("aws4_request")) // X-Amz-Credential: an id and a scope
}

// refChars says that b is all of a variable's name: {NAME}, NAME, (command).
func refChars(b []byte) bool {
	if b[0] == '{' || b[0] == '(' {
		return true
	}
	return identChars(b)
}

var referencePrefixes = newPrefixes("vault:", "secret:", "secretref:", "secret://", "arn:aws:", "op://", "keyring:", "ssm:", "env:", "file:", "ref:", "sops:", "gsm:", "azkv:", "projects/", "/run/secrets/", "/var/run/secrets/", "kms:", "!vault", "!ref", "!sub", "enc[")

const (
	anyFill = 1 << iota
	starFill
	dotFill // also a byte beyond ASCII, of which an ellipsis has three
	ofWord  // this and higher bits: the letters of redacted
)

const (
	redacted  = "redacted"
	allOfWord = (1<<len(redacted) - 1) * ofWord
)

// filling are the bytes that stand for others which were left out, and the letters of a
// word that says so.
var filling = func() (t [256]uint16) {
	for i, c := range []byte(redacted) {
		t[c] |= ofWord << i
		t[c&^0x20] |= ofWord << i
	}
	for c := range t {
		if c >= 0x80 {
			t[c] = anyFill | dotFill
		}
	}
	for _, c := range "?_-xX" {
		t[c] = anyFill
	}
	t['*'], t['.'] = anyFill|starFill, anyFill|dotFill
	return t
}()

// placeholder says that a value stands for a secret that was left out.
func placeholder(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	first, last := b[0], b[len(b)-1]
	if first == '<' && last == '>' || first == '[' && last == ']' || first == '{' && last == '}' || first == '(' && last == ')' {
		return true
	}
	if bytes.HasPrefix(b, []byte("${")) || bytes.HasPrefix(b, []byte("$(")) || bytes.HasPrefix(b, []byte("{{")) {
		return true
	}
	fill, kinds := 0, uint16(0)
	for _, c := range b {
		kind := filling[c]
		fill += int(kind & anyFill)
		kinds |= kind
	}
	if fill == len(b) || kinds&starFill != 0 && bytes.Contains(b, []byte("***")) || kinds&dotFill != 0 && abbreviated(b) || formatVerb(b) {
		return true
	}
	return kinds >= allOfWord && indexFold(b, redacted) >= 0 || hasPrefixFold(b, "[filtered") || hasPrefixFold(b, "your") && (indexFold(b, "key") > 0 || indexFold(b, "token") > 0 || indexFold(b, "secret") > 0 || indexFold(b, "password") > 0)
}

// formatVerb says that b is where a program puts a value: %s, %v, %(name)s, %1$s, %[1]s.
func formatVerb(b []byte) bool {
	n := len(b)
	if n < 2 || b[0] != '%' || !isAlpha(b[n-1]) {
		return false
	}
	switch at := b[1 : n-1]; {
	case len(at) == 0:
		return true
	case at[0] == '(':
		return at[len(at)-1] == ')'
	case at[0] == '[':
		return at[len(at)-1] == ']' && allDigits(at[1:len(at)-1])
	default:
		return at[len(at)-1] == '$' && allDigits(at[:len(at)-1])
	}
}

// maxAbbreviated is the length in bytes up to which a value with an ellipsis
// in it is what somebody left of a secret, not one that was cut.
const maxAbbreviated = 24

// abbreviated says that a value was shortened to be shown: "sk-ab...yz".
func abbreviated(b []byte) bool {
	return len(b) <= maxAbbreviated && (bytes.Contains(b, []byte("...")) || bytes.Contains(b, []byte("…")))
}

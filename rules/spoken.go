package rules

import "bytes"

// This file reads what people and models write about credentials: "the admin
// password is X", "use X as the password", "sets API_KEY to `X`", a name and
// its value in neighbouring cells of a table. There is no operator to go by,
// so the value itself has to be strong: letters together with digits or signs,
// and nothing that a sentence or program would say there.

const (
	spokenReach  = 120 // bytes behind or before a name in which its value can stand
	spokenWords  = 8   // words between a name and its value
	minSpoken    = 6   // bytes of a password in prose
	minBeside    = 8   // the same when only a space stands between
	maxSpokenLen = 256
)

// A connector leads from a name to its value; fillers may stand between.
const (
	connector wordClass = 1 << iota
	copula
	preposition // begins what the credential is of: "of the admin console is"
	filler
	adjective
)

// wordClass is what a word can be beside a credential's name.
type wordClass uint8

// vocabulary has the words that lead to values, by their hash; places that collide follow each other.
var vocabulary [1 << 10]struct {
	word  string
	class wordClass
}

const maxWord = 16 // bytes of a word of the vocabulary

func wordHash(word []byte) int {
	n := len(word)
	return int(word[0]&31) ^ int(word[n-1]&31)<<5 ^ int(word[n/2]&31)<<3 ^ n<<6&0x3c0
}

func init() {
	for class, list := range map[wordClass][]string{
		connector:   {"is", "was", "are", "to", "as", "equals", "becomes", "reads", "being", "ist", "est", "es", "used", "shown", "using", "called", "named", "with"},
		copula:      {"is", "was", "are", "ist", "est", "es"},
		preposition: {"of", "for", "on", "in", "at", "from"},
		filler:      {"now", "the", "still", "currently", "set", "just", "simply", "changed", "reset", "rotated", "updated", "going", "be", "been", "equal", "to", "a", "an", "following", "value", "here", "new", "same", "literally", "today", "actually", "it", "and", "that", "string"},
		adjective:   {"the", "my", "our", "your", "his", "her", "their", "its", "this", "a", "an", "root", "admin", "new", "old", "current", "db", "database", "user", "login", "master", "default", "initial", "temporary", "temp", "wifi", "sudo", "service", "account", "api", "auth", "bot", "access", "test", "prod", "production", "staging", "main", "secret", "shared", "ssh", "smtp", "ldap", "vault", "redis", "postgres", "mysql", "mongo", "bearer", "http", "header"},
	} {
		for _, w := range list {
			i := wordHash([]byte(w))
			for vocabulary[i].word != w && vocabulary[i].word != "" {
				i = (i + 1) % len(vocabulary)
			}
			vocabulary[i].word = w
			vocabulary[i].class |= class
		}
	}
}

// classOf says what a word, in any case, can be.
func classOf(word []byte) wordClass {
	if len(word) == 0 || len(word) > maxWord {
		return 0
	}
	for i := wordHash(word); vocabulary[i].word != ""; i = (i + 1) % len(vocabulary) {
		if v := &vocabulary[i]; len(v.word) == len(word) && hasPrefixFold(word, v.word) {
			return v.class
		}
	}
	return 0
}

// spoken finds the value that a sentence or table gives to the name
// text[start:end], behind it or before it.
func spoken(text []byte, start, end int) (v value, ok bool) {
	if v, ok = spokenAfter(text, end); ok {
		return v, true
	}
	return spokenBefore(text, start)
}

// spokenAfter reads "... is now `X`", "X" in quotes right behind, or a cell.
func spokenAfter(text []byte, end int) (v value, ok bool) {
	i, quote := closingQuote(text, end)
	limit := min(len(text), i+spokenReach)
	cell, gap := cellGap(text, i, limit)
	if cell {
		return spokenWord(text, gap, minBeside)
	}
	linked, phrase := false, false
	for n := 0; n < spokenWords && i < limit; n++ {
		if text[i] != ' ' || i+1 >= limit {
			return v, false
		}
		for i < limit && text[i] == ' ' {
			i++
		}
		from := i
		for i < limit && isAlpha(text[i]) {
			i++
		}
		word := text[from:i]
		whole := i < len(text) && (text[i] == ' ' || text[i] == ':')
		class := classOf(word)
		switch {
		case whole && phrase && class&copula == 0:
			continue // "the password of the admin console is"
		case whole && n == 0 && class&preposition != 0:
			phrase = true
			continue
		case whole && n > 0 && linked && class&filler != 0, whole && class&connector != 0:
			linked, phrase = true, false
			if i < limit && text[i] == ':' {
				i++
			}
			continue
		case linked:
			return spokenWord(text, from, minSpoken)
		case n == 0 && quote == 0 && !whole: // a word of letters alone is none
			return spokenWord(text, from, minBeside)
		}
		return v, false
	}
	return v, false
}

// codeBeside reads a one-time code that only a space divides from its name:
// OTP and six digits.
func codeBeside(text []byte, end int) (v value, ok bool) {
	v.start = end + 1
	for v.end = v.start; v.end < len(text) && isDigit(text[v.end]); v.end++ {
	}
	v.digits, v.limit = true, maxSpokenLen
	n := v.end - v.start
	whole := v.end == len(text) || !isWord(text[v.end]) && (text[v.end] != '.' || v.end+1 == len(text) || !isDigit(text[v.end+1]))
	return v, end < len(text) && text[end] == ' ' && (n == 4 || n == 6) && whole
}

// cellGap skips what stands between two cells: tags, pipes, or more than one space.
func cellGap(text []byte, i, limit int) (cell bool, next int) {
	spaces := 0
	for i < limit {
		switch c := text[i]; {
		case c == ' ':
			spaces++
			i++
		case c == '\t' || c == '|':
			cell = true
			i++
		case c == '<' && i+1 < limit && (text[i+1] == '/' || isAlpha(text[i+1])):
			n := bytes.IndexByte(text[i:limit], '>')
			if n < 0 || n > 40 {
				return false, i
			}
			cell = true
			i += n + 1
		case c == '\n' && cell && i+1 < limit && (text[i+1] == '<' || text[i+1] == ' '):
			i++
		default:
			return cell || spaces > 1, i
		}
	}
	return false, i
}

// spokenWord reads the value at i, in quotes or up to the next space, and says
// whether it can be one. min is for values in no quotes.
func spokenWord(text []byte, i, min int) (v value, ok bool) {
	_, next, q := openingQuote(text, i)
	v.limit = maxSpokenLen
	if q > 0 {
		v, ok = readValue(text, i, v)
		return v, ok && v.end-v.start >= minSpoken-1 && strong(text[v.start:v.end])
	}
	v.start = next
	v.end = next
	for v.end < len(text) && v.end-v.start <= maxSpokenLen && !isSpace(text[v.end]) && text[v.end] != '"' && text[v.end] != '`' && text[v.end] != '<' && text[v.end] != '|' && text[v.end] != '\\' {
		v.end++
	}
	for v.end > v.start && bytes.IndexByte([]byte(".,;:)]}>'"), text[v.end-1]) >= 0 {
		v.end--
	}
	b := text[v.start:v.end]
	if min == minSpoken && len(b) >= 4 && len(b) <= 8 && allDigits(b) {
		v.digits = true
		return v, true
	}
	if len(b) < min || !strong(b) || technical(b) {
		return v, false
	}
	return v, min == minSpoken || veryStrong(b)
}

// terms begin words with digits that are no secrets.
var terms = []string{"sha1", "sha2", "sha3", "sha5", "md5", "base64", "base32", "argon2", "pbkdf2", "bcrypt", "scrypt", "utf8", "utf-8", "utf16", "oauth2", "oauth1", "http", "tls1", "ipv4", "ipv6", "x509", "k8s", "s3://", "ec2", "hs256", "rs256", "es256", "aes", "rsa", "ed25519", "2fa", "mfa", "v1", "v2", "v3", "i18n", "line", "step", "python3", "ntlmv2", "win32"}

// technical says that a word names an algorithm, protocol or the like, or is
// an assignment of its own.
func technical(b []byte) bool {
	if bytes.IndexByte(bytes.TrimRight(b, "="), '=') > 0 || urlLike(b) || pathLike(b) {
		return true
	}
	for _, t := range terms {
		if hasPrefixFold(b, t) && len(b) < len(t)+12 {
			return true
		}
	}
	return false
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}

// spokenBefore reads "use X as the password" and "X is the root password".
func spokenBefore(text []byte, start int) (v value, ok bool) {
	i := start
	for n := 0; n < spokenWords; n++ {
		if i == 0 || text[i-1] != ' ' {
			return v, false
		}
		end := i - 1
		from := end
		for from > 0 && start-from < spokenReach && !isSpace(text[from-1]) {
			from--
		}
		word := text[from:end]
		class := classOf(word)
		if class&adjective != 0 {
			i = from
			continue
		}
		if class&connector == 0 || string(word) == "of" || string(word) == "to" || from < 2 || text[from-1] != ' ' {
			return v, false
		}
		return wordBefore(text, from-1)
	}
	return v, false
}

// wordBefore reads the value that ends at offset end.
func wordBefore(text []byte, end int) (v value, ok bool) {
	stop := max(0, end-maxSpokenLen)
	if c := text[end-1]; c == '`' || c == '"' || c == '\'' {
		end--
		from := end
		for from > stop && text[from-1] != c {
			from--
		}
		v = value{start: from, end: end, quoted: true}
		return v, end-from >= minSpoken-1 && strong(text[from:end])
	}
	from := end
	for from > stop && !isSpace(text[from-1]) && text[from-1] != '"' && text[from-1] != '`' {
		from--
	}
	v = value{start: from, end: end}
	return v, end-from >= minSpoken && strong(text[from:end]) && !technical(text[from:end])
}

// veryStrong says that a word stands out even with nothing but a space between
// it and the name: digits inside letters of both cases, or signs with digits.
func veryStrong(b []byte) bool {
	up, low, digits, signs := 0, 0, 0, 0
	for _, c := range b {
		switch {
		case c-'A' < 26:
			up++
		case c-'a' < 26:
			low++
		case isDigit(c):
			digits++
		case c > ' ' && c < 0x7f && c != '-' && c != '_' && c != '.' && c != '/' && c != ':':
			signs++
		}
	}
	return digits > 0 && (up > 0 && low > 0 || signs > 0 && up+low > 0) || digits > 3 && up+low > 3 && len(b) >= 20
}

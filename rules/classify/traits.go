package classify

import "math/bits"

// maxRead is how many bytes of a value are looked at.
const maxRead = 256

// traits are what one reading of a value gathers.
type traits struct {
	b      []byte
	lower  int
	upper  int
	digit  int
	sign   int
	space  int
	high   int            // bytes of other scripts
	change int            // of the kind of character, but for a capital at the start of a word
	repeat int            // bytes that repeat or continue the one before
	pairs  [questions]int // how likely one character follows another
	signs  uint8
	seen   [2]uint64
	words
}

// words are what the runs of letters of a value are.
type words struct {
	letters  int // in segments of two and more
	fit      int // how well they read as words, sum of Trigrams
	worst    int // the same per letter, of the worst segment of three and more
	segments int
	known    int // segments that are words
	unknown  int // segments of three and more that are none
	code     int // letters in words of code
	plain    int
	human    int
	marker   int // words of placeholders
	named    int // words for credentials
	longest  int // letters of the longest segment
}

// Kinds of signs.
const (
	underscore = 1 << iota
	hyphen
	dotted  // . : /
	strong  // ! @ # $ % ^ & * ~ ?
	bracket // ( ) [ ] { } < > ; , | quotes, spaces
	base64  // + =
)

// signOf is the kind of a sign, 0 for a letter or digit.
var signOf = func() (t [256]uint8) {
	for set, kind := range map[string]uint8{
		"_": underscore, "-": hyphen, ".:/": dotted, "!@#$%^&*~?": strong, "()[]{}<>;,|'\"`\\ \t\r\n": bracket, "+=": base64,
	} {
		for _, c := range []byte(set) {
			t[c] = kind
		}
	}
	return t
}()

func isLower(c byte) bool { return c-'a' < 26 }
func isUpper(c byte) bool { return c-'A' < 26 }
func isDigit(c byte) bool { return c-'0' < 10 }
func isAlpha(c byte) bool { return (c|0x20)-'a' < 26 }

// kind is what a character of a value is, for counts and changes.
type kind = uint8

const (
	lowerKind kind = 1 + iota
	upperKind
	digitKind
	otherKind      // 4 and 0 share a count, which nobody reads
	noKind    kind = 0
)

var kindOf = func() (t [256]kind) {
	for c := range t {
		switch b := byte(c); {
		case isLower(b):
			t[c] = lowerKind
		case isUpper(b):
			t[c] = upperKind
		case isDigit(b):
			t[c] = digitKind
		default:
			t[c] = otherKind
		}
	}
	return t
}()

// changes is 1 where one kind follows another, but for a capital and what it begins.
var changes = func() (t [otherKind + 1][otherKind + 1]uint8) {
	for a := lowerKind; a <= otherKind; a++ {
		for b := lowerKind; b <= otherKind; b++ {
			if a != b && (a != upperKind || b != lowerKind) {
				t[a][b] = 1
			}
		}
	}
	return t
}()

func isZero(c byte) int { return int((uint32(c) - 1) >> 31) }

// read fills t from value.
func (t *traits) read(m *Model, value []byte) {
	b := value[:min(len(value), maxRead)]
	*t = traits{b: b}
	t.worst = 127
	tokens, passwords := &m.Pairs[Token], &m.Pairs[Password]
	if len(b) == 0 {
		t.pairs, t.worst = [questions]int{int(tokens[border*symbols+border]), int(passwords[border*symbols+border])}, 0
		return
	}
	// Without branches on what random text has at random.
	counts, kind, token, password := uint64(0), noKind, 0, 0
	last, prev := uint8(border), b[0]+1
	seen, seenHigh := uint64(0), uint64(0)
	for _, c := range b {
		sym := symbolOf[c]
		pair := int(last)*symbols + int(sym)
		token, password = token+int(tokens[pair]), password+int(passwords[pair])
		next := kindOf[c]
		counts += 1 << (16 * (next & 3))
		if next == otherKind {
			t.other(c)
		}
		t.change += int(changes[kind][next])
		t.repeat += isZero(c-prev) | isZero(c-prev-1)
		last, kind, prev = sym, next, c
		bit, high := uint64(1)<<(c&63), -uint64(c>>6&1)
		seen, seenHigh = seen|bit&^high, seenHigh|bit&high
	}
	t.seen = [2]uint64{seen, seenHigh}
	t.lower, t.upper, t.digit = int(counts>>(16*lowerKind)&0xffff), int(counts>>(16*upperKind)&0xffff), int(counts>>(16*digitKind)&0xffff)
	t.pairs = [questions]int{token + int(tokens[int(last)*symbols+border]), password + int(passwords[int(last)*symbols+border])}
	t.spell(m)
}

func (t *traits) other(c byte) {
	t.signs |= signOf[c]
	switch {
	case c >= 0x80:
		t.high++
	case c == ' ' || c == '\t' || c == '\n':
		t.space++
	default:
		t.sign++
	}
}

func (t *traits) distinct() int {
	return bits.OnesCount64(t.seen[0]) + bits.OnesCount64(t.seen[1])
}

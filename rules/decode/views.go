package decode

import (
	"bytes"
	"unicode/utf8"
)

// A View decodes src into dst (which it appends to), one level of one
// encoding, and records in m where each byte came from. changed is false if
// there was nothing to decode; dst and m are then of no use.
type View func(dst, src []byte, m *Map) (out []byte, changed bool)

// builder records runs for views that replace sequences within plain text.
type builder struct {
	dst  []byte
	base int
	m    *Map
	src  []byte
	from int // where the current plain run begins in src
}

func newBuilder(dst, src []byte, m *Map) builder {
	m.reset()
	return builder{dst: dst, base: len(dst), m: m, src: src}
}

// replace ends the plain run at src[at], and stands out for src[at:at+n].
func (b *builder) replace(at, n int, out ...byte) {
	b.plain(at)
	if len(out) > 0 {
		b.m.runs = append(b.m.runs, run{len(b.dst) - b.base, at, true})
		b.dst = append(b.dst, out...)
	}
	b.from = at + n
}

func (b *builder) plain(to int) {
	if to > b.from {
		b.m.runs = append(b.m.runs, run{len(b.dst) - b.base, b.from, false})
		b.dst = append(b.dst, b.src[b.from:to]...)
	}
	b.from = to
}

func (b *builder) finish() (out []byte, changed bool) {
	changed = b.from > 0
	b.plain(len(b.src))
	b.m.dec, b.m.src = len(b.dst)-b.base, len(b.src)
	return b.dst, changed
}

// Percent takes percent encoding off (RFC 3986, section 2.1).
func Percent(dst, src []byte, m *Map) ([]byte, bool) {
	b := newBuilder(dst, src, m)
	for i := 0; i+2 < len(src); i++ {
		n := bytes.IndexByte(src[i:], '%')
		if n < 0 {
			break
		}
		i += n
		if i+2 < len(src) && isHex(src[i+1]) && isHex(src[i+2]) {
			v, _ := hex(src[i+1:], 2)
			b.replace(i, 3, byte(v))
			i += 2
		}
	}
	return b.finish()
}

// QuotedPrintable takes the encoding of mail bodies off (RFC 2045, section
// 6.7): =XX, and = before a line end.
func QuotedPrintable(dst, src []byte, m *Map) ([]byte, bool) {
	b := newBuilder(dst, src, m)
	for i := 0; i+1 < len(src); i++ {
		n := bytes.IndexByte(src[i:], '=')
		if n < 0 || i+n+2 >= len(src) {
			break
		}
		i += n
		switch c := src[i+1]; {
		case c == '\n':
			b.replace(i, 2)
			i++
		case c == '\r' && src[i+2] == '\n':
			b.replace(i, 3)
			i += 2
		case upperHex(c) && upperHex(src[i+2]):
			v, _ := hex(src[i+1:], 2)
			b.replace(i, 3, byte(v))
			i += 2
		}
	}
	return b.finish()
}

func upperHex(c byte) bool { return c-'0' < 10 || c-'A' < 6 }

// entities are the named character references that serializers write.
var entities = []struct {
	name string
	char byte
}{{"&quot;", '"'}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&nbsp;", ' '}, {"&sol;", '/'}, {"&equals;", '='}, {"&colon;", ':'}}

// Entities takes HTML and XML character references off.
func Entities(dst, src []byte, m *Map) ([]byte, bool) {
	b := newBuilder(dst, src, m)
	for i := 0; i < len(src); i++ {
		n := bytes.IndexByte(src[i:], '&')
		if n < 0 {
			break
		}
		i += n
		if used, out, size := entity(src[i:]); used > 0 {
			b.replace(i, used, out[:size]...)
			i += used - 1
		}
	}
	return b.finish()
}

func entity(s []byte) (used int, out [utf8.UTFMax]byte, size int) {
	for _, e := range entities {
		if bytes.HasPrefix(s, []byte(e.name)) {
			out[0] = e.char
			return len(e.name), out, 1
		}
	}
	if len(s) < 4 || s[1] != '#' {
		return 0, out, 0
	}
	i, base := 2, rune(10)
	if s[2]|0x20 == 'x' {
		i, base = 3, 16
	}
	from, v := i, rune(0)
	for ; i < len(s) && i-from < 7 && isHex(s[i]) && (base == 16 || s[i]-'0' < 10); i++ {
		d, _ := hex(s[i:], 1)
		v = v*base + rune(d)
	}
	if i == from || i >= len(s) || s[i] != ';' || v > utf8.MaxRune || v == 0 {
		return 0, out, 0
	}
	return i + 1, out, utf8.EncodeRune(out[:], v)
}

// Invisible takes out what a reader does not see: zero-width characters, soft
// hyphens, byte order marks, and terminal colours (ECMA-48 CSI sequences).
func Invisible(dst, src []byte, m *Map) ([]byte, bool) {
	b := newBuilder(dst, src, m)
	for i := 0; i < len(src); i++ {
		if c := src[i]; c != 0x1b && c != 0xc2 && c != 0xe2 && c != 0xef {
			continue
		}
		if n := invisible(src[i:]); n > 0 {
			b.replace(i, n)
			i += n - 1
		}
	}
	return b.finish()
}

func invisible(s []byte) int {
	switch {
	case s[0] == 0x1b && len(s) > 1 && s[1] == '[':
		i := 2
		for i < len(s) && i < 24 && (s[i] == ';' || s[i] == '?' || s[i]-'0' < 10) {
			i++
		}
		// Delete-line (M) would take the beginning of a mask for a sequence.
		if i < len(s) && (s[i]-'a' < 26 || s[i]-'A' < 12 || s[i] == 'S' || s[i] == 'T') {
			return i + 1
		}
	case s[0] == 0xc2 && len(s) > 1 && s[1] == 0xad: // U+00AD
		return 2
	case len(s) < 3:
	case s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x8b && s[2] <= 0x8f: // U+200B..U+200F
		return 3
	case s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xa4: // U+2060..U+2064
		return 3
	case s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf: // U+FEFF
		return 3
	}
	return 0
}

// UTF16 decodes text of two bytes a character, in either order. Characters
// beyond ASCII are replaced by "?", which is in no secret's alphabet: only the
// places matter.
func UTF16(dst, src []byte, m *Map) ([]byte, bool) {
	low := utf16Order(src)
	if low < 0 {
		return dst, false
	}
	b := newBuilder(dst, src, m)
	i := 0
	if len(src) > 1 && (src[0] == 0xff && src[1] == 0xfe || src[0] == 0xfe && src[1] == 0xff) {
		b.replace(0, 2)
		i = 2
	}
	for ; i+1 < len(src); i += 2 {
		c := src[i+low]
		if src[i+1-low] != 0 {
			c = '?'
		}
		b.replace(i, 2, c)
	}
	return b.finish()
}

// utf16Order returns the offset of the low byte of each pair, -1 if src is
// not UTF-16: of its first bytes nearly every other one must be zero.
func utf16Order(src []byte) int {
	n := min(len(src), 64) &^ 1
	if n < 8 {
		return -1
	}
	var zeros [2]int
	for i, c := range src[:n] {
		if c == 0 {
			zeros[i&1]++
		}
	}
	switch half := n / 2; {
	case zeros[1]*4 >= half*3 && zeros[0] == 0:
		return 0
	case zeros[0]*4 >= half*3 && zeros[1] == 0:
		return 1
	}
	return -1
}

package decode

import (
	"bytes"
	"sort"
	"unicode/utf16"
	"unicode/utf8"
)

// Map says where the bytes of a decoded text came from. The zero value is the
// map of an empty text; a Map may be reused and then does not allocate.
type Map struct {
	// runs begin at rising decoded offsets. In a plain run bytes correspond
	// one to one; in an escape all decoded bytes stand for all source bytes.
	runs []run
	dec  int // length of the decoded text
	src  int // length of the source
}

type run struct {
	dec, src int
	escape   bool
}

func (m *Map) reset() { m.runs, m.dec, m.src = m.runs[:0], 0, 0 }

func (m *Map) find(dec int) int {
	return sort.Search(len(m.runs), func(i int) bool { return m.runs[i].dec > dec }) - 1
}

// Source returns the source range of the decoded range [start, end). It never
// cuts an escape sequence. Offsets are those of the decoded text.
func (m *Map) Source(start, end int) (from, to int) {
	if end <= start || len(m.runs) == 0 {
		return 0, 0
	}
	r := m.runs[m.find(start)]
	from = r.src
	if !r.escape {
		from += start - r.dec
	}
	i := m.find(end - 1)
	r = m.runs[i]
	if !r.escape {
		return from, r.src + end - r.dec
	}
	to = m.src
	if i+1 < len(m.runs) {
		to = m.runs[i+1].src
	}
	return from, to
}

// Decoded returns the decoded offset that the source offset src became.
func (m *Map) Decoded(src int) int {
	i := sort.Search(len(m.runs), func(i int) bool { return m.runs[i].src > src }) - 1
	if i < 0 {
		return 0
	}
	if r := m.runs[i]; !r.escape {
		return r.dec + src - r.src
	}
	return m.runs[i].dec
}

// Unescape appends src to dst with one level of backslash escapes taken off
// and records in m where each byte came from. It knows the escapes of JSON,
// Python, JavaScript, Rust and C: \" \' \/ \\ \b \f \n \r \t \0 \xHH \uHHHH
// \u{H...} \UHHHHHHHH; surrogate pairs become one character, and what is no
// escape keeps its backslash. It is a View.
func Unescape(dst, src []byte, m *Map) (decoded []byte, changed bool) {
	m.reset()
	base := len(dst)
	for i := 0; i < len(src); {
		n := bytes.IndexByte(src[i:], '\\')
		if n < 0 {
			n = len(src) - i
		}
		// A backslash that begins no escape belongs to the plain run.
		plain := n
		var out [utf8.UTFMax]byte
		size, used := 0, 0
		for i+plain < len(src) {
			if out, used, size = escape(src[i+plain:]); used > 0 {
				break
			}
			plain++
			if n = bytes.IndexByte(src[i+plain:], '\\'); n < 0 {
				n = len(src) - i - plain
			}
			plain += n
		}
		if plain > 0 {
			m.runs = append(m.runs, run{len(dst) - base, i, false})
			dst = append(dst, src[i:i+plain]...)
			i += plain
		}
		if used > 0 {
			m.runs = append(m.runs, run{len(dst) - base, i, true})
			dst = append(dst, out[:size]...)
			i += used
			changed = true
		}
	}
	m.dec, m.src = len(dst)-base, len(src)
	return dst, changed
}

// Escaped says that Unescape would change src.
func Escaped(src []byte) bool {
	for i := bytes.IndexByte(src, '\\'); i >= 0; {
		if _, n, _ := escape(src[i:]); n > 0 {
			return true
		}
		next := bytes.IndexByte(src[i+1:], '\\')
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// escape decodes the escape that s begins with: size bytes of out, n bytes of s; n is 0 if it is none.
func escape(s []byte) (out [utf8.UTFMax]byte, n, size int) {
	if len(s) < 2 {
		return out, 0, 0
	}
	one := func(c byte) ([utf8.UTFMax]byte, int, int) {
		out[0] = c
		return out, 2, 1
	}
	switch s[1] {
	case '"', '\\', '/', '\'':
		return one(s[1])
	case 'b':
		return one('\b')
	case 'f':
		return one('\f')
	case 'n':
		return one('\n')
	case 'r':
		return one('\r')
	case 't':
		return one('\t')
	case '0':
		return one(0)
	case 'x':
		if v, ok := hex(s[2:], 2); ok {
			out[0] = byte(v)
			return out, 4, 1
		}
	case 'u', 'U':
		r, n := unicodeEscape(s)
		if n > 0 {
			return out, n, utf8.EncodeRune(out[:], r)
		}
	}
	return out, 0, 0
}

// unicodeEscape decodes \uHHHH (also a surrogate pair), \u{H...} and \UHHHHHHHH.
func unicodeEscape(s []byte) (r rune, n int) {
	if s[1] == 'U' {
		v, ok := hex(s[2:], 8)
		if !ok || v > utf8.MaxRune {
			return 0, 0
		}
		return rune(v), 10
	}
	if len(s) > 3 && s[2] == '{' {
		for k := 1; k <= 6 && 3+k < len(s); k++ {
			if v, ok := hex(s[3:], k); ok && s[3+k] == '}' && v <= utf8.MaxRune {
				return rune(v), 4 + k
			}
		}
		return 0, 0
	}
	v, ok := hex(s[2:], 4)
	if !ok {
		return 0, 0
	}
	r = rune(v)
	if utf16.IsSurrogate(r) && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if w, ok := hex(s[8:], 4); ok {
			if pair := utf16.DecodeRune(r, rune(w)); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return r, 6
}

// hex reads n hexadecimal digits.
func hex(s []byte, n int) (v uint32, ok bool) {
	if len(s) < n {
		return 0, false
	}
	for _, c := range s[:n] {
		switch {
		case c-'0' < 10:
			v = v<<4 | uint32(c-'0')
		case (c|0x20)-'a' < 6:
			v = v<<4 | uint32((c|0x20)-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

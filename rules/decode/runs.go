package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"io"
)

// MinRun is the shortest run of encoded bytes that is looked into.
const MinRun = 24

// maxInflated bounds what a compressed run may decode to, in bytes.
const maxInflated = 1 << 20

const (
	inRun = 1 << iota // letters, digits, + / - _
	isStd             // + /
	isURL             // - _
)

var runBytes = func() (t [256]uint8) {
	for c := range t {
		b := byte(c)
		switch {
		case b-'0' < 10, (b|0x20)-'a' < 26 && b < 0x80:
			t[c] = inRun
		case b == '+' || b == '/':
			t[c] = inRun | isStd
		case b == '-' || b == '_':
			t[c] = inRun | isURL
		}
	}
	return t
}()

// NextRun returns the next run of MinRun or more letters, digits and + / - _
// in text that ends behind offset from; ok is false if there is none.
//
// Such a run covers two neighbouring words of eight bytes, so every second word is
// looked at, and most of those are refused for a byte below '+': a space, a quote.
func NextRun(text []byte, from int) (run Span, ok bool) {
	start := from
	for i := from; i+8 <= len(text); i += 16 {
		if v := binary.LittleEndian.Uint64(text[i:]); (v-each*'+')&^v&(each*0x80) != 0 || !allInRun(text[i:i+8]) {
			continue
		}
		a, b := i, i+8
		for a > start && runBytes[text[a-1]] != 0 {
			a--
		}
		for b+8 <= len(text) && allInRun(text[b:b+8]) {
			b += 8
		}
		for b < len(text) && runBytes[text[b]] != 0 {
			b++
		}
		if b-a >= MinRun {
			return Span{a, b}, true
		}
		start = b + 1
		i = start - 16
	}
	return Span{}, false
}

const each = 0x0101010101010101 // times a byte: that byte eight times

// allInRun says that eight bytes can all be in a run.
func allInRun(b []byte) bool {
	_ = b[7]
	return runBytes[b[0]]&runBytes[b[1]]&runBytes[b[2]]&runBytes[b[3]]&runBytes[b[4]]&runBytes[b[5]]&runBytes[b[6]]&runBytes[b[7]] != 0
}

// Runs decodes runs that NextRun found. The zero value is ready; a Runs may be
// reused and then rarely allocates.
type Runs struct {
	joined []byte
	text   []byte
	gz     bytes.Buffer
}

// Decode decodes the run text[run.Start:run.End] if it is base64, base64url or
// hexadecimal of something readable, gzip and the texts of PNG images included. whole is the range of the
// encoded bytes, padding and the following lines of wrapped base64 included;
// the decoded text is valid until the next call. ok is false if the run is
// something else; limited says that it is compressed and its text longer than
// is looked at, which is at most room bytes.
func (r *Runs) Decode(text []byte, run Span, room int) (decoded []byte, whole Span, ok, limited bool) {
	if !promising((*[MinRun]byte)(text[run.Start:])) {
		return nil, run, false, false
	}
	return r.decode(text, run, room)
}

func (r *Runs) decode(text []byte, run Span, room int) (decoded []byte, whole Span, ok, limited bool) {
	if out, is := r.hexRun(text[run.Start:run.End]); is {
		return out, run, true, false
	}
	enc := base64.RawStdEncoding
	kinds := uint8(0)
	for _, c := range text[run.Start:run.End] {
		kinds |= runBytes[c]
	}
	switch {
	case kinds&isStd != 0 && kinds&isURL != 0:
		return nil, run, false, false
	case kinds&isURL != 0:
		enc = base64.RawURLEncoding
	}
	var head [18]byte
	if _, err := enc.Decode(head[:], text[run.Start:run.Start+MinRun]); err != nil || !readable(head[:]) && !gzipped(head[:]) && !isPNG(head[:]) {
		return nil, run, false, false
	}
	whole = run
	r.joined = append(r.joined[:0], text[run.Start:run.End]...)
	for whole.End-run.Start >= 2*MinRun {
		next, more := wrapped(text, whole.End)
		if !more || !continues(text, run, next, kinds) {
			break
		}
		r.joined = append(r.joined, text[next.Start:next.End]...)
		whole.End = next.End
	}
	pad := 0
	for whole.End < len(text) && text[whole.End] == '=' && pad < 2 {
		pad++
		whole.End++
	}
	n := len(r.joined)
	if n%4 == 1 {
		n--
	}
	if cap(r.text) < n {
		r.text = make([]byte, n)
	}
	k, err := enc.Decode(r.text[:cap(r.text)], r.joined[:n])
	if err != nil && k == 0 {
		return nil, run, false, false
	}
	decoded = r.text[:k]
	if gzipped(decoded) {
		return r.inflate(decoded, whole, min(room, maxInflated))
	}
	if isPNG(decoded) {
		decoded = pngText(decoded)
		return decoded, whole, len(decoded) > 0, false
	}
	return decoded, whole, true, false
}

// sextets are the values of the base64 and base64url alphabets, nibbles those of
// hexadecimal digits; other bytes have 0xff.
var sextets, nibbles = func() (s, n [256]uint8) {
	for c := range 256 {
		s[c], n[c] = 0xff, 0xff
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") {
		s[c] = uint8(i)
	}
	s['+'], s['-'], s['/'], s['_'] = 62, 62, 63, 63
	for i, c := range []byte("0123456789abcdef") {
		n[c] = uint8(i)
		n[c&^0x20|c&0x10<<1] = uint8(i) // upper case, and digits as they are
	}
	return s, n
}()

// promising says cheaply whether a run that begins like this can be base64 or
// hexadecimal of something that is looked into: most are refused for their first bytes.
func promising(head *[MinRun]byte) bool { return promisingBase64(head) || promisingHex(head) }

func promisingBase64(head *[MinRun]byte) bool {
	switch string(head[:3]) {
	case "H4s", "iVB": // gzip, PNG
		return true
	}
	odd := 0
	for i := 0; i < MinRun; i += 4 {
		v := uint32(sextets[head[i]])<<18 | uint32(sextets[head[i+1]])<<12 | uint32(sextets[head[i+2]])<<6 | uint32(sextets[head[i+3]])
		a, b, c := byte(v>>16), byte(v>>8), byte(v)
		if unreadable[a]|unreadable[b]|unreadable[c] != 0 {
			return false
		}
		odd += int(a>>7 + b>>7 + c>>7)
	}
	return odd <= MinRun*3/4/4
}

func promisingHex(head *[MinRun]byte) bool {
	for i := 0; i < MinRun; i += 2 {
		a, b := nibbles[head[i]], nibbles[head[i+1]]
		if a|b == 0xff || unreadable[a<<4|b&0xf] != 0 {
			return false
		}
	}
	return true
}

// unreadable is 1 for a byte that readable refuses.
var unreadable = func() (t [256]uint8) {
	for c := range t {
		if !readable([]byte{' ', ' ', ' ', byte(c)}) {
			t[c] = 1
		}
	}
	return t
}()

// maxColumn is the longest line, in bytes, that base64 is wrapped at.
const maxColumn = 256

// continues reports whether a line could go on with the run before it, whose
// alphabet is kinds: NAME=value after a long run that needs no padding does not.
func continues(text []byte, run, next Span, kinds uint8) bool {
	if first := run.End - run.Start; first > maxColumn && next.End-next.Start != first {
		return false
	}
	for _, c := range text[next.Start:next.End] {
		if runBytes[c]&isURL != 0 && kinds&isURL == 0 {
			return false
		}
	}
	return true
}

// wrapped returns the next line of a run that is wrapped at a column: a line
// end, perhaps some indentation, and more of the run.
func wrapped(text []byte, at int) (next Span, ok bool) {
	i := at
	for i < len(text) && i-at < 40 && (text[i] == '\n' || text[i] == '\r' || text[i] == ' ' || text[i] == '\t') {
		i++
	}
	if i == at || bytes.IndexByte(text[at:i], '\n') < 0 {
		return next, false
	}
	next = Span{i, i}
	for next.End < len(text) && runBytes[text[next.End]] != 0 {
		next.End++
	}
	if next.End == next.Start || next.End < len(text) && text[next.End] != '\n' && text[next.End] != '\r' && text[next.End] != '=' && text[next.End] != '"' {
		return next, false
	}
	return next, true
}

func (r *Runs) hexRun(run []byte) ([]byte, bool) {
	if len(run)%2 != 0 || len(run) < MinRun {
		return nil, false
	}
	r.text = r.text[:0]
	for i := 0; i+1 < len(run); i += 2 {
		v, ok := hex(run[i:], 2)
		if !ok {
			return nil, false
		}
		if r.text = append(r.text, byte(v)); i == 22 && !readable(r.text) {
			return nil, false
		}
	}
	return r.text, readable(r.text[:min(len(r.text), 64)])
}

func isPNG(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) }

// pngText gathers, in b's own memory, the texts of a PNG image: its chunks of
// type tEXt and iTXt (PNG specification, section 11.3.3).
func pngText(b []byte) []byte {
	out := b[:0]
	for at := 8; at+12 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[at:]))
		kind := string(b[at+4 : at+8])
		if n < 0 || n > len(b)-at-12 {
			n = len(b) - at - 12 // cut
		}
		data := b[at+8 : at+8+n]
		if kind == "tEXt" || kind == "iTXt" {
			out = append(append(out, data...), '\n')
		}
		at += 12 + n
	}
	return out
}

func gzipped(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 }

func (r *Runs) inflate(b []byte, whole Span, room int) (decoded []byte, run Span, ok, limited bool) {
	if room <= 0 {
		return nil, whole, true, true
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, whole, false, false
	}
	r.gz.Reset()
	n, _ := io.Copy(&r.gz, io.LimitReader(z, int64(room)+1)) // a cut stream still yields its beginning
	if n > int64(room) {
		return r.gz.Bytes()[:room], whole, true, true
	}
	return r.gz.Bytes(), whole, n > 0, false
}

// readable says that b looks like text: ASCII, or UTF-8 beyond it, with hardly
// a control character.
func readable(b []byte) bool {
	odd := 0
	for _, c := range b {
		switch {
		case c == '\n' || c == '\r' || c == '\t' || c >= 0x20 && c < 0x7f:
		case c >= 0xc2 && c < 0xf5 || c >= 0x80 && c < 0xc0:
			odd++
		default:
			return false
		}
	}
	return odd*4 <= len(b)
}

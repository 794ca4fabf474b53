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
// in text that ends behind offset from; ok is false if there is none. It looks
// at few bytes of ordinary text.
func NextRun(text []byte, from int) (run Span, ok bool) {
	start := from
	for i := from + MinRun - 1; i < len(text); {
		if runBytes[text[i]] == 0 {
			start = i + 1
			i += MinRun
			continue
		}
		a := i
		for a > start && runBytes[text[a-1]] != 0 {
			a--
		}
		// Up to a+MinRun-1 everything has to be in the run.
		b := i + 1
		for b < len(text) && runBytes[text[b]] != 0 {
			b++
		}
		if b-a >= MinRun {
			return Span{a, b}, true
		}
		start = b + 1
		i = b + MinRun
	}
	return Span{}, false
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
// something else; limited says that it is compressed and its text longer than is looked at.
func (r *Runs) Decode(text []byte, run Span) (decoded []byte, whole Span, ok, limited bool) {
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
		return r.inflate(decoded, whole)
	}
	if isPNG(decoded) {
		decoded = pngText(decoded)
		return decoded, whole, len(decoded) > 0, false
	}
	return decoded, whole, true, false
}

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

func (r *Runs) inflate(b []byte, whole Span) (decoded []byte, run Span, ok, limited bool) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, whole, false, false
	}
	r.gz.Reset()
	n, _ := io.Copy(&r.gz, io.LimitReader(z, maxInflated+1)) // a cut stream still yields its beginning
	if n > maxInflated {
		return r.gz.Bytes()[:maxInflated], whole, true, true
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

package corpus

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// view is a decoded reading of a leaf's text. Byte i of it stands for the
// bytes [from[i], to[i]) of the leaf, so that whatever is found in a view has a
// place in the text, and the same occurrence in two views is one.
type view struct {
	text     []byte
	from, to []int32
}

func (v *view) add(b []byte, from, to int32) {
	for _, c := range b {
		v.text, v.from, v.to = append(v.text, c), append(v.from, from), append(v.to, to)
	}
}

// copyOf takes the bytes [i, j) of src as they are.
func (v *view) copyOf(src *view, i, j int) {
	v.text = append(v.text, src.text[i:j]...)
	v.from = append(v.from, src.from[i:j]...)
	v.to = append(v.to, src.to[i:j]...)
}

// views lists all readings: with the escapes of JSON and Python taken off
// level by level, and what percent, HTML, base64, hex and UTF-16 hide.
func views(s string) []*view {
	v := &view{}
	for i := range len(s) {
		v.add([]byte{s[i]}, int32(i), int32(i+1))
	}
	return expandViews(v, nil, 0)
}

func expandViews(v *view, out []*view, depth int) []*view {
	out = append(out, v)
	for range 14 {
		next := replace(v, escapeRE, unescape)
		if next == nil {
			break
		}
		v = next
		out = append(out, v)
	}
	if depth == 3 {
		return out
	}
	for _, next := range []*view{
		replace(v, percentRE, unpercent), replace(v, entityRE, unentity), replace(v, sqlRE, func(b []byte) []byte { return b[:1] }),
		replace(v, unseenRE, func(b []byte) []byte { return b[:0] }), dropZeros(v),
	} {
		if next != nil {
			out = expandViews(next, out, depth+1)
		}
	}
	return append(out, blobs(v, depth)...)
}

// replace writes what fn makes of each match; nil if there is none.
func replace(v *view, re *regexp.Regexp, fn func([]byte) []byte) *view {
	matches := re.FindAllIndex(v.text, -1)
	if matches == nil {
		return nil
	}
	out, pos := &view{}, 0
	for _, m := range matches {
		out.copyOf(v, pos, m[0])
		out.add(fn(v.text[m[0]:m[1]]), v.from[m[0]], v.to[m[1]-1])
		pos = m[1]
	}
	out.copyOf(v, pos, len(v.text))
	return out
}

var (
	escapeRE  = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|["'\\/bfnrt])`)
	percentRE = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
	entityRE  = regexp.MustCompile(`&(?:#x?[0-9a-fA-F]{1,6}|[a-z]{2,6});`)
	sqlRE     = regexp.MustCompile(`''`)
	unseenRE  = regexp.MustCompile("\u200b|\u00ad|\x1b\\[[0-9;]*[A-Za-z]") // zero width, soft hyphens, colours
	base64RE  = regexp.MustCompile(`[A-Za-z0-9+/_-]{12,}`)
	hexRE     = regexp.MustCompile(`(?:[0-9a-fA-F]{2}){6,}`)
)

func unescape(b []byte) []byte {
	switch b[1] {
	case 'u', 'x':
		s := string(b)
		if b[1] == 'x' {
			s = `\u00` + s[2:]
		}
		if out, err := strconv.Unquote(`"` + surrogates(s) + `"`); err == nil {
			return []byte(out)
		}
		return b[:0]
	case 'b', 'f', 'n', 'r', 't':
		return []byte{"\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), b[1])]}
	}
	return b[1:2]
}

// surrogates writes a pair of UTF-16 escapes as one of Go's.
func surrogates(s string) string {
	if len(s) < 12 {
		return s
	}
	hi, _ := strconv.ParseUint(s[2:6], 16, 32)
	lo, _ := strconv.ParseUint(s[8:12], 16, 32)
	h := strconv.FormatUint(0x10000+(hi-0xd800)<<10+(lo-0xdc00), 16)
	return `\U` + strings.Repeat("0", 8-len(h)) + h
}

func unpercent(b []byte) []byte {
	out, _ := hex.DecodeString(string(b[1:]))
	return out
}

func unentity(b []byte) []byte { return []byte(html.UnescapeString(string(b))) }

// dropZeros reads UTF-16 text that is mostly Latin.
func dropZeros(v *view) *view {
	if n := bytes.Count(v.text, []byte{0}); n < 4 || n < len(v.text)/4 {
		return nil
	}
	out := &view{}
	for i, c := range v.text {
		switch {
		case c == 0:
		case c >= 0x80 && i+1 < len(v.text) && v.text[i+1] == 0:
			out.add([]byte(string(rune(c))), v.from[i], v.to[i])
		default:
			out.copyOf(v, i, i+1)
		}
	}
	return out
}

// blobs decodes the runs of base64 and hex. All of what is decoded stands for the whole run.
func blobs(v *view, depth int) (out []*view) {
	urlToStd := strings.NewReplacer("-", "+", "_", "/")
	for _, m := range base64RE.FindAllIndex(v.text, -1) {
		run := urlToStd.Replace(string(v.text[m[0]:m[1]]))
		for shift := range 4 { // a word and a slash may stand before the run
			part := run[shift:]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			if b, err := base64.RawStdEncoding.DecodeString(part); err == nil {
				out = blob(out, v, m, b, depth)
			}
		}
	}
	for _, m := range hexRE.FindAllIndex(v.text, -1) {
		if b, err := hex.DecodeString(string(v.text[m[0]:m[1]])); err == nil {
			out = blob(out, v, m, b, depth)
		}
	}
	return out
}

func blob(out []*view, v *view, m []int, decoded []byte, depth int) []*view {
	if bytes.HasPrefix(decoded, []byte("\x1f\x8b")) {
		if r, err := gzip.NewReader(bytes.NewReader(decoded)); err == nil {
			decoded, _ = io.ReadAll(io.LimitReader(r, 1<<20)) // as much as there is
		}
	}
	ascii := 0
	for _, c := range decoded {
		if c >= 0x20 && c < 0x7f || c == '\n' || c == 0 {
			ascii++
		}
	}
	if ascii < len(decoded)*3/4 && !bytes.HasPrefix(decoded, []byte("\x89PNG")) {
		return out
	}
	w := &view{}
	w.add(decoded, v.from[m[0]], v.to[m[1]-1])
	return expandViews(w, out, depth+1)
}

// span is a range of a leaf's text.
type span struct{ from, to int32 }

// search is what to look for in the views of a text.
type search struct {
	needles   []string
	wholeWord bool  // not inside a longer word or number
	gap       int32 // needles that stand no farther apart are one occurrence
}

// add looks for a secret too: for the text itself, or for the lines of a key's
// body, however they are joined.
func (s *search) add(secret string) {
	if !strings.Contains(secret, "\n") {
		s.needles = append(s.needles, secret)
		return
	}
	s.gap = 64 // line breaks, numbers and signs between the lines
	for line := range strings.SplitSeq(secret, "\n") {
		if len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			s.needles = append(s.needles, line)
		}
	}
}

// in returns where one of the needles can be read, in the order of the text.
func (s *search) in(vs []*view) []span {
	var spans []span
	for _, v := range vs {
		for _, n := range s.needles {
			for i := 0; ; {
				j := bytes.Index(v.text[i:], []byte(n))
				if j < 0 {
					break
				}
				a, z := i+j, i+j+len(n)
				i = z
				if !s.wholeWord || standsAlone(v.text, a, z) {
					spans = append(spans, span{v.from[a], v.to[z-1]})
				}
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	var out []span
	for _, x := range spans {
		if k := len(out) - 1; k >= 0 && (x.from < out[k].to || s.gap > 0 && x.from <= out[k].to+s.gap) {
			out[k].to = max(out[k].to, x.to)
		} else {
			out = append(out, x)
		}
	}
	return out
}

// standsAlone says whether no letter, digit or sign that joins words touches [a, z).
func standsAlone(s []byte, a, z int) bool {
	joins := func(c byte) bool { return strings.IndexByte(base62+"._-:", c) >= 0 }
	member := a > 1 && s[a-1] == ':' && s[a-2] == '"' // of a JSON object
	return (a == 0 || member || !joins(s[a-1])) && (z == len(s) || s[z] == '.' || !joins(s[z]))
}

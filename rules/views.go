package rules

import (
	"bytes"

	"github.com/tracescrub/tracescrub/rules/decode"
)

// views are the encodings that a text can be in as a whole or in part, apart
// from JSON. Each has signs: literals without which it hides nothing. A view
// of a view is tried as well, to Limits.Depth.
var views = []struct {
	signs  []string
	decode decode.View
}{
	{percentSigns(), decode.Percent},
	{entitySigns(), decode.Entities},
	{invisibleSigns(), decode.Invisible},
	{[]string{"=3D", "=\r\n", "=2E", "=2D", "=5F", "=2B", "=2F"}, decode.QuotedPrintable},
}

// escapeSigns are the beginnings of backslash escapes behind which an anchor
// can hide from the filter. Other escapes cannot stand inside an anchor.
var escapeSigns = []string{`\u002`, `\u003`, `\u004`, `\u005`, `\u006`, `\u007`, `:\/\/`, `\x2`, `\x3`, `\x4`, `\x5`, `\x6`, `\x7`}

// viewSet is a set of views by index.
type viewSet uint32

// percentSigns are the characters that, percent-encoded, can stand in the way
// of a rule: punctuation of tokens, URLs and assignments, and the percent sign.
func percentSigns() (signs []string) {
	for _, c := range []string{"22", "25", "27", "2b", "2d", "2e", "2f", "3a", "3d", "40", "5f", "7b"} {
		signs = append(signs, "%"+c)
	}
	return signs
}

// entitySigns are the references that matter in the same way.
func entitySigns() []string {
	signs := []string{"&quot;", "&lt;", "&gt;", "&apos;", "&#x", "amp;quot", "amp;lt", "amp;#", "&equals;", "&colon;"}
	for d := byte('0'); d <= '9'; d++ {
		signs = append(signs, "&#"+string([]byte{d}))
	}
	return signs
}

// invisibleSigns are the characters that decode.Invisible takes out. The soft
// hyphen has two bytes and gets the letters and digits that can follow it.
func invisibleSigns() []string {
	signs := []string{"\x1b[m", "\xe2\x80\x8b", "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x81\xa0", "\xef\xbb\xbf", "\xc2\xad-", "\xc2\xad."}
	for d := byte('0'); d <= '9'; d++ {
		signs = append(signs, "\x1b["+string([]byte{d}))
	}
	for c := byte('0'); c <= 'z'; c++ {
		if isWord(c) && c == toLower(c) {
			signs = append(signs, "\xc2\xad"+string([]byte{c}))
		}
	}
	return signs
}

// views scans what text is when one more encoding is taken off. slash: escapes
// stand where a rule has looked, or where an anchor can hide; elsewhere taking
// them off changes no answer. seen: signs of the other views.
func (s *scanner) views(text []byte, depth int, slash bool, seen viewSet) {
	if depth >= s.e.limits.Depth {
		if slash && decode.Escaped(text) || seen != 0 {
			s.withhold(0, len(text), Depth)
		}
		return
	}
	if slash {
		s.view(text, nil, nil, depth, 0, decode.Unescape)
	}
	mark := len(s.out)
	for v := range views {
		if seen&(1<<v) != 0 {
			s.view(text, nil, nil, depth, 0, views[v].decode)
		}
	}
	if bytes.IndexByte(text[:min(4, len(text))], 0) >= 0 {
		s.view(text, nil, nil, depth, 0, decode.UTF16)
	}
	s.encodedRuns(text, depth)
	for i := mark; i < len(s.out); i++ {
		s.out[i].Evidence &^= Bare // quotes would have to be encoded as well
	}
}

// view scans text as decoded by one view; base is added to offsets.
func (s *scanner) view(text, key, prev []byte, depth, base int, v decode.View) {
	mark, steps := len(s.out), s.trace.mark()
	lv := &s.levels[depth]
	out, changed := v(lv.text[:0], text, &lv.m)
	lv.text = out
	if !changed {
		return
	}
	s.text(out, key, prev, depth+1)
	s.mapBack(mark, depth, base)
	if s.trace != nil {
		s.trace.move(steps, func(a, b int) (int, int) { a, b = lv.m.Source(a, b); return a + base, b + base })
	}
}

// encodedRuns scans the runs of base64 and hexadecimal in text. What is found
// in one masks the run, since no part of it can be taken out.
func (s *scanner) encodedRuns(text []byte, depth int) {
	for at := 0; ; {
		run, ok := decode.NextRun(text, at)
		if !ok {
			return
		}
		at = run.End
		lv := &s.levels[depth]
		decoded, whole, ok, limited := lv.runs.Decode(text, run, s.room)
		if !ok {
			continue
		}
		at = whole.End
		if len(decoded) > whole.End-whole.Start { // it was compressed
			s.room -= len(decoded)
		}
		mark, steps := len(s.out), s.trace.mark()
		s.text(decoded, nil, nil, depth+1)
		if s.trace != nil {
			s.trace.move(steps, func(int, int) (int, int) { return whole.Start, whole.End })
		}
		if limited {
			s.withhold(0, max(1, len(decoded)), Size) // whatever its length: the run is masked whole
		}
		if len(s.out) == mark {
			continue
		}
		best := s.out[mark]
		for _, f := range s.out[mark+1:] {
			if s.rankOf(&f) > s.rankOf(&best) || s.rankOf(&f) == s.rankOf(&best) && f.Severity > best.Severity {
				best = f
			}
		}
		best.Start, best.End = whole.Start, whole.End
		best.Evidence = best.Evidence&^Bare | Decoded
		s.out = append(s.out[:mark], best)
	}
}

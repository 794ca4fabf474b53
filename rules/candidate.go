package rules

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// minCut is how many bytes behind its anchor a token needs to be taken for
// one when the text was cut off within it.
const minCut = 8

// candidate tries the rule of t where its literal stands at offset pos.
func (s *scanner) candidate(text, key []byte, lv *level, t *target, pos int, cut bool) {
	index := t.rule
	if t.exact != "" && !bytes.HasPrefix(text[pos:], []byte(t.exact)) {
		s.reject(uint32(index), pos, pos+len(t.exact), whyCase, 0, 0)
		return
	}
	r, sp := &s.e.rules[index], lv.spentBy(index)
	if pos < sp.done {
		return
	}
	s.tried++
	p := r.pattern
	if p.MaxBefore == 0 && r.left == wordBorder && !leftBorder(text, pos) {
		s.reject(uint32(index), pos, pos, whyBorder, 0, 0)
		return
	}
	first, from := starts(p, text, pos, max(sp.done, sp.begun))
	if s.trace == nil && p.MaxBefore > p.MinBefore { // the next anchor need not begin there again
		sp.begun = from + 1
	}
	s.work += pos - first + 1
	budget := workFactor*len(text) + workFloor
	best, reach := 0, -1 // the attempt that came furthest
	for at := max(first, 0); at <= from; at++ {
		if !r.mayBegin(text, at) || r.left == wordBorder && !leftBorder(text, at) {
			continue
		}
		s.match.Steps, s.match.Limit, s.match.Memo = 0, min(budget, maxAttempt), sp.memoFor(text)
		end, a, b, ok := p.At(&s.match, text, at)
		far := s.match.Far
		sp.steps += s.match.Steps
		s.slash = s.slash || s.budget.hides(text, at, min(len(text), max(s.match.Far, end)+2))
		s.work += s.match.Steps
		if sp.steps > budget || s.match.Over {
			s.linear(text, key, r, index, at)
			sp.done = len(text)
			return
		}
		if ok {
			if end = s.accept(text, key, r, index, at, end, a, b); end > 0 {
				sp.done = s.goOn(text, end)
				return
			}
		} else if cut && s.match.HitEnd && r.rank == rankProvider && len(text)-pos >= minCut+len(p.Literals[0]) {
			s.add(Finding{Start: at, End: len(text), Rule: uint32(index), Severity: r.severity, Evidence: Truncated}, text)
			sp.done = len(text)
			return
		} else if r.rank >= rankGeneric && broken(text, s.match.Far, pos+len(p.Literals[0])) && s.rejoined(text, key, lv, index, at) {
			return
		}
		if !ok && far >= reach {
			best, reach = at, far
		}
	}
	if reach >= 0 {
		s.reject(uint32(index), best, reach, whyPattern, 0, 0)
	} else if s.trace != nil && r.left == wordBorder && !leftBorder(text, max(from, 0)) {
		s.reject(uint32(index), max(from, 0), max(from, 0), whyBorder, 0, 0)
	}
}

// mayBegin says cheaply whether a match of r can begin at offset at, or an escape stands there.
func (r *rule) mayBegin(text []byte, at int) bool {
	first := r.pattern.First
	return first == nil || at >= len(text) || first[text[at]] || text[at] == '\\'
}

// starts returns the first and the last place where a match can begin whose
// literal stands at pos; before offset done all is settled.
func starts(p *match.Pattern, text []byte, pos, done int) (first, from int) {
	from = pos - p.MinBefore
	if first = from; p.MaxBefore > p.MinBefore {
		for first > done && pos-first < p.MaxBefore && (p.Before == nil || p.Before[text[first-1]]) {
			first--
		}
		first = max(first, done)
	}
	return first, from
}

// goOn lengthens the last finding, which ends at offset end, over the rest of
// its token when that is continued in another literal or line. It returns where the token ends.
func (s *scanner) goOn(text []byte, end int) int {
	if len(s.out) == 0 || s.out[len(s.out)-1].End != end { // an allow-list may have taken it back
		return end
	}
	f := &s.out[len(s.out)-1]
	for end < len(text) {
		n := decode.Continues(text[end:min(len(text), end+maxJoined)])
		if n == 0 {
			break
		}
		for end += n; end < len(text) && (isWord(text[end]) || bytes.IndexByte([]byte("+/=-.~"), text[end]) >= 0); end++ {
		}
		f.End = end
	}
	return end
}

// broken says that an attempt which has looked as far as offset far gave up at
// a place where tokens are broken, behind some bytes of the token.
func broken(text []byte, far, anchor int) bool {
	if far <= anchor || far >= len(text) || strings.IndexByte(match.Breaks, text[far]) < 0 {
		return false
	}
	return far-anchor < minLine || !isLine(text[anchor:far])
}

// isLine says that b is one sign again and again.
func isLine(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return b[0] < utf8.RuneSelf && !isAlpha(b[0]) && !isDigit(b[0])
}

// minLine is how many equal signs make a line, such as those around PEM headers, and no part of a token.
const minLine = 4

// maxBreak is how far what breaks a token may reach, in bytes.
const maxBreak = 512

// maxJoined is how far a broken token may reach, in bytes.
const maxJoined = 2048

// firstJoined is how far behind a break is looked at first: most attempts fail before that.
const firstJoined = 128

// rejoined tries a rule at offset at once more with the breaks taken out, and
// says whether that found a secret.
func (s *scanner) rejoined(text, key []byte, lv *level, index int32, at int) bool {
	if a := max(0, at-1); !s.thorough && !decode.MayJoin(text[a:min(len(text), s.match.Far+maxBreak)], s.match.Far-a+1) {
		return false
	}
	r := &s.e.rules[index]
	from := max(0, at-minBefore)
	near, far, most := s.match.Far+maxBreak+firstJoined, s.match.Far, min(len(text), at+maxJoined)
	joined, end, a, b, ok := s.joinedAt(text[from:min(near, most)], r, lv, index, at-from)
	if len(joined) > 0 {
		_, far = s.jmap.Source(s.match.Far, s.match.Far)
		far += from
	}
	if near < most && (ok || far+maxBreak > near) {
		joined, end, a, b, ok = s.joinedAt(text[from:most], r, lv, index, at-from)
	}
	if !ok {
		return false
	}
	start := s.jmap.Decoded(at - from)
	mark, steps := len(s.out), s.trace.mark()
	s.budget.tail = tailRun{}
	s.accept(joined, key, r, index, start, end, a, b)
	s.budget.tail = tailRun{}
	if s.trace != nil {
		s.trace.move(steps, func(a, b int) (int, int) { a, b = s.jmap.Source(a, b); return a + from, b + from })
	}
	if len(s.out) == mark {
		return false
	}
	f := &s.out[mark]
	f.Start, f.End = s.jmap.Source(f.Start, f.End)
	f.Start, f.End = f.Start+from, f.End+from
	lv.spent[index].done = f.End
	return true
}

// joinedAt takes the breaks out of window and tries the rule at its offset at;
// joined is empty if there was none.
func (s *scanner) joinedAt(window []byte, r *rule, lv *level, index int32, at int) (joined []byte, end, a, b int, ok bool) {
	joined, changed := decode.Join(s.joined[:0], window, &s.jmap)
	s.joined = joined
	s.work += len(window)
	lv.spent[index].steps += joinSteps * len(window)
	if !changed {
		return nil, 0, 0, 0, false
	}
	s.match.Steps, s.match.Memo = 0, nil
	end, a, b, ok = r.pattern.At(&s.match, joined, s.jmap.Decoded(at))
	return joined, end, a, b, ok
}

// joinSteps is what a byte of a window costs a rule, in steps of its matcher.
const joinSteps = 3

// minBefore is how many bytes before a broken token are looked at, to know
// where its line began.
const minBefore = 120

// hides says that part, which a pattern has looked at, holds an escape that
// can stand for a byte of a token: not a line end or quote, which end tokens.
func hides(part []byte) bool {
	for {
		i := bytes.IndexByte(part, '\\')
		if i < 0 || i+1 >= len(part) {
			return false
		}
		switch part[i+1] {
		case 'n', 'r', 't', '"', '\'':
			part = part[i+2:]
		default:
			return true
		}
	}
}

// accept decides whether the match text[start:end] with its secret
// text[a:b] is a secret, adds it, and returns where it ends, or 0.
func (s *scanner) accept(text, key []byte, r *rule, index int32, start, end, a, b int) int {
	if tail := r.pattern.Tail; tail != nil && r.right != anyByte && end < len(text) && tail[text[end]] {
		if r.right == exact {
			return s.reject(uint32(index), a, b, whyLength, 0, 0)
		}
		whole := b == end
		end = s.budget.tail.end(text, end, tail)
		if whole {
			b = end
		}
	}
	if a >= b {
		return s.reject(uint32(index), a, b, whyEmpty, 0, 0)
	}
	if len(r.keywords) > 0 && !near(text[max(0, start-r.within):start], r.keywords) && !near(key, r.keywords) {
		return s.reject(uint32(index), a, b, whyKeyword, float64(r.within), 0)
	}
	if why := s.against(text, r, start, a, b); why != "" {
		return s.reject(uint32(index), a, b, why, 0, 0)
	}
	f := Finding{Start: a, End: b, Rule: uint32(index), Severity: r.severity}
	if r.check != nil && !r.checked(&f, text, text[start:end]) {
		return s.reject(uint32(index), a, b, whyChecksum, 0, 0)
	}
	if f.Evidence&ChecksumPassed == 0 && r.entropy > 0 {
		if h := entropy(s.budget.part(text[f.Start:f.End])); h < r.entropy {
			return s.reject(uint32(index), a, b, whyEntropy, h, r.entropy)
		}
	}
	if docExample(text[f.Start:f.End]) {
		f.Evidence |= DocExample
	}
	s.addMatch(f, text, start, end, 0)
	return end
}

// maxPhrase is how many bytes of a row of words are read beyond the match in
// which it begins: more than 36 are several phrases.
const maxPhrase = 512

// checked applies the rule's checksum to f and says whether it stands.
func (r *rule) checked(f *Finding, text, match []byte) bool {
	secret := text[f.Start:f.End]
	if r.near {
		match = secret
	}
	if r.phrase {
		from, to := verify.Phrase(text[f.Start:min(len(text), f.End+maxPhrase)])
		if to == 0 {
			return false
		}
		f.Start, f.End = f.Start+from, f.Start+to
		match = text[f.Start:f.End]
	}
	switch r.check(match) {
	case verify.Passed:
		f.Evidence |= ChecksumPassed
	case verify.Failed:
		f.Evidence |= ChecksumFailed
		f.Severity = max(pack.Low, f.Severity-1)
		return !r.require
	}
	return true
}

// longBlob is how many bytes of base64 without a break no path or name has.
const longBlob = 48

// against says what in its place speaks against the secret text[a:b] of a
// match that begins at start.
func (s *scanner) against(text []byte, r *rule, start, a, b int) (why string) {
	if s.e.inMask(text, a, b) || s.e.masked(text[a:b]) {
		return whyMask
	}
	secret := s.budget.part(text[a:b])
	b = a + len(secret)
	switch {
	case inBlob(text, start):
		return whyBlob
	case r.rank <= rankContext && (placeholder(secret) || !r.near && s.e.absurd(text, a, b)):
		return whyFiller
	case r.near && !r.require && !credible(text[start:a], secret, r.not):
		return whyCredible
	}
	return ""
}

// inBlob says that offset at lies in the middle of a long run of base64, such
// as an image: what looks like a token behind its + or / is there by chance.
func inBlob(text []byte, at int) bool {
	if at < longBlob || text[at-1] != '+' && text[at-1] != '/' {
		return false
	}
	for _, c := range text[at-longBlob : at] {
		if !isAlpha(c) && !isDigit(c) && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// leftBorder says that a token can begin at offset at: no letter, digit or
// underscore stands before it, unless that belongs to an escape.
func leftBorder(text []byte, at int) bool {
	if at == 0 || !isWord(text[at-1]) {
		return true
	}
	c := text[at-1]
	switch {
	case at >= 2 && text[at-2] == '\\': // \n, \t, \r, \b, \f
		return c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f'
	case at >= 3 && text[at-3] == '%': // %3D
		return isHex(text[at-2]) && isHex(c)
	case at >= 4 && text[at-4] == '\\' && text[at-3] == 'x': // \x3d
		return isHex(text[at-2]) && isHex(c)
	case at >= 6 && text[at-6] == '\\' && text[at-5] == 'u': // \u003d
		return isHex(text[at-4]) && isHex(text[at-3]) && isHex(text[at-2]) && isHex(c)
	case c == 'm' && at >= 3: // ESC [ 3 1 m
		i := at - 2
		for i > 0 && (text[i] == ';' || text[i]-'0' < 10) {
			i--
		}
		return text[i] == '['
	}
	return false
}

func isWord(c byte) bool  { return c == '_' || c-'0' < 10 || (c|0x20)-'a' < 26 }
func isHex(c byte) bool   { return c-'0' < 10 || (c|0x20)-'a' < 6 }
func isDigit(c byte) bool { return c-'0' < 10 }
func isAlpha(c byte) bool { return (c|0x20)-'a' < 26 }

func toLower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// near says that one of the lower-case words stands in text.
func near(text []byte, words []string) bool {
	for _, w := range words {
		if indexFold(text, w) >= 0 {
			return true
		}
	}
	return false
}

// indexFold is bytes.Index with ASCII case folded; lower is in lower case.
func indexFold(text []byte, lower string) int {
	first := lower[0]
	for i := 0; i+len(lower) <= len(text); i++ {
		if text[i]|0x20 == first|0x20 && hasPrefixFold(text[i:], lower) {
			return i
		}
	}
	return -1
}

package mask

import (
	"bytes"
	"strings"

	"github.com/tracescrub/tracescrub/rules"
)

// This file is why masking twice changes nothing: it knows the masks again.
// It believes a mask only when nothing but a known word and a few hex digits
// is in it, so that brackets around a secret are no way past the engine.

const (
	masked   = "[MASKED:"
	withheld = "[WITHHELD:"

	// maxMask is the longest mask that is known again, in bytes.
	maxMask = 128
)

// knownWords are the rule ids and reasons that masks name.
func knownWords(infos []rules.Info) map[string]bool {
	words := make(map[string]bool, len(infos)+8)
	for _, i := range infos {
		words[i.ID] = true
	}
	for r := rules.None; r <= rules.Panic; r++ {
		words[r.String()] = true
	}
	return words
}

// isMask reports whether b is one mask and nothing else.
func (m *Masker) isMask(b []byte) bool {
	n := m.maskLen(b)
	return n > 0 && n == len(b)
}

// maskLen returns the length of the mask that b begins with, 0 if it does not.
func (m *Masker) maskLen(b []byte) int {
	rest, ok := bytes.CutPrefix(b, []byte(masked))
	if !ok {
		if rest, ok = bytes.CutPrefix(b, []byte(withheld)); !ok {
			return 0
		}
	}
	end := bytes.IndexByte(rest, ']')
	if end < 0 || end > maxMask {
		return 0
	}
	word, fingerprint, has := strings.Cut(string(rest[:end]), ":")
	if !has || !m.known[word] || !isFingerprint(fingerprint) {
		return 0
	}
	return len(b) - len(rest) + end + 1
}

// inMask reports whether text[start:end] is, or lies within, one mask.
func (m *Masker) inMask(text []byte, start, end int) bool {
	from := max(0, start-maxMask)
	for open := start; ; {
		open = from + bytes.LastIndexByte(text[from:min(open+1, len(text))], '[')
		if open < from {
			return false
		}
		if n := m.maskLen(text[open:]); n > 0 {
			return open+n >= end
		}
		open--
	}
}

func isFingerprint(s string) bool {
	if len(s) != 8 && len(s) != 16 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// alreadyPartial reports whether b is what style partial leaves: a mask with
// no more around it than the style may reveal.
func (m *Masker) alreadyPartial(b []byte, s Style) bool {
	if s.Kind != "partial" {
		return false
	}
	open := bytes.Index(b, []byte(masked))
	if open < 0 || open > s.First {
		return false
	}
	n := m.maskLen(b[open:])
	return n > 0 && len(b)-open-n <= s.Last
}

// isFixed reports whether text[start:end] lies within an occurrence of the
// style's fixed text, which is public.
func (m *Masker) isFixed(text []byte, start, end int, s Style) bool {
	if s.Kind != "fixed" || end-start > len(s.Text) {
		return false
	}
	from, to := max(0, end-len(s.Text)), min(len(text), start+len(s.Text))
	return bytes.Contains(text[from:to], []byte(s.Text))
}

// withoutMasks takes the masks out of a key or neighbour, so that the words in
// a mask (a rule's id) do not become context of the text beside it.
func withoutMasks(s string) string {
	if strings.IndexByte(s, masked[0]) < 0 {
		return s
	}
	for _, open := range [...]string{masked, withheld} {
		for {
			before, after, ok := strings.Cut(s, open)
			if !ok {
				break
			}
			_, after, _ = strings.Cut(after, "]")
			s = before + after
		}
	}
	return s
}

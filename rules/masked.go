package rules

import "bytes"

// These begin the masks of package mask.
var (
	maskOpen     = []byte("[MASKED:")
	withheldOpen = []byte("[WITHHELD:")
)

const (
	maxRuleID   = 64 // bytes of a rule id within a mask
	minMaskHash = 8  // hex digits
	maxMaskHash = 64
)

// maxBeside is how many bytes beside masks are no secret: an escaped line end.
const maxBeside = 3

// masked says that a secret is masks of ours and hardly anything else.
func (e *Engine) masked(secret []byte) bool {
	masks, beside := 0, 0
	for i := 0; i < len(secret) && beside <= maxBeside; {
		if k := e.maskLen(secret[i:]); k > 0 {
			masks++
			i += k
			continue
		}
		beside++
		i++
	}
	return masks > 0 && beside <= maxBeside
}

// inMask says that text[start:end] lies within one mask.
func (e *Engine) inMask(text []byte, start, end int) bool {
	from := max(0, start-maxRuleID-maxMaskHash)
	before := text[from:min(start+1, len(text))]
	if bytes.IndexByte(before, '[') < 0 { // looks at many bytes at a time
		return false
	}
	from += bytes.LastIndexByte(before, '[')
	return from+e.maskLen(text[from:]) >= end
}

// maskedAndMore says that text holds a mask and besides it no word that could
// be a secret: what a mask has left of a longer text.
func (e *Engine) maskedAndMore(text []byte) bool {
	i := bytes.Index(text, maskOpen)
	if i < 0 {
		return false
	}
	n := e.maskLen(text[i:])
	if n == 0 {
		return false
	}
	for _, part := range [][]byte{text[:i], text[i+n:]} {
		for word := range bytes.FieldsSeq(part) {
			if len(word) >= minStrong && strong(word) {
				return false
			}
		}
	}
	return true
}

// maskLen returns the length of the mask that b begins with, 0 if it is none:
// [MASKED:rule:hex] with a rule that this engine has or may have had, or [WITHHELD:reason:hex].
// What only looks like one is no mask, so that nothing can hide in it.
func (e *Engine) maskLen(b []byte) int {
	from := len(maskOpen)
	withheld := bytes.HasPrefix(b, withheldOpen)
	if withheld {
		from = len(withheldOpen)
	} else if !bytes.HasPrefix(b, maskOpen) {
		return 0
	}
	n := bytes.IndexByte(b[from:min(len(b), from+maxRuleID+1)], ':')
	if n < 0 {
		return 0
	}
	id := b[from : from+n]
	if withheld && !isReason(id) || !withheld && !e.ids[string(id)] && !plainID(id) {
		return 0
	}
	hash := from + n + 1
	i := hash
	for i < len(b) && (isDigit(b[i]) || b[i]-'a' < 6) {
		i++
	}
	if i >= len(b) || b[i] != ']' || i-hash < minMaskHash || i-hash > maxMaskHash {
		return 0
	}
	return i + 1
}

// maxPart is the longest word in the id of a rule that this engine does not
// have, as in a mask of another version.
const maxPart = 14

// plainID says that id is words joined by "-" as rule ids are, and too plain
// to hide a secret.
func plainID(id []byte) bool {
	part, digits := 0, 0
	for _, c := range id {
		switch {
		case c == '-':
			part, digits = 0, 0
			continue
		case isDigit(c):
			digits++
		case c-'a' >= 26:
			return false
		}
		if part++; part > maxPart || digits > 2 {
			return false
		}
	}
	return len(id) > 0
}

func isReason(id []byte) bool {
	for r := Depth; r <= Panic; r++ {
		if r.String() == string(id) {
			return true
		}
	}
	return false
}

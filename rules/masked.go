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
	maxBeside   = 16 // bytes that a partial mask leaves beside itself
)

// masked says that a secret is one of our masks, whole or with a few bytes
// beside it, as a partial mask leaves.
func (e *Engine) masked(secret []byte) bool {
	i := bytes.Index(secret, maskOpen)
	if i < 0 {
		i = bytes.Index(secret, withheldOpen)
	}
	if i < 0 {
		return false
	}
	n := e.maskLen(secret[i:])
	return n > 0 && len(secret)-n <= maxBeside
}

// inMask says that text[start:end] lies within one mask.
func (e *Engine) inMask(text []byte, start, end int) bool {
	from := max(0, start-maxRuleID-maxMaskHash)
	i := bytes.LastIndexByte(text[from:min(start+1, len(text))], '[')
	return i >= 0 && from+i+e.maskLen(text[from+i:]) >= end
}

// maskedAndMore says that text holds a mask and besides it nothing that could
// be a secret as a whole: little, or several words.
func (e *Engine) maskedAndMore(text []byte) bool {
	i := bytes.Index(text, maskOpen)
	if i < 0 {
		return false
	}
	n := e.maskLen(text[i:])
	return n > 0 && (len(text)-n <= maxBeside || bytes.ContainsAny(text, " \t\n"))
}

// maskLen returns the length of the mask that b begins with, 0 if it is none:
// [MASKED:rule:hex] with a rule that this engine has, or [WITHHELD:reason:hex].
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
	if withheld && !isReason(id) || !withheld && !e.ids[string(id)] {
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

func isReason(id []byte) bool {
	for r := Depth; r <= Panic; r++ {
		if r.String() == string(id) {
			return true
		}
	}
	return false
}

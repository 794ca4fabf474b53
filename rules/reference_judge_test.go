package rules

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strings"
)

// refEscape is the end of an escape, behind which a token can begin.
var refEscape = regexp.MustCompile(`(?:\\[bfnrt]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|\[[0-9;]*m)$`)

// refWord is a byte of a word.
var refWord = regexp.MustCompile(`^[0-9A-Za-z_]$`)

// refBorder says that a token can begin at an offset.
func refBorder(text []byte, at int) bool {
	return at == 0 || !refWord.Match(text[at-1:at]) || refEscape.Match(text[max(0, at-40):at])
}

// refBase64 is a run of base64 that ends in a sign.
var refBase64 = regexp.MustCompile(`[0-9A-Za-z+/]{47}[+/]$`)

// refBlob says that what stands before a match is base64.
func refBlob(before []byte) bool { return refBase64.Match(before[max(0, len(before)-48):]) }

func refKeyword(before []byte, words []string) bool {
	if len(words) == 0 {
		return true
	}
	low := folded(before)
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(low, []byte(strings.ToLower(w))) })
}

func refEntropy(secret []byte) float64 {
	count := map[byte]float64{}
	for _, c := range secret {
		count[c]++
	}
	h := 0.0
	for _, n := range count {
		p := n / float64(len(secret))
		h -= p * math.Log2(p)
	}
	return h
}

// settle merges findings that overlap: of the same bytes the more specific
// rule's, else the wider's, or the provider's that lies within one by context.
func (ref *refRules) settle(all []Finding) []Finding {
	return resolve(all, func(f *Finding) rank { return ref.e.rankOf(f.Rule) })
}

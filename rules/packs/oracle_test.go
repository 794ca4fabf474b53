package packs

import (
	"math"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// oracle is the slow and plain reading of a rule: package regexp over the
// whole text, then what docs/rules.md says about left, right, keywords,
// checksum and entropy. The engine must agree with it.
type oracle struct {
	rule *pack.Rule
	re   *regexp.Regexp
	last [256]bool // the bytes of the last class of the pattern
}

func newOracle(r *pack.Rule) *oracle {
	o := &oracle{rule: r, re: regexp.MustCompile(r.Pattern)}
	tree, err := syntax.Parse(r.Pattern, syntax.Perl)
	if err != nil {
		panic(r.ID + ": the pattern does not parse")
	}
	if class := lastClass(tree); class != nil {
		for i := 0; i+1 < len(class.Rune); i += 2 {
			for c := class.Rune[i]; c <= class.Rune[i+1] && c < 256; c++ {
				o.last[c] = true
			}
		}
	}
	return o
}

// lastClass is the class that stands last in the pattern; literals do not count.
func lastClass(tree *syntax.Regexp) *syntax.Regexp {
	if tree.Op == syntax.OpCharClass {
		return tree
	}
	for i := len(tree.Sub) - 1; i >= 0; i-- {
		if c := lastClass(tree.Sub[i]); c != nil {
			return c
		}
	}
	return nil
}

// escapeEnd is an escape sequence or a colour code that ends before a match.
var escapeEnd = regexp.MustCompile(`(\\[abfnrtv0]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|\x1b\[[0-9;]*m)$`)

// find returns the spans of all secrets of the rule in text.
func (o *oracle) find(text string) [][2]int {
	var spans [][2]int
	for at := 0; at <= len(text); {
		m := o.re.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return spans
		}
		for i := range m {
			if m[i] >= 0 {
				m[i] += at
			}
		}
		span, ok := o.accept(text, m)
		if !ok {
			at = m[0] + 1
			continue
		}
		spans = append(spans, span)
		at = max(span[1], m[0]+1)
	}
	return spans
}

func (o *oracle) accept(text string, m []int) (span [2]int, ok bool) {
	r := o.rule
	start, end := m[0], m[1]
	span = [2]int{m[2*r.Secret], m[2*r.Secret+1]}
	if r.Left == "word" && start > 0 && isWord(text[start-1]) && !escapeEnd.MatchString(text[:start]) {
		return span, false
	}
	if r.Right != "any" && span[1] == end {
		for end < len(text) && o.last[text[end]] {
			end++
		}
		if r.Right == "exact" && end > m[1] {
			return span, false
		}
		span[1] = end
	}
	if !o.keyword(text[max(0, start-r.Within):start]) {
		return span, false
	}
	verdict := verify.Unknown
	if r.Checksum != "" {
		verdict = verify.Lookup(r.Checksum)([]byte(text[m[0]:m[1]]))
	}
	if verdict == verify.Failed && r.Require {
		return span, false
	}
	return span, verdict == verify.Passed || entropy(text[span[0]:span[1]]) >= r.Entropy
}

func (o *oracle) keyword(before string) bool {
	if len(o.rule.Keywords) == 0 {
		return true
	}
	before = strings.ToLower(before)
	for _, k := range o.rule.Keywords {
		if strings.Contains(before, k) {
			return true
		}
	}
	return false
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func entropy(s string) float64 {
	var count [256]int
	for i := 0; i < len(s); i++ {
		count[s[i]]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return h
}

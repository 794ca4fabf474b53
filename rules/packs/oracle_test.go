package packs

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// oracle is the slow and plain reading of a rule: package regexp over the
// whole text, then what docs/rules.md says about left, right, keywords,
// checksum and entropy. The engine must agree with it.
type oracle struct {
	rule  *pack.Rule
	re    *regexp.Regexp
	group int
	last  [256]bool // the bytes of the last class of the pattern
}

func newOracle(r *pack.Rule) *oracle {
	expr, group := r.Search()
	o := &oracle{rule: r, re: regexp.MustCompile(expr), group: group}
	tree, err := syntax.Parse(expr, syntax.Perl)
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
	span = [2]int{m[2*o.group], m[2*o.group+1]}
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
	if len(r.Near) > 0 && !r.Require && !near(text[start:span[0]], text[span[0]:span[1]], r.Not) {
		return span, false
	}
	verdict := verify.Unknown
	if r.Checksum != "" {
		match := text[m[0]:m[1]]
		if len(r.Near) > 0 {
			match = text[span[0]:span[1]]
		}
		verdict = verify.Lookup(r.Checksum)([]byte(match))
		if from, to := verify.Phrase([]byte(text[span[0]:span[1]])); r.Checksum == "bip39" {
			span = [2]int{span[0] + from, span[0] + to}
		}
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

// nouns say of what follows that it opens something.
var nouns = regexp.MustCompile(`^(?:(?:api|app|access|secret|client)?(?:key|token|secret)s?|pass(?:wd|wort|word|phrase)?s?|pwd|pw|cred(?:ential)?s?|creds|auth(?:orization|token)?|bearer|basic|api|access|pat|licen[sc]e|private|dsn|jwt|ssws|sig|hmac)$`)

// near reads what stands between a word and a token of plain form.
func near(gap, secret string, not []string) bool {
	if len(secret) < 10 || len(secret) < 16 && !strings.ContainsAny(secret, "0123456789") || strings.HasSuffix(gap, "@") {
		return false
	}
	split := regexp.MustCompile(`([a-z])([A-Z0-9])|([A-Z])([A-Z][a-z])|([A-Z_])([0-9])`)
	gap = split.ReplaceAllString(split.ReplaceAllString(gap, "$1$3$5 $2$4$6"), "$1$3$5 $2$4$6")
	words := strings.FieldsFunc(strings.ToLower(gap), func(r rune) bool { return r == '_' || r > 127 || !isWord(byte(r)) })
	for i := len(words) - 1; i >= 0; i-- {
		if nouns.MatchString(words[i]) {
			return true
		}
		if slices.Contains(not, words[i]) {
			return false
		}
	}
	return strings.ContainsAny(gap, "=:\"'`>") && !strings.ContainsAny(gap, "/@?") && len(words) <= 4
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

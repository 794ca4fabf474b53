package rules

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// This file is the plain reading of docs/rules.md: every rule by package regexp
// over the whole text, from left to right, then borders, keywords, checksum and
// entropy one after the other. It shares with the engine what judges a single
// value (placeholder, absurd, package verify), and nothing that searches:
// neither literals, filter, matcher, budgets nor memory of what was settled.
//
// It knows the text as it stands. What the engine finds besides, by taking
// encodings off, in broken or cut tokens, by names and in keys, is told apart
// in compareWithReference.

// refRule is one rule of the reference.
type refRule struct {
	rule  *pack.Rule
	index uint32
	re    *regexp.Regexp   // the pattern
	at    *regexp.Regexp   // the same, at the start of what it is given
	words *regexp.Regexp   // with near: one of them
	each  []*regexp.Regexp // with near: each, at the start
	last  *[256]bool       // bytes that may go on behind a match, nil if there are none
	rank  rank
}

// refRules is a set of rules.
type refRules struct {
	e     *Engine // for what judges
	rules []refRule
}

func newReference(e *Engine, packs []*pack.Pack) *refRules {
	ref := &refRules{e: e}
	index := uint32(0)
	for _, p := range packs {
		for i := range p.Rules {
			r := &p.Rules[i]
			ref.rules = append(ref.rules, newRefRule(r, index))
			index++
		}
		index += uint32(len(p.Names))
	}
	return ref
}

func newRefRule(r *pack.Rule, index uint32) refRule {
	expr := "(?:" + r.Pattern + ")"
	out := refRule{rule: r, index: index, rank: rankOf(r)}
	if len(r.Near) > 0 {
		expr = "(" + r.Pattern + ")(?:[^0-9A-Za-z_-]|$)"
		var words []string
		for _, w := range r.Near {
			words = append(words, strings.ReplaceAll(regexp.QuoteMeta(w), "_", "[_-]?"))
			out.each = append(out.each, regexp.MustCompile("^(?i:"+words[len(words)-1]+")"))
		}
		out.words = regexp.MustCompile("(?i:" + strings.Join(words, "|") + ")")
	}
	out.re, out.at = regexp.MustCompile(expr), regexp.MustCompile("^(?:"+expr+")")
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic("a pattern that regexp takes does not parse")
	}
	out.last = goesOn(tree)
	return out
}

// goesOn is the set of bytes of the class or repeat that a pattern ends with.
func goesOn(tree *syntax.Regexp) *[256]bool {
	var set [256]bool
	switch tree.Op {
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		one := regexp.MustCompile("^(?s:" + tree.String() + ")$")
		for b := range 256 {
			set[b] = b < 0x80 && one.MatchString(string(rune(b)))
		}
		return &set
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if lit := tree.Sub[0]; lit.Op == syntax.OpLiteral && len(lit.Rune) == 1 {
			set[byte(lit.Rune[0])] = true
			return &set
		}
		return goesOn(tree.Sub[0])
	case syntax.OpCapture:
		return goesOn(tree.Sub[0])
	case syntax.OpConcat:
		return goesOn(tree.Sub[len(tree.Sub)-1])
	case syntax.OpAlternate:
		for _, sub := range tree.Sub {
			s := goesOn(sub)
			if s == nil {
				return nil
			}
			for b := range s {
				set[b] = set[b] || s[b]
			}
		}
		return &set
	}
	return nil
}

// find returns what all rules find in text, as the engine would say it.
func (ref *refRules) find(text []byte) []Finding {
	var all []Finding
	for i := range ref.rules {
		r := &ref.rules[i]
		if r.words != nil {
			all = append(all, ref.near(r, text)...)
			continue
		}
		for at := 0; at <= len(text); {
			m := r.re.FindSubmatchIndex(text[at:])
			if m == nil {
				break
			}
			start, end := at+m[0], at+m[1]
			a, b := start, end
			if g := 2 * r.rule.Secret; m[g] >= 0 {
				a, b = at+m[g], at+m[g+1]
			}
			f, last := ref.accept(r, text, start, end, a, b)
			if last == 0 || r.rule.Left == "word" && !refBorder(text, start) {
				at = start + 1
				continue
			}
			all = append(all, f)
			at = last
		}
	}
	return ref.settle(all)
}

// near finds tokens behind the words of a rule: within 72 characters, behind a
// byte that is none of a token.
func (ref *refRules) near(r *refRule, text []byte) (all []Finding) {
	done := 0
	for pos := 0; pos < len(text); pos++ {
		m := r.words.FindIndex(text[pos:])
		if m == nil {
			return all
		}
		pos += m[0]
		if r.rule.Left == "word" && !refBorder(text, pos) {
			continue
		}
		for _, word := range r.each {
			m := word.FindIndex(text[pos:])
			if m == nil || pos < done {
				continue
			}
			if f, last := ref.behind(r, text, pos, pos+m[1]); last > 0 {
				all, done = append(all, f), last
			}
		}
	}
	return all
}

// behind finds the token behind the word text[pos:end].
func (ref *refRules) behind(r *refRule, text []byte, pos, end int) (f Finding, last int) {
	for at := end + 1; at <= min(len(text), end+73); at++ {
		if !refGap.Match(text[max(0, at-3):at]) {
			continue
		}
		m := r.at.FindSubmatchIndex(text[at:])
		if m == nil {
			continue
		}
		g := 2*r.rule.Secret + 2
		if f, last = ref.accept(r, text, pos, at+m[1], at+m[g], at+m[g+1]); last > 0 {
			return f, last
		}
	}
	return f, 0
}

// refGap is what may stand before a token that is known by a word.
var refGap = regexp.MustCompile(`(?s:[^0-9A-Za-z_-]|\\[nrt]|%3[Dd]|%22)$|%3[Dd]$`)

// accept judges the match text[start:end] with the secret text[a:b]. last is
// where the search goes on, 0 if it is no secret.
func (ref *refRules) accept(r *refRule, text []byte, start, end, a, b int) (f Finding, last int) {
	if r.last != nil && r.rule.Right != "any" {
		long := end
		for long < len(text) && r.last[text[long]] {
			long++
		}
		if r.rule.Right == "exact" && long > end {
			return f, 0
		}
		if b == end {
			b = long
		}
		end = long
	}
	if a >= b || !refKeyword(text[max(0, start-r.rule.Within):start], r.rule.Keywords) || refBlob(text[:start]) {
		return f, 0
	}
	f = Finding{Start: a, End: b, Rule: r.index, Severity: r.rule.Severity}
	byNear, secret := len(r.rule.Near) > 0, text[a:b]
	if r.rank <= rankContext && (placeholder(secret) || !byNear && ref.e.absurd(text, a, b)) {
		return f, 0
	}
	if byNear && !r.rule.Require {
		not := map[string]bool{}
		for _, w := range r.rule.Not {
			not[w] = true
		}
		if !credible(text[start:a], secret, not) {
			return f, 0
		}
	}
	if r.rule.Checksum != "" {
		match := text[start:end]
		if byNear {
			match = secret
		}
		if r.rule.Checksum == "bip39" {
			from, to := verify.Phrase(secret)
			if to == 0 {
				return f, 0
			}
			f.Start, f.End = a+from, a+to
		}
		switch verify.Lookup(r.rule.Checksum)(match) {
		case verify.Passed:
			f.Evidence |= ChecksumPassed
		case verify.Failed:
			if r.rule.Require {
				return f, 0
			}
			f.Evidence, f.Severity = f.Evidence|ChecksumFailed, max(pack.Low, f.Severity-1)
		}
	}
	secret = text[f.Start:f.End]
	if f.Evidence&ChecksumPassed == 0 && refEntropy(secret) < r.rule.Entropy {
		return f, 0
	}
	if verify.DocExample(secret) {
		f.Evidence |= DocExample
	}
	return f, end
}

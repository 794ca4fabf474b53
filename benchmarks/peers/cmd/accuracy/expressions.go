package main

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// expression is a built-in rule as others can have it.
type expression struct {
	whole string // what the rule takes
	// split is the same with the groups that a replacement keeps, and replacement
	// what it is replaced by: the mask, and what stands around the secret.
	split, replacement string
}

// written is what of the built-in rules can be written as regular expressions.
type written struct {
	all  []expression
	keys []string // names of credentials, for whole keys of attributes
	// What cannot: rules that need a word near them, a word before them, a
	// checksum, or a name whose value must look like a secret.
	near, keywords, checksum, names int
	// What is left out of those that can.
	lostEntropy, lostChecksum int
}

const theirMask = "****"

// expressions writes the built-in rules as regular expressions of RE2.
func expressions() (*written, error) {
	all, err := packs.Builtin()
	if err != nil {
		return nil, err
	}
	w := &written{}
	for _, p := range all {
		for i := range p.Rules {
			if err := w.rule(&p.Rules[i]); err != nil {
				return nil, fmt.Errorf("rule %s: %w", p.Rules[i].ID, err)
			}
		}
		for _, n := range p.Names {
			w.names++
			w.keys = append(w.keys, keyPattern(n))
		}
	}
	return w, nil
}

func (w *written) rule(r *pack.Rule) error {
	switch {
	case len(r.Near) > 0:
		w.near++
		return nil
	case len(r.Keywords) > 0:
		w.keywords++
		return nil
	case r.Require:
		w.checksum++
		return nil
	}
	if r.Entropy > 0 {
		w.lostEntropy++
	}
	if r.Checksum != "" {
		w.lostChecksum++
	}
	e, err := newExpression(r)
	if err == nil {
		w.all = append(w.all, e)
	}
	return err
}

// newExpression takes the rule's pattern as it is. Borders of words around it
// would make it find less: an escaped line break ends in a letter.
func newExpression(r *pack.Rule) (expression, error) {
	tree, err := syntax.Parse(r.Pattern, syntax.Perl)
	if err != nil {
		return expression{}, err
	}
	e := expression{whole: r.Pattern, split: r.Pattern, replacement: theirMask}
	if before, secret, after, ok := cut(tree, r.Secret); ok {
		e.split, e.replacement = "("+before+")"+secret+"("+after+")", "${1}"+theirMask+"${2}"
	}
	_, err = regexp.Compile(e.split)
	return e, err
}

// cut takes a pattern apart at the group of the secret, if that does not stand
// in another part of it.
func cut(tree *syntax.Regexp, group int) (before, secret, after string, ok bool) {
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = tree.Sub
	}
	i := slices.IndexFunc(parts, func(x *syntax.Regexp) bool { return x.Op == syntax.OpCapture && x.Cap == group })
	if group == 0 || i < 0 {
		return "", "", "", false
	}
	return source(parts[:i]), source(parts[i : i+1]), source(parts[i+1:]), true
}

// source writes parts of a pattern, one after the other, without their groups.
func source(parts []*syntax.Regexp) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("(?:" + ungroup(p).String() + ")")
	}
	return b.String()
}

func ungroup(re *syntax.Regexp) *syntax.Regexp {
	if re.Op == syntax.OpCapture {
		return ungroup(re.Sub[0])
	}
	out := *re
	out.Sub = make([]*syntax.Regexp, len(re.Sub))
	for i, s := range re.Sub {
		out.Sub[i] = ungroup(s)
	}
	return &out
}

// keyPattern is a key of which a name of a credential is the last part.
func keyPattern(n pack.Name) string {
	words := make([]string, len(n.Names))
	for i, w := range n.Names {
		words[i] = strings.ReplaceAll(regexp.QuoteMeta(w), "_", "[_.-]?")
	}
	return `(?i)(?:^|[^a-z])(?:` + strings.Join(words, "|") + `)$`
}

// rulesTable says how many rules others can have.
const rulesTable = "accuracy rules"

func (w *written) figures() (all []figure.Figure) {
	for _, x := range []struct {
		row string
		n   int
	}{
		{"written as a regular expression", len(w.all)},
		{"of these, without their checksum", w.lostChecksum},
		{"of these, without their bound of entropy", w.lostEntropy},
		{"left out: need a word near the token, and none of others", w.near},
		{"left out: need a word before the token", w.keywords},
		{"left out: need a checksum", w.checksum},
		{"left out: go by the name a value stands under and by its look", w.names},
	} {
		all = append(all, figure.Figure{Table: rulesTable, Row: x.row, Col: "rules", Unit: "count", Value: float64(x.n)})
	}
	return all
}

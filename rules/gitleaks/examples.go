package gitleaks

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// alphabets of templates, the richest first, with their letters.
var alphabets = []struct{ name, letters string }{
	{"base62", digits + upper + lower},
	{"BASE36", digits + upper},
	{"base36", digits + lower},
	{"alpha", upper + lower},
	{"base32", upper + "234567"},
	{"HEX", digits + "ABCDEF"},
	{"hex", digits + "abcdef"},
	{"upper", upper},
	{"lower", lower},
	{"digit", digits},
}

const (
	digits = "0123456789"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	// seeds is how often a template has to work before it is written.
	seeds = 32
)

// examples gives a rule the templates that a pack must have: one that is
// found, and one a little shorter that is not.
func (im *importer) examples(out *pack.Rule, r *rule) {
	if !im.opts.Examples {
		return
	}
	re, err := syntax.Parse(out.Pattern, syntax.Perl)
	if err != nil {
		return
	}
	head := ""
	if len(out.Keywords) > 0 {
		head = out.Keywords[0] + ": "
	}
	engine, err := rules.Compile(rules.Limits{}, &pack.Pack{Version: 1, Name: "x", Rules: []pack.Rule{*out}})
	if err != nil {
		return
	}
	works := func(t string, found bool) bool {
		for seed := range uint64(seeds) {
			text, secret, err := pack.Expand(t, rand.New(rand.NewPCG(seed, 1)))
			if err != nil || text == "" {
				return false
			}
			if hit := covers(engine.Scan(nil, []byte(text), rules.Context{}), secret, found); hit != found {
				return false
			}
		}
		return true
	}
	for _, more := range []int{0, 8, 32} {
		w := writer{group: out.Secret, more: more}
		if t := head + w.whole(re); !w.stuck && works(t, true) {
			out.Examples = []string{t}
			break
		}
	}
	for _, near := range []writer{{group: out.Secret, less: 1}, {group: out.Secret, less: 2}} {
		if t := strings.NewReplacer("{{", "", "}}", "").Replace(head + near.whole(re)); !near.stuck && works(t, false) {
			out.NearMisses = []string{t}
			break
		}
	}
	if len(out.NearMisses) == 0 {
		out.NearMisses = []string{"nothing of the kind"}
	}
	if len(out.Examples) == 0 {
		im.note(r.where, "no example could be made from its regex: write one into the pack before it is used")
	}
}

// covers says that findings cover all of the secret (any of it, if not all is asked for).
func covers(found []rules.Finding, secret [2]int, all bool) bool {
	at := secret[0]
	for _, f := range found {
		if f.Start <= at && f.End > at {
			at = f.End
		}
	}
	if all {
		return at >= secret[1]
	}
	return len(found) > 0
}

// writer writes a template from a pattern.
type writer struct {
	b           strings.Builder
	group       int // the secret
	more, less  int // bytes that the first long run has beyond or below its least
	stuck       bool
	changedOnce bool
}

func (w *writer) whole(re *syntax.Regexp) string {
	if w.group == 0 {
		w.b.WriteString("{{")
	}
	w.write(re)
	if w.group == 0 {
		w.b.WriteString("<>}}")
	}
	return strings.ReplaceAll(w.b.String(), "<><>", "<>")
}

func (w *writer) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			w.letter(c)
		}
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		w.run(re, 1, 1)
	case syntax.OpCapture:
		if re.Cap == w.group {
			w.b.WriteString("{{")
		}
		w.write(re.Sub[0])
		if re.Cap == w.group {
			w.b.WriteString("<>}}")
		}
	case syntax.OpConcat:
		for _, s := range re.Sub {
			w.write(s)
		}
	case syntax.OpAlternate:
		w.write(re.Sub[0])
	case syntax.OpPlus:
		w.repeat(re.Sub[0], 1, -1)
	case syntax.OpRepeat:
		w.repeat(re.Sub[0], re.Min, re.Max)
	case syntax.OpStar, syntax.OpQuest, syntax.OpEmptyMatch:
	default:
		w.stuck = true
	}
}

func (w *writer) letter(c rune) {
	switch {
	case c == '<':
		w.b.WriteString("<<")
	case c == '{' || c == '}':
		w.b.WriteString(string(c) + "<>")
	default:
		w.b.WriteRune(c)
	}
}

func (w *writer) repeat(re *syntax.Regexp, lo, hi int) {
	if re.Op == syntax.OpCharClass || re.Op == syntax.OpAnyChar || re.Op == syntax.OpAnyCharNotNL {
		w.run(re, lo, hi)
		return
	}
	for range min(lo, 64) {
		w.write(re)
	}
}

// run writes a run of letters of a class, in one of the alphabets if one lies within it.
func (w *writer) run(re *syntax.Regexp, lo, hi int) {
	n := lo
	if lo > 3 && !w.changedOnce {
		w.changedOnce = true
		if n += w.more; hi >= 0 {
			n = min(n, hi)
		}
		n -= min(w.less*lo/2, lo)
	}
	if n == 0 {
		return
	}
	if re.Op != syntax.OpCharClass {
		fmt.Fprintf(&w.b, "<%d*base62>", n)
		return
	}
	has := func(c rune) bool {
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if c >= re.Rune[i] && c <= re.Rune[i+1] {
				return true
			}
		}
		return false
	}
	for _, a := range alphabets {
		if n > 1 && !slices.ContainsFunc([]rune(a.letters), func(c rune) bool { return !has(c) }) {
			fmt.Fprintf(&w.b, "<%d*%s>", n, a.name)
			return
		}
	}
	for _, c := range "=: _-./aA0\"'" {
		if has(c) {
			for range n {
				w.letter(c)
			}
			return
		}
	}
	for range n {
		w.letter(re.Rune[0])
	}
}

package pack

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/tracescrub/tracescrub/rules/verify"
)

const (
	// minAnchor is the rule-pack law: fewer fixed bytes make candidates of ordinary text.
	minAnchor     = 3
	defaultWithin = 100
	maxWithin     = 4096
	maxID         = 64
)

var (
	idForm   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	nameForm = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
)

// at reports a mistake at a path; the line is that of the path or of the
// nearest parent that stands in the file.
func (d *decoder) at(path, format string, args ...any) {
	line := 0
	for p := path; ; {
		if d.bad[p] {
			return // that it could not be read has been said
		}
		if line == 0 {
			line = d.lines[p]
		}
		if p == "" {
			break
		}
		p = p[:max(0, strings.LastIndexAny(p, ".["))]
	}
	d.report(line, path, format, args...)
}

// check reports everything that is well formed but wrong.
func (d *decoder) check(p *Pack) {
	if p.Version != 1 {
		d.at("version", "must be 1, is %d", p.Version)
	}
	if p.Name == "" {
		d.at("name", "must be set")
	}
	if len(p.Rules) == 0 && len(p.Names) == 0 && len(p.Allow) == 0 {
		d.at("rules", "the pack has neither rules nor names")
	}
	for i := range p.Allow {
		p.Allow[i].check(func(key, format string, args ...any) {
			d.at(fmt.Sprintf("allow[%d]%s", i, key), format, args...)
		})
	}
	seen := map[string]string{}
	for i := range p.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		r := &p.Rules[i]
		d.checkHead(path, seen, head{r.ID, r.Provider, r.Description, r.Reference, r.Severity, r.Examples, r.NearMisses})
		d.checkRule(path, r)
	}
	for i := range p.Names {
		path := fmt.Sprintf("names[%d]", i)
		n := &p.Names[i]
		d.checkHead(path, seen, head{n.ID, n.Provider, n.Description, n.Reference, n.Severity, n.Examples, n.NearMisses})
		d.checkName(path, n)
	}
}

// head is what rules and names have in common.
type head struct {
	id, provider, description, reference string
	severity                             Severity
	examples, nearMisses                 []string
}

func (d *decoder) checkHead(path string, seen map[string]string, h head) {
	switch first, taken := seen[h.id]; {
	case !idForm.MatchString(h.id) || len(h.id) > maxID:
		d.at(path+".id", "%q must be at most %d lower case letters, digits and single dashes between them", h.id, maxID)
	case taken:
		d.at(path+".id", "%q is already the id of %s", h.id, first)
	default:
		seen[h.id] = path
	}
	if h.provider == "" {
		d.at(path+".provider", "must be set")
	}
	if h.description == "" {
		d.at(path+".description", "must be set")
	}
	if h.severity == 0 {
		d.at(path+".severity", "must be low, medium, high or critical")
	}
	if u, err := url.Parse(h.reference); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		d.at(path+".reference", "must be an http or https URL")
	}
	d.checkTemplates(path+".examples", h.examples, true)
	d.checkTemplates(path+".near_misses", h.nearMisses, false)
}

func (d *decoder) checkTemplates(path string, templates []string, example bool) {
	if len(templates) == 0 {
		d.at(path, "must have at least one template")
	}
	for i, t := range templates {
		text, secret, err := Expand(t, rand.New(rand.NewPCG(1, uint64(i))))
		switch at := fmt.Sprintf("%s[%d]", path, i); {
		case err != nil:
			d.at(at, "%v", err)
		case text == "":
			d.at(at, "expands to nothing")
		case example && secret[0] == secret[1]:
			d.at(at, "the marked secret is empty")
		}
	}
}

func (d *decoder) checkRule(path string, r *Rule) {
	d.checkPattern(path, r)
	for i, a := range r.Anchors {
		if len(a) < minAnchor {
			d.at(fmt.Sprintf("%s.anchors[%d]", path, i), "must have at least %d bytes", minAnchor)
		}
	}
	if r.Left != "word" && r.Left != "any" {
		d.at(path+".left", "%q is none of word, any", r.Left)
	}
	if r.Right != "extend" && r.Right != "exact" && r.Right != "any" {
		d.at(path+".right", "%q is none of extend, exact, any", r.Right)
	}
	d.checkNear(path, r)
	for i, k := range r.Keywords {
		if k == "" || k != strings.ToLower(k) {
			d.at(fmt.Sprintf("%s.keywords[%d]", path, i), "must be lower case and not empty")
		}
	}
	if r.Within < 0 || r.Within > maxWithin {
		d.at(path+".within", "must be between 1 and %d bytes", maxWithin)
	}
	if r.Checksum != "" && verify.Lookup(r.Checksum) == nil {
		d.at(path+".checksum", "%q is unknown; known are %s", r.Checksum, strings.Join(verify.Names(), ", "))
	}
	if r.Require && r.Checksum == "" {
		d.at(path+".require", "needs a checksum")
	}
	if !(r.Entropy >= 0 && r.Entropy < 8) {
		d.at(path+".entropy", "must be at least 0 and below 8 bits per byte")
	}
}

func (d *decoder) checkPattern(path string, r *Rule) {
	if r.Pattern == "" {
		d.at(path+".pattern", "must be set")
		return
	}
	tree, err := syntax.Parse(r.Pattern, syntax.Perl)
	if err == nil {
		_, err = regexp.Compile(r.Pattern)
	}
	if err != nil {
		d.at(path+".pattern", "%v", err)
		return
	}
	if op, bad := assertion(tree); bad {
		d.at(path+".pattern", "%s is not allowed: left, right and the alphabet decide what may stand beside a match", op)
	}
	if minLen(tree) < minAnchor {
		d.at(path+".pattern", "matches texts of less than %d bytes", minAnchor)
	}
	if r.Secret < 0 || r.Secret > tree.MaxCap() {
		d.at(path+".secret", "is group %d, the pattern has %d", r.Secret, tree.MaxCap())
	}
}

// assertion finds an operator of zero width (\b, ^, $) in the pattern.
func assertion(tree *syntax.Regexp) (string, bool) {
	switch tree.Op {
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return tree.String(), true
	}
	for _, sub := range tree.Sub {
		if s, bad := assertion(sub); bad {
			return s, true
		}
	}
	return "", false
}

// minLen is the length of the shortest match in runes, capped so that nested
// repeats cannot overflow.
func minLen(tree *syntax.Regexp) int {
	const ceiling = 1 << 16
	n := 0
	switch tree.Op {
	case syntax.OpLiteral:
		n = len(tree.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		n = 1
	case syntax.OpCapture, syntax.OpPlus:
		n = minLen(tree.Sub[0])
	case syntax.OpRepeat:
		n = tree.Min * minLen(tree.Sub[0])
	case syntax.OpConcat:
		for _, sub := range tree.Sub {
			n += minLen(sub)
		}
	case syntax.OpAlternate:
		n = minLen(tree.Sub[0])
		for _, sub := range tree.Sub[1:] {
			n = min(n, minLen(sub))
		}
	}
	return min(n, ceiling)
}

func (d *decoder) checkName(path string, n *Name) {
	if len(n.Names) == 0 {
		d.at(path+".names", "must have at least one name")
	}
	d.checkWords(path+".names", n.Names)
	d.checkWords(path+".not", n.Not)
	d.checkWords(path+".not_before", n.NotBefore)
	switch n.Value {
	case "password", "token", "cookie", "numeric", "any":
	default:
		d.at(path+".value", "%q is none of password, token, cookie, numeric, any", n.Value)
	}
	if n.MinLength < 0 || n.MinLength > 1024 {
		d.at(path+".min_length", "must be between 0 and 1024 bytes")
	}
}

func (d *decoder) checkWords(path string, words []string) {
	for i, word := range words {
		if !nameForm.MatchString(word) {
			d.at(fmt.Sprintf("%s[%d]", path, i), "%q must be lower case words joined by _", word)
		}
	}
}

package gitleaks

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// reference is what a pack says where its rules come from.
const reference = "https://github.com/gitleaks/gitleaks#configuration"

const (
	minAnchor = 3
	// farWords is how far before a match a keyword may stand: the scanner
	// looks for it in the whole file.
	farWords = 4096
	// nearWords is the default of packs.
	nearWords = 100
	// gap is how far behind a keyword a secret without an anchor may begin.
	gap = 100
	// maxID is the longest id of a pack.
	maxID = 64
)

// rule adds a rule to the pack, or says why it cannot.
func (im *importer) rule(p *pack.Pack, r *rule) {
	switch {
	case r.ID == "":
		im.mistake(r.where, "id must be set")
		return
	case r.Regex == "" && r.Path == "":
		im.mistake(r.where, "has neither regex nor path")
		return
	case r.Regex == "":
		im.lost(r.where, "it names files by path only, and telemetry has no files")
		return
	case r.SkipReport:
		im.lost(r.where, "skipReport: it only serves other rules, which do not need it here")
		return
	}
	tree, err := syntax.Parse(r.Regex, syntax.Perl)
	if err == nil {
		_, err = regexp.Compile(r.Regex)
	}
	if err != nil {
		im.mistake(r.where, "regex: %w", err)
		return
	}
	if r.SecretGroup < 0 || r.SecretGroup > tree.MaxCap() {
		im.mistake(r.where, "secretGroup is %d, the regex has %d groups", r.SecretGroup, tree.MaxCap())
		return
	}
	if r.Path != "" {
		im.note(r.where, "path: telemetry has no files, the rule is about all places")
	}
	if len(r.Required) > 0 {
		im.note(r.where, "required: other rules need not match beside it")
	}
	out := pack.Rule{
		ID: im.id(r), Provider: "gitleaks configuration", Description: describe(r), Severity: severity(r.Tags),
		Reference: reference, Entropy: r.Entropy, Secret: im.group(r, tree), Within: nearWords,
	}
	out.Pattern, out.Left, out.Right = im.borders(r, tree)
	if !im.anchor(&out, r, tree) {
		return
	}
	im.examples(&out, r)
	p.Rules = append(p.Rules, out)
	for i, a := range r.allowlists() {
		im.allow(p, a, fmt.Sprintf("%s: allowlists[%d]", r.where, i), []string{out.ID})
	}
}

func describe(r *rule) string {
	if d := strings.TrimSpace(r.Description); d != "" {
		return d
	}
	return r.ID
}

// severity is a tag that names one, else high.
func severity(tags []string) pack.Severity {
	var s pack.Severity
	for _, tag := range tags {
		if s.UnmarshalText([]byte(strings.ToLower(tag))) == nil {
			return s
		}
	}
	return pack.High
}

var notID = regexp.MustCompile(`[^a-z0-9]+`)

// id makes an id of our form that no other rule has.
func (im *importer) id(r *rule) string {
	taken := func(id string) bool { return im.ids[id] || im.opts.Taken != nil && im.opts.Taken(id) }
	base := strings.Trim(notID.ReplaceAllString(strings.ToLower(r.ID), "-"), "-")
	base = strings.TrimRight(base[:min(len(base), maxID-12)], "-")
	if base == "" {
		base = "rule"
	}
	id := base
	for n := 1; taken(id); n++ {
		id = base + "-imported"
		if n > 1 {
			id = fmt.Sprintf("%s-imported-%d", base, n)
		}
	}
	im.ids[id] = true
	if im.names == nil {
		im.names = map[string]string{}
	}
	im.names[r.ID] = id
	if id != r.ID {
		im.note(r.where, "its id is %s here", id)
	}
	return id
}

// group is the capture group of the secret: the one that is named, else the first.
func (im *importer) group(r *rule, tree *syntax.Regexp) int {
	switch n := tree.MaxCap(); {
	case r.SecretGroup > 0:
		return r.SecretGroup
	case n == 0:
		return 0
	case n == 1 || always(tree, 1):
		return 1
	}
	im.note(r.where, "which of its groups is the secret depends on the match: the whole match is masked")
	return 0
}

// always says that group n takes part in every match.
func always(re *syntax.Regexp, n int) bool {
	switch re.Op {
	case syntax.OpCapture:
		return re.Cap == n || always(re.Sub[0], n)
	case syntax.OpConcat:
		return slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return always(s, n) })
	case syntax.OpPlus:
		return always(re.Sub[0], n)
	case syntax.OpAlternate:
		for _, s := range re.Sub {
			if !always(s, n) {
				return false
			}
		}
		return true
	}
	return false
}

// anchor sees to it that the rule can be found by literals of three bytes;
// false: it cannot.
func (im *importer) anchor(out *pack.Rule, r *rule, tree *syntax.Regexp) bool {
	words := keywords(r.Keywords)
	m, err := match.Compile(out.Pattern, out.Secret)
	if err != nil {
		im.lost(r.where, "regex: %v", err)
		return false
	}
	anchored := len(m.Literals) > 0
	for _, l := range m.Literals {
		anchored = anchored && len(l) >= minAnchor
	}
	long := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return len(w) < minAnchor })
	switch {
	case anchored && (len(words) == 0 || implied(m.Literals, words) || holds(tree, words)):
		return true
	case anchored:
		out.Keywords, out.Within = words, farWords
		im.note(r.where, "a keyword must stand within %d bytes before the match or in its key", farWords)
		return true
	case len(long) == 0 || len(long) < len(words):
		im.lost(r.where, "it has no anchor: no literal of %d bytes stands in every match, and its keywords are none either", minAnchor)
		return false
	}
	return im.behind(out, r, long)
}

// keywords are lower case and stand once.
func keywords(list []string) []string {
	var out []string
	for _, w := range list {
		if w = strings.ToLower(w); w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// implied says that whatever holds one of the literals holds a keyword.
func implied(literals, words []string) bool {
	for _, l := range literals {
		low := strings.ToLower(l)
		if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(low, w) }) {
			return false
		}
	}
	return true
}

// holds says that every match of re holds one of the words in one piece.
func holds(re *syntax.Regexp, words []string) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return implied([]string{string(re.Rune)}, words)
	case syntax.OpConcat:
		return slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return holds(s, words) })
	case syntax.OpCapture, syntax.OpPlus:
		return holds(re.Sub[0], words)
	case syntax.OpRepeat:
		return re.Min > 0 && holds(re.Sub[0], words)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !holds(s, words) })
	}
	return false
}

// behind makes the keywords of a rule without an anchor part of its pattern.
func (im *importer) behind(out *pack.Rule, r *rule, words []string) bool {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = regexp.QuoteMeta(w)
	}
	border := "[^0-9A-Za-z_]"
	if out.Left == "any" {
		border = ""
	}
	body, group := out.Pattern, out.Secret
	if group == 0 {
		body, group = "("+body+")", 1
	}
	out.Pattern = fmt.Sprintf(`(?i:%s)[^\n]{0,%d}?%s(?:%s)`, strings.Join(quoted, "|"), gap, border, body)
	out.Secret, out.Left = group, "any"
	if _, err := match.Compile(out.Pattern, out.Secret); err != nil {
		im.lost(r.where, "it has no anchor, and with its keywords in front the regex is too large: %v", err)
		return false
	}
	im.note(r.where, "it has no anchor: it is found only behind one of its keywords, in the same line and within %d bytes", gap)
	return true
}

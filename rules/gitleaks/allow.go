package gitleaks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// targets are the rules that a global allow-list is about.
func (im *importer) targets(a allowlist, useDefault bool) []string {
	if len(a.TargetRules) == 0 {
		if useDefault {
			return []string{"*"}
		}
		return nil // all of the pack
	}
	var ids []string
	for _, id := range a.TargetRules {
		if own, ok := im.names[id]; ok {
			ids = append(ids, own)
		}
	}
	if len(ids) == 0 {
		ids = []string{"-"} // none
	}
	return ids
}

// allow adds an allow-list to the pack: one entry where all its criteria must
// hold, else one for each kind.
func (im *importer) allow(p *pack.Pack, a allowlist, where string, rules []string) {
	and := strings.EqualFold(a.Condition, "and") || a.Condition == "&&"
	if c := strings.ToLower(a.Condition); c != "" && c != "or" && c != "||" && !and {
		im.mistake(where, "condition %q is none of OR, AND", a.Condition)
		return
	}
	if len(a.Paths)+len(a.Commits) > 0 {
		if and {
			im.lost(where, "it asks for paths or commits, which telemetry has not: the allow-list never holds")
			return
		}
		im.lost(where, "paths and commits: telemetry has none, they allow nothing")
	}
	entry := pack.Allow{Description: a.Description, Rules: rules, Patterns: a.Regexes, Words: a.StopWords}
	if entry.Description == "" {
		entry.Description = "allow-list of an imported configuration"
	}
	switch a.RegexTarget {
	case "", "secret":
	case "match":
		entry.Target = "match"
	case "line":
		entry.Target = "line"
		if len(a.Regexes) > 0 {
			im.note(where, "regexTarget line: what a regex finds in the line must overlap the match, so that a word beside a secret cannot hide it")
		}
	default:
		im.mistake(where, "regexTarget %q is none of secret, match, line", a.RegexTarget)
	}
	entry.Patterns = im.patterns(where, a.Regexes)
	if and || len(entry.Patterns) == 0 || len(entry.Words) == 0 {
		im.entry(p, entry, where)
		return
	}
	one, two := entry, entry
	one.Words, two.Patterns = nil, nil
	im.entry(p, one, where)
	im.entry(p, two, where)
}

// patterns checks the regexes of an allow-list.
func (im *importer) patterns(where string, list []string) (out []string) {
	for i, expr := range list {
		re, err := regexp.Compile(expr)
		if err != nil {
			im.mistake(fmt.Sprintf("%s.regexes[%d]", where, i), "%w", err)
			continue
		}
		if re.MatchString("") {
			im.lost(fmt.Sprintf("%s.regexes[%d]", where, i), "it matches the empty text, so it would allow everything")
			continue
		}
		out = append(out, expr)
	}
	return out
}

func (im *importer) entry(p *pack.Pack, a pack.Allow, where string) {
	if len(a.Patterns)+len(a.Words) == 0 {
		return
	}
	if err := a.Validate(); err != nil {
		im.mistake(where, "%w", err)
		return
	}
	p.Allow = append(p.Allow, a)
}

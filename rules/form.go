package rules

import "github.com/tracescrub/tracescrub/rules/prefilter"

// ahead is what stands behind a name in a text that is scanned as it is.
type ahead struct {
	lv    *level
	key   []byte // of the text
	cut   bool   // candidate is told so
	hits  int    // of lv.hits, those before the name or at it
	found int    // findings that are not of the text at hand
}

// hasForm says that the value v of a name has been found, or is found now by a rule for
// its form, which names it better: then it need not be judged by the name.
// Such a rule is tried a little earlier than its turn, which changes no answer.
func (s *scanner) hasForm(text []byte, v value) bool {
	if s.trace != nil || s.thorough {
		return false // each rule's answer is wanted
	}
	if s.found(v) {
		return true
	}
	if s.ahead.lv == nil {
		return false // the text itself is the value: its rules have been tried
	}
	hits := s.ahead.lv.hits[s.ahead.hits:]
	for i, h := range hits {
		if h.Pos > v.start {
			break
		}
		if h.Pos < v.start {
			continue
		}
		targets := s.e.targets[h.Lit]
		for k := range targets {
			t := &targets[k]
			if t.kind != patternTarget || s.e.rules[t.rule].pattern.MaxBefore > 0 || !s.mayMatch(t.rule, text, h) || s.waits(hits[:i], t.rule) {
				continue
			}
			if s.candidate(text, s.ahead.key, s.ahead.lv, t, h.Pos, s.ahead.cut); s.found(v) {
				return true
			}
		}
	}
	return false
}

// waits says that a rule has not been tried at one of some hits before: where it
// has matched, it is not tried further back.
func (s *scanner) waits(hits []prefilter.Hit, rule int32) bool {
	for _, h := range hits {
		for _, t := range s.e.targets[h.Lit] {
			if t.kind == patternTarget && t.rule == rule {
				return true
			}
		}
	}
	return false
}

// found says that what was found last in the text at hand is all of v: no name for it is
// better than that one. Findings before those are in other texts, whose offsets say nothing here.
func (s *scanner) found(v value) bool {
	if len(s.out) <= s.ahead.found {
		return false
	}
	f := &s.out[len(s.out)-1]
	return f.Start == v.start && f.End == v.end && f.Withheld == None
}

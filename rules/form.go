package rules

// ahead is what stands behind a name in a text that is scanned as it is.
type ahead struct {
	lv   *level
	key  []byte // of the text
	cut  bool   // candidate is told so
	hits int    // of lv.hits those before have been looked at; all but while a name is
}

// hasForm says that the value v of a name has been found by a rule that names it
// better than its name does, or is found by one now: then it need not be judged.
// Such a rule is tried a little earlier than its turn, which changes no answer.
func (s *scanner) hasForm(text []byte, v value) bool {
	if s.trace != nil || s.thorough {
		return false // each rule's answer is wanted
	}
	if s.found(v) {
		return true
	}
	if s.ahead.lv == nil {
		return false // a text under a name, or a member of a document
	}
	for _, h := range s.ahead.lv.hits[min(s.ahead.hits, len(s.ahead.lv.hits)):] {
		if h.Pos > v.start {
			break
		}
		if h.Pos < v.start {
			continue
		}
		targets := s.e.targets[h.Lit]
		for k := range targets {
			t := &targets[k]
			if t.kind != patternTarget || s.e.rules[t.rule].pattern.MaxBefore > 0 || !s.mayMatch(t.rule, text, h) {
				continue
			}
			if s.candidate(text, s.ahead.key, s.ahead.lv, t, h.Pos, s.ahead.cut); s.found(v) {
				return true
			}
		}
	}
	return false
}

// found says that the last finding is all of v, and not by its name.
func (s *scanner) found(v value) bool {
	if len(s.out) == 0 {
		return false
	}
	f := &s.out[len(s.out)-1]
	return f.Start == v.start && f.End == v.end && f.Withheld == None && s.e.rankOf(f.Rule) > rankName
}

package rules

import (
	"slices"

	"github.com/tracescrub/tracescrub/rules/decode"
)

// document reads text as JSON. What it finds counts only if valid; short
// says that it was JSON until the text ended.
func (s *scanner) document(text, key []byte, depth int) (valid, short bool) {
	mark, steps := len(s.out), s.trace.mark()
	j := &s.levels[depth].json
	open := !decode.Closes(text) // it is none: only how far it is one has to be known
	known := depth == 0 && !s.thorough && s.trace == nil
	matched := s.matched
	if known {
		for _, tok := range s.history.resume(j, text, key) {
			if !open {
				s.leaf(text, tok, key, depth)
			}
		}
		s.history.found += s.matched - matched
	} else {
		j.Reset(text)
	}
	for last := j.Pos(); ; {
		tok, ok := j.Next()
		if !ok {
			if j.Valid() {
				return true, false
			}
			s.out = s.out[:mark]
			s.trace.cut(steps)
			return false, j.Short()
		}
		s.work, last = s.work+tok.End-last, tok.End
		if open {
			continue
		}
		if tok.Kind == decode.Number {
			if s.number(text, tok.Span, keyOf(text, tok, key)); s.expired() {
				s.withhold(0, len(text), Time)
				return true, false
			}
			continue
		}
		matched = s.matched
		if s.leaf(text, tok, key, depth); known {
			s.history.passed(j, tok, s.matched-matched)
		}
	}
}

// keyOf returns what tok stands under in text, which stands under key.
func keyOf(text []byte, tok decode.Token, key []byte) []byte {
	switch {
	case tok.Kind == decode.Key:
		return nil
	case tok.Key != decode.Span{}:
		return text[tok.Key.Start:tok.Key.End]
	}
	return key
}

// around tries the rules about documents on a JSON document. What they find
// counts if it lies within one string, so that the document stays valid.
func (s *scanner) around(text []byte, depth, next int) {
	mark := len(s.out)
	s.raw(text, nil, depth, next, false, true)
	if len(s.out) == mark {
		return
	}
	found := s.out[mark:]
	slices.SortStableFunc(found, byPlace)
	j := &s.levels[depth].json
	j.Reset(text)
	kept, i := 0, 0
	cut, why := len(text), None
	for k := range found {
		if found[k].Withheld != None && found[k].Start < cut {
			cut, why = found[k].Start, found[k].Withheld
		}
	}
	for tok, ok := j.Next(); ok && i < len(found); tok, ok = j.Next() {
		for ; i < len(found) && found[i].Start < tok.End; i++ {
			f := found[i]
			if s.e.knownIsNumber(&f, tok) {
				f.Evidence |= Bare
			} else if s.e.known.has(f.Rule) || tok.Kind == decode.Number {
				continue // the strings themselves were scanned
			}
			if f.Start >= tok.Start && f.End <= tok.End && f.Withheld == None {
				found[kept] = f
				kept++
			}
		}
	}
	s.out = s.out[:mark+kept]
	if cut < len(text) {
		s.withholdStrings(text, depth, cut, why)
	}
}

// leaf scans one string of a document that stands under key.
func (s *scanner) leaf(text []byte, tok decode.Token, key []byte, depth int) {
	inner, key, prev := text[tok.Start:tok.End], keyOf(text, tok, key), text[tok.Prev.Start:tok.Prev.End]
	hash, repeat := s.isRepeat(inner, key, prev, depth+1)
	if repeat {
		return
	}
	matched := s.matched
	s.within(inner, tok, key, prev, depth)
	s.remember(hash, s.matched == matched, inner, key, prev, depth+1)
}

// within is leaf for the inside of a string that is not known to be clean.
func (s *scanner) within(inner []byte, tok decode.Token, key, prev []byte, depth int) {
	mark, steps := len(s.out), s.trace.mark()
	if !tok.Escaped {
		s.text(inner, key, prev, depth+1)
		if s.trace != nil {
			s.trace.move(steps, func(a, b int) (int, int) { return a + tok.Start, b + tok.Start })
		}
		for i := mark; i < len(s.out); i++ {
			s.out[i].Start += tok.Start
			s.out[i].End += tok.Start
			s.out[i].Quote = 2*s.out[i].Quote + 1
		}
		return
	}
	s.view(inner, key, prev, depth, tok.Start, decode.Unescape)
}

// mapBack turns the offsets of the findings since mark from those of the
// decoded text at depth into those of its source.
func (s *scanner) mapBack(mark, depth, base int) {
	m := &s.levels[depth].m
	for i := mark; i < len(s.out); i++ {
		f := &s.out[i]
		from, to := m.Source(f.Start, f.End)
		f.Start, f.End = from+base, to+base
		f.Evidence |= Decoded
		f.levels++
		f.Quote = 2*f.Quote + 1
	}
}

func (s *scanner) number(text []byte, sp decode.Span, key []byte) {
	n := s.nameOf(key)
	if n < 0 || !s.e.names[n].numeric(text[sp.Start:sp.End]) {
		return
	}
	f := s.e.byName(n, sp.Start, sp.End)
	f.Evidence |= Bare
	s.add(f, text)
}

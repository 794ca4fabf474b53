package match

import (
	"regexp/syntax"
	"unicode/utf8"
)

const (
	maxStrings = 128 // alternatives of one literal
	maxLiteral = 24  // bytes of a literal beyond which nothing is gained
	farBehind  = 64  // places before a literal at which a match can begin
)

// literals chooses, from a run of neighbouring parts that have few spellings,
// the strings of which every match holds one.
func (p *Pattern) literals(re *syntax.Regexp) {
	parts := flatten(re, nil)
	var run []string // spellings of the parts since run began
	lo, hi := 0, 0   // width of what stands before the run
	var before, beforeRun [256]bool
	best := 0
	take := func(end int) {
		n := shortest(run)
		if hi-lo >= farBehind {
			n -= 4 // a longer one is no gain when many starts have to be tried
		}
		if n > best {
			best = n
			p.Literals = run
			p.MinBefore, p.MaxBefore = lo, hi
			set := beforeRun
			p.Before = &set
			p.Follow, p.gap = nil, nil
			if end < len(parts) {
				p.Follow, p.gap = firstOf(parts[end:]), gapOf(parts[end:])
			}
		}
	}
	runLo, runHi := 0, 0
	for i, part := range parts {
		s, complete := spellings(part)
		if complete && (len(run) == 0 || len(run)*len(s) <= maxStrings && shortest(run) < maxLiteral) {
			if len(run) == 0 {
				run, beforeRun = []string{""}, before
			}
			run = product(run, s)
		} else {
			if pre, ok := prefixes(part); !complete && ok && max(1, len(run))*len(pre) <= maxStrings {
				if len(run) == 0 {
					run, beforeRun = []string{""}, before
				}
				run = product(run, pre)
				take(len(parts)) // what follows a prefix is not known
			} else {
				take(i)
			}
			lo, hi = lo+runLo, hi+runHi
			run, runLo, runHi = nil, 0, 0
			if complete {
				run, beforeRun = product([]string{""}, s), before
			}
		}
		a, b := width(part)
		if run == nil {
			lo, hi = lo+a, hi+b
		} else {
			runLo, runHi = runLo+a, runHi+b
		}
		union(&before, bytesOf(part))
		if hi >= Unlimited {
			hi = Unlimited
		}
	}
	take(len(parts))
}

// flatten lists the parts of a concatenation, through groups.
func flatten(re *syntax.Regexp, dst []*syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpConcat:
		for _, s := range re.Sub {
			dst = flatten(s, dst)
		}
		return dst
	case syntax.OpCapture:
		return flatten(re.Sub[0], dst)
	case syntax.OpEmptyMatch:
		return dst
	}
	return append(dst, re)
}

func shortest(ss []string) int {
	if len(ss) == 0 {
		return 0
	}
	n := len(ss[0])
	for _, s := range ss {
		n = min(n, len(s))
	}
	return n
}

func product(a, b []string) (out []string) {
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

// spellings lists the strings that re can be, if they are few.
func spellings(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, true
	case syntax.OpCharClass:
		var out []string
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if len(out) == 16 || r >= utf8.RuneSelf {
					return nil, false
				}
				out = append(out, string(r))
			}
		}
		return out, len(out) > 0
	case syntax.OpConcat, syntax.OpCapture:
		out := []string{""}
		for _, s := range re.Sub {
			ss, ok := spellings(s)
			if !ok || len(out)*len(ss) > maxStrings {
				return nil, false
			}
			out = product(out, ss)
		}
		return out, true
	case syntax.OpAlternate:
		var out []string
		for _, s := range re.Sub {
			ss, ok := spellings(s)
			if !ok || len(out)+len(ss) > maxStrings {
				return nil, false
			}
			out = append(out, ss...)
		}
		return out, true
	case syntax.OpQuest:
		ss, ok := spellings(re.Sub[0])
		return append(ss, ""), ok
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpRepeat:
		if re.Min != re.Max || re.Max > maxLiteral {
			return nil, false
		}
		ss, ok := spellings(re.Sub[0])
		out := []string{""}
		for range re.Min {
			if !ok || len(out)*len(ss) > maxStrings {
				return nil, false
			}
			out = product(out, ss)
		}
		return out, true
	}
	return nil, false
}

// prefixes lists the strings that a match of re begins with one of, if they are few.
func prefixes(re *syntax.Regexp) ([]string, bool) {
	if ss, ok := spellings(re); ok {
		return ss, true
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return prefixes(re.Sub[0])
	case syntax.OpConcat:
		out := []string{""}
		for _, s := range re.Sub {
			ss, ok := prefixes(s)
			if !ok || len(out)*len(ss) > maxStrings {
				break
			}
			out = product(out, ss)
			if _, complete := spellings(s); !complete {
				break
			}
		}
		return out, shortest(out) > 0
	case syntax.OpAlternate:
		var out []string
		for _, s := range re.Sub {
			ss, ok := prefixes(s)
			if !ok || len(out)+len(ss) > maxStrings {
				return nil, false
			}
			out = append(out, ss...)
		}
		return out, true
	}
	return nil, false
}

// width returns the least and most bytes that re matches, capped at Unlimited.
func width(re *syntax.Regexp) (lo, hi int) {
	if _, ok := byteSet(re); ok {
		return 1, 1
	}
	switch re.Op {
	case syntax.OpCharClass:
		return 1, utf8.UTFMax
	case syntax.OpLiteral:
		n := len(string(re.Rune))
		return n, n
	case syntax.OpConcat, syntax.OpCapture:
		for _, s := range re.Sub {
			a, b := width(s)
			lo, hi = lo+a, min(hi+b, Unlimited)
		}
		return lo, hi
	case syntax.OpAlternate:
		lo = Unlimited
		for _, s := range re.Sub {
			a, b := width(s)
			lo, hi = min(lo, a), max(hi, b)
		}
		return lo, hi
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		a, b := width(re.Sub[0])
		min1, max1 := bounds(re)
		if max1 < 0 {
			return a * min1, Unlimited
		}
		return a * min1, min(b*max1, Unlimited)
	}
	return 0, 0
}

// bytesOf returns every byte that can occur in a match of re.
func bytesOf(re *syntax.Regexp) *[256]bool {
	if set, ok := byteSet(re); ok {
		return set
	}
	var all [256]bool
	if re.Op == syntax.OpCharClass {
		all = *runeBytes(re)
	}
	if re.Op == syntax.OpLiteral {
		for _, b := range []byte(string(re.Rune)) {
			addFolded(&all, b, re.Flags&syntax.FoldCase != 0)
		}
	}
	for _, s := range re.Sub {
		union(&all, bytesOf(s))
	}
	return &all
}

// runeBytes returns the bytes of a class that lists characters beyond ASCII.
func runeBytes(re *syntax.Regexp) *[256]bool {
	var set [256]bool
	for b := utf8.RuneSelf; b < 256; b++ {
		set[b] = true
	}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1] && r < utf8.RuneSelf; r++ {
			set[r] = true
		}
	}
	return &set
}

// firstOf returns the bytes that a concatenation can begin with; nil means any,
// also that it can be empty.
func firstOf(parts []*syntax.Regexp) *[256]bool {
	var all [256]bool
	for _, p := range parts {
		set, empty, ok := first(p)
		if !ok {
			return nil
		}
		union(&all, set)
		if !empty {
			return &all
		}
	}
	return nil
}

func first(re *syntax.Regexp) (set *[256]bool, empty, ok bool) {
	if s, isSet := byteSet(re); isSet {
		return s, false, true
	}
	switch re.Op {
	case syntax.OpCharClass:
		return runeBytes(re), false, true
	case syntax.OpLiteral:
		var s [256]bool
		addFolded(&s, string(re.Rune)[0], re.Flags&syntax.FoldCase != 0)
		return &s, false, true
	case syntax.OpAlternate:
		var all [256]bool
		for _, sub := range re.Sub {
			s, e, ok := first(sub)
			if !ok {
				return nil, false, false
			}
			union(&all, s)
			empty = empty || e
		}
		return &all, empty, true
	case syntax.OpConcat, syntax.OpCapture:
		s := firstOf(flatten(re, nil))
		return s, false, s != nil
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		s, e, ok := first(re.Sub[0])
		lo, _ := bounds(re)
		return s, e || lo == 0, ok
	}
	return nil, false, false
}

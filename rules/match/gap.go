package match

import "regexp/syntax"

// gap is what has to stand right behind a pattern's literal: min to max bytes of
// one set, then a byte of another.
type gap struct {
	kinds    [256]uint8
	min, max int
}

const (
	inGap  uint8 = 1 << iota // of the set
	behind                   // of what follows it
	unsure                   // an escape or a break may hide what follows
)

// Breaks are the bytes at which a token is broken, by a line end, an escape or
// the end of a string literal, and may go on behind.
const Breaks = "\n\r\\\"'`"

// maxGap is how many bytes are looked at.
const maxGap = 32

// gapOf returns what has to stand in front of a text that matches parts.
func gapOf(parts []*syntax.Regexp) *gap {
	if len(parts) == 0 {
		return nil
	}
	g := &gap{min: 1, max: 1}
	set, ok := byteSet(parts[0])
	switch parts[0].Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		set, ok = byteSet(parts[0].Sub[0])
		g.min, g.max = bounds(parts[0])
	default:
	}
	if !ok {
		return nil
	}
	then := firstOf(parts[1:])
	for c := range 256 {
		if set[c] {
			g.kinds[c] |= inGap
			if c >= 0x80 { // a character of several bytes counts as one
				g.max = -1
			}
		}
		if then == nil || then[c] {
			g.kinds[c] |= behind
		}
	}
	for _, c := range []byte(Breaks) {
		g.kinds[c] |= unsure
	}
	if g.max < 0 {
		g.max = maxGap
	}
	return g
}

// MayFollow says cheaply whether what stands at text[end:], right behind one of
// Literals, can go on a match. It says so whenever an escape, a break or the end
// of the text leaves that open.
func (p *Pattern) MayFollow(text []byte, end int) bool {
	g := p.gap
	if g == nil {
		return true
	}
	for n, c := range text[end:min(len(text), end+maxGap)] {
		k := g.kinds[c]
		if k&unsure != 0 || n >= g.min && k&behind != 0 {
			return true
		}
		if k&inGap == 0 || n == g.max {
			return false
		}
	}
	return true
}

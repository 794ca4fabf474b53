package match

import (
	"regexp/syntax"
	"unicode/utf8"
)

// State is the working memory of matches, to be reused. It belongs to one
// goroutine.
type State struct {
	// Steps counts work: about one for each byte or node looked at. The
	// caller resets it.
	Steps int
	// Limit ends an attempt whose Steps pass it; the attempt then failed and
	// Over is set.
	Limit int
	// Over says that the last attempt was given up.
	Over bool
	// Far is the end of what the last attempt has looked at.
	Far int
	// HitEnd says that the last failed attempt could have matched if the
	// text had gone on.
	HitEnd bool
	// Memo, if not nil, is what earlier attempts of the same pattern on the
	// same text have learned; patterns with a loop around what can be nothing
	// do not use it, since what they answer depends on the way to a place.
	Memo *Memo

	memo        *Memo // of the attempt under way
	text        []byte
	open, close int
	loops       []int
}

// At matches p at text[pos:]. It returns the match's end and the secret's
// range (the whole match for group 0).
func (p *Pattern) At(s *State, text []byte, pos int) (end, from, to int, ok bool) {
	s.text, s.open, s.close, s.Over, s.HitEnd, s.Far = text, -1, -1, false, false, pos
	if cap(s.loops) < p.loops {
		s.loops = make([]int, p.loops)
	}
	s.loops = s.loops[:p.loops]
	if s.memo = s.Memo; p.empty {
		s.memo = nil
	}
	if s.memo != nil && len(s.memo.dead) < p.sets {
		s.memo.dead = make([]dead, p.sets)
	}
	for i := range s.loops {
		s.loops[i] = -1
	}
	end = s.run(p.start, pos)
	s.text = nil
	if end < 0 {
		return 0, 0, 0, false
	}
	if p.group == 0 {
		return end, pos, end, true
	}
	if s.open < 0 || s.close < s.open { // the group took no part
		return end, pos, end, true
	}
	return end, s.open, s.close, true
}

// run follows the program from n at i and returns the match's end or -1.
func (s *State) run(n *node, i int) int {
	for {
		if s.Steps++; s.Steps > s.Limit {
			s.Over = true
			return -1
		}
		s.Far = max(s.Far, i)
		switch n.op {
		case opMatch:
			return i
		case opLit:
			if !s.literal(n, i) {
				return -1
			}
			i += len(n.lit)
		case opSet:
			if n.min == 1 && n.max == 1 {
				if i >= len(s.text) {
					s.HitEnd = true
					return -1
				}
				if !n.set[s.text[i]] {
					return -1
				}
				i += charLen(s.text, i)
				break
			}
			if n.lazy {
				return s.lazySet(n, i)
			}
			return s.greedySet(n, i)
		case opAlt:
			if n.refuses(s.text, i) {
				return -1
			}
			for _, a := range n.alts[:len(n.alts)-1] {
				if end := s.try(a, i); end >= 0 || s.Over {
					return end
				}
			}
			n = n.alts[len(n.alts)-1]
			continue
		case opLoop:
			return s.loopNode(n, i)
		case opOpen, opClose:
			return s.capture(n, i)
		case opEmpty:
			if !s.holds(n.empty, i) {
				return -1
			}
		}
		n = n.next
	}
}

func (s *State) literal(n *node, i int) bool {
	for k, c := range n.lit {
		if i+k >= len(s.text) {
			s.HitEnd = true
			return false
		}
		b := s.text[i+k]
		if b != c && (!n.foldCase || b|0x20 != c|0x20 || (c|0x20)-'a' >= 26) {
			s.Far = max(s.Far, i+k)
			return false
		}
	}
	return true
}

func (s *State) greedySet(n *node, i int) int {
	if s.memo != nil && n.next.op != opMatch {
		return s.greedyAgain(n, i)
	}
	k := ascii(s.text, n, i)
	count := k - i
	for k < len(s.text) && n.set[s.text[k]] && count != n.max {
		k += charLen(s.text, k)
		count++
	}
	s.Steps += k - i
	s.Far = max(s.Far, k)
	if k == len(s.text) && count != n.max {
		s.HitEnd = true
	}
	if n.next.op == opMatch {
		if count < n.min {
			return -1
		}
		return k
	}
	for ; count >= n.min; count-- {
		if end := s.try(n.next, k); end >= 0 || s.Over || k == i || n.sole {
			return end
		}
		if k--; s.text[k] >= utf8.RuneSelf {
			_, size := utf8.DecodeLastRune(s.text[i : k+1])
			k += 1 - size
		}
	}
	return -1
}

// ascii returns how far characters of one byte that n allows reach from offset i on.
func ascii(text []byte, n *node, i int) int {
	if n.max >= 0 {
		text = text[:min(len(text), i+n.max)]
	}
	for i < len(text) && n.set[text[i]] && text[i] < utf8.RuneSelf {
		i++
	}
	return i
}

func (s *State) lazySet(n *node, i int) int {
	if s.memo != nil {
		return s.lazyAgain(n, i)
	}
	for k, count := i, 0; ; count++ {
		if count >= n.min {
			if end := s.try(n.next, k); end >= 0 || s.Over {
				return end
			}
		}
		if count == n.max {
			return -1
		}
		if k >= len(s.text) {
			s.HitEnd = true
			return -1
		}
		if s.Far = max(s.Far, k); !n.set[s.text[k]] {
			return -1
		}
		k += charLen(s.text, k)
	}
}

// charLen returns how many bytes the character at i has. What is no UTF-8
// counts byte by byte, as in package regexp.
func charLen(text []byte, i int) int {
	if text[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(text[i:])
	return n
}

// loopNode runs the body as long as it makes progress.
func (s *State) loopNode(n *node, i int) int {
	last := s.loops[n.loop]
	if last == i {
		return s.run(n.next, i)
	}
	first, second := n.alts[0], n.next
	if n.lazy {
		first, second = second, first
	}
	s.loops[n.loop] = i
	if end := s.run(first, i); end >= 0 || s.Over {
		return end
	}
	s.loops[n.loop] = i
	end := s.run(second, i)
	s.loops[n.loop] = last
	return end
}

func (s *State) capture(n *node, i int) int {
	at := &s.open
	if n.op == opClose {
		at = &s.close
	}
	old := *at
	*at = i
	end := s.run(n.next, i)
	if end < 0 {
		*at = old
	}
	return end
}

func word(c byte) bool {
	return c == '_' || c-'0' < 10 || (c|0x20)-'a' < 26
}

func (s *State) holds(e syntax.EmptyOp, i int) bool {
	before := i > 0 && word(s.text[i-1])
	after := i < len(s.text) && word(s.text[i])
	switch e {
	case syntax.EmptyBeginText:
		return i == 0
	case syntax.EmptyEndText:
		return i == len(s.text)
	case syntax.EmptyBeginLine:
		return i == 0 || s.text[i-1] == '\n'
	case syntax.EmptyEndLine:
		return i == len(s.text) || s.text[i] == '\n'
	case syntax.EmptyWordBoundary:
		return before != after
	default:
		return before == after
	}
}

// Linear calls fn with every match of p in text from offset from on, found in
// time linear in the text by package regexp, until fn returns false. It is the
// way out when attempts at single places cost too much.
func (p *Pattern) Linear(text []byte, from int, fn func(start, end, secretFrom, secretTo int) bool) {
	for from <= len(text) {
		m := p.linear.FindSubmatchIndex(text[from:])
		if m == nil {
			return
		}
		a, b := m[2*p.group], m[2*p.group+1]
		if a < 0 {
			a, b = m[0], m[1]
		}
		if !fn(from+m[0], from+m[1], from+a, from+b) {
			return
		}
		from += max(m[1], m[0]+1)
	}
}

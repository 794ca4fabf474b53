package match

import (
	"regexp/syntax"
	"unicode/utf8"
)

// Memo makes many attempts of one pattern on one text cost little more than
// one: where a repeat has already tried what follows it, in vain, it is not
// tried again. What an attempt answers does not depend on it. The zero value is
// ready.
type Memo struct {
	dead []dead // by node.index
}

// dead is a range of a text whose bytes are all ASCII and of a repeat's set, and
// at none of which what follows the repeat matches.
type dead struct {
	from, to int
	far      int  // what the attempts there have looked at
	hitEnd   bool // and whether one of them came to the text's end
	// run and end are the last run of ASCII bytes of the set that was read: it ends there.
	run, end int
}

// Reset forgets: another text follows.
func (m *Memo) Reset() { clear(m.dead) }

// add notes that text[from:to] is dead, all of it ASCII.
func (d *dead) add(from, to, far int, hitEnd bool) {
	switch {
	case to <= from:
	case to < d.from || from > d.to || d.to == d.from:
		d.from, d.to, d.far, d.hitEnd = from, to, far, hitEnd
	default:
		d.from, d.to, d.far, d.hitEnd = min(from, d.from), max(to, d.to), max(far, d.far), hitEnd || d.hitEnd
	}
}

// pass notes that an attempt has passed d without looking at it again.
func (s *State) pass(d *dead) {
	s.Far = max(s.Far, d.far)
	s.HitEnd = s.HitEnd || d.hitEnd
}

// greedyAgain is greedySet with a memo.
func (s *State) greedyAgain(n *node, i int) int {
	d := &s.memo.dead[n.index]
	k, count := s.runFrom(n, d, i)
	if n.sole {
		s.Far, s.HitEnd = max(s.Far, k), s.HitEnd || k == len(s.text) && count != n.max
		if count < n.min {
			return -1
		}
		return s.try(n.next, k)
	}
	far, hitEnd := max(s.Far, k), s.HitEnd
	s.Far, s.HitEnd = k, k == len(s.text) && count != n.max
	last, plain := k, count == k-i
	end := -1
	for ; count >= n.min; count-- {
		if k >= d.from && k < d.to {
			s.pass(d)
			skip := k - d.from
			if skip > count-n.min {
				break
			}
			k, count = k-skip, count-skip
		} else if end = s.try(n.next, k); end >= 0 || s.Over {
			break
		}
		if k == i {
			break
		}
		if k--; s.text[k] >= utf8.RuneSelf {
			_, size := utf8.DecodeLastRune(s.text[i : k+1])
			k += 1 - size
		}
	}
	if end < 0 && !s.Over && plain {
		d.add(i+n.min, last, s.Far, s.HitEnd)
	}
	s.Far, s.HitEnd = max(s.Far, far), s.HitEnd || hitEnd
	return end
}

// runFrom returns where the repeat n that begins at i ends at the latest, and
// how many characters it then has.
func (s *State) runFrom(n *node, d *dead, i int) (k, count int) {
	k = i
	if i < d.run || i >= d.end {
		for k < len(s.text) && s.text[k] < utf8.RuneSelf && n.set[s.text[k]] {
			k++
		}
		d.run, d.end = i, k
		if n.max >= 0 {
			k = min(k, i+n.max)
		}
		s.Steps += k - i
	}
	k = d.end
	if n.max >= 0 && k-i >= n.max {
		return i + n.max, n.max
	}
	for count = k - i; k < len(s.text) && n.set[s.text[k]] && count != n.max; count++ {
		k += charLen(s.text, k)
		s.Steps++
	}
	return k, count
}

// lazyAgain is lazySet with a memo.
func (s *State) lazyAgain(n *node, i int) int {
	d := &s.memo.dead[n.index]
	far, hitEnd := s.Far, s.HitEnd
	s.Far, s.HitEnd = i, false
	end, k, count := -1, i, 0
	for ; ; count++ {
		if k >= d.from && k < d.to {
			s.pass(d)
			skip := d.to - k
			if n.max >= 0 && n.max-count < skip {
				k, count = k+n.max-count, n.max
				break
			}
			k, count = k+skip, count+skip
		}
		if count >= n.min {
			if end = s.try(n.next, k); end >= 0 || s.Over {
				break
			}
		}
		if count == n.max {
			break
		}
		if k >= len(s.text) {
			s.HitEnd = true
			break
		}
		if s.Far = max(s.Far, k); !n.set[s.text[k]] {
			break
		}
		k += charLen(s.text, k)
	}
	if end < 0 && !s.Over && count == k-i {
		d.add(i+n.min, k, s.Far, s.HitEnd)
	}
	s.Far, s.HitEnd = max(s.Far, far), s.HitEnd || hitEnd
	return end
}

// minLength returns the fewest bytes that re can match.
func minLength(re *syntax.Regexp) (n int) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return minLength(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * minLength(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			n += minLength(sub)
		}
		return n
	case syntax.OpAlternate:
		n = minLength(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, minLength(sub))
		}
		return n
	default:
		return 0
	}
}

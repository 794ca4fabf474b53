package rules

import (
	"bytes"

	"github.com/tracescrub/tracescrub/rules/match"
)

// This file bounds what a text can make the rules do that is written for it:
// anchors and names so close together that what stands behind them overlaps.

// budget is what one text has cost, apart from what single rules have spent.
type budget struct {
	valued int     // where the last value that a name led to ends
	pairs  int     // cookies before this offset are settled
	judged int     // bytes of matches that were judged
	enough int     // of them; from then on maxJudged of each are
	tail   tailRun // the last that was read
	line   lineMemo
	header struct { // whether the line that begins there is one of a table
		known, is bool
		from      int
	}
	plain [2]int // a range without an escape that hides something
}

// begin forgets the text before.
func (w *budget) begin(text []byte) {
	*w = budget{enough: judgedFactor*len(text) + judgedFloor}
}

// tailRun is a run of bytes of a set at the end of a match, up to which the
// secret is lengthened. Many matches can end in one run.
type tailRun struct {
	set      *[256]bool
	from, to int
}

// end returns where the bytes of set end that stand at offset at of text.
func (t *tailRun) end(text []byte, at int, set *[256]bool) int {
	if t.set != set || at < t.from || at >= t.to {
		*t = tailRun{set, at, at}
		for t.to < len(text) && set[text[t.to]] {
			t.to++
		}
	}
	return t.to
}

const (
	// judgedFactor times a text's length and judgedFloor is how many bytes of
	// matches are judged whole; only a hostile text has more.
	judgedFactor = 2
	judgedFloor  = 2000
	maxJudged    = 128
)

// part is what of a secret the guards look at: the whole, or its beginning,
// without a second assignment in it, in a text whose matches have cost too much.
func (w *budget) part(secret []byte) []byte {
	w.judged += len(secret)
	if w.judged <= w.enough {
		return secret
	}
	secret = secret[:min(len(secret), maxJudged)]
	for i := range secret {
		if i > 0 && assignsAt(secret, i) {
			return secret[:i]
		}
	}
	return secret
}

// assignsAt says that what stands at offset i looks like an assignment rather
// than padding or a part of a URL, for texts in which there are too many.
func assignsAt(text []byte, i int) bool {
	c := text[i]
	return (c == '=' || c == ':') && i+1 < len(text) && text[i+1] != '=' && (c == '=' || text[i+1] != '/')
}

// lineMemo is where the line begins that holds offset at.
type lineMemo struct{ begin, at int }

// beginOf returns where the line of offset at begins, or maxLine before it.
func (m *lineMemo) beginOf(text []byte, at int) int {
	if at < m.at || at-m.at > maxLine {
		*m = lineMemo{max(0, at-maxLine), max(0, at-maxLine)}
	}
	if i := bytes.LastIndexByte(text[m.at:at], '\n'); i >= 0 {
		m.begin = m.at + i + 1
	}
	m.at = at
	return max(m.begin, at-maxLine)
}

// memoFloor is how many steps a rule costs, besides half of one for each byte
// of the text, before its attempts share a memo.
const memoFloor = 1000

// spentBy is what a rule has spent on the text at hand.
func (lv *level) spentBy(rule int32) *spending {
	sp := &lv.spent[rule]
	if sp.epoch != lv.epoch {
		sp.forget(lv.epoch)
	}
	return sp
}

// forget makes sp that of a new text.
func (sp *spending) forget(epoch uint32) {
	memo := sp.memo
	*sp = spending{epoch: epoch, memo: memo}
	if memo != nil {
		memo.Reset()
	}
}

// memoFor returns what attempts of a rule may share: nothing while they are few.
func (sp *spending) memoFor(text []byte) *match.Memo {
	if sp.steps < memoFloor+len(text)/2 {
		return nil
	}
	if sp.memo == nil {
		sp.memo = &match.Memo{}
	}
	return sp.memo
}

// hides says that text[from:to] holds an escape that can hide part of a token.
// What one attempt has looked at for that is not looked at again for the next.
func (w *budget) hides(text []byte, from, to int) bool {
	look := from
	if from >= w.plain[0] && from <= w.plain[1] {
		if look = max(from, w.plain[1]-1); look >= to {
			return false
		}
	} else {
		w.plain[0] = from
	}
	w.plain[1] = max(to, look)
	return hides(text[look:to])
}

const (
	maxAttempt    = 1 << 20   // steps of one attempt
	linearWindow  = 256 << 10 // bytes between two looks at the clock
	linearOverlap = 16 << 10  // bytes that a match may have in both of two windows
)

// linear runs the rule once over the rest of the text by a linear-time
// matcher: attempts at single places have cost too much.
func (s *scanner) linear(text, key []byte, r *rule, index int32, from int) {
	for size := linearWindow; from < len(text); {
		if s.expired() {
			s.withhold(max(0, from-maxBack), len(text), Time)
			return
		}
		to := min(len(text), from+size)
		s.work += to - from
		next, again := max(from+1, to-linearOverlap), false
		r.pattern.Linear(text[:to], from, func(start, end, a, b int) bool {
			if again = end == to && to < len(text) && size == linearWindow; again { // it may go on
				next = start
				return false
			}
			if r.left == anyByte || leftBorder(text, start) {
				s.accept(text, key, r, index, start, end, a, b)
			}
			next = max(next, end)
			return len(s.out) < s.e.limits.Findings
		})
		if to == len(text) {
			return
		}
		if from, size = next, linearWindow; again {
			size = 4 * linearWindow
		}
	}
}

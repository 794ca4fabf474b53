package rules

import (
	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// This file ends a scan before its text ends, and withholds what was not
// scanned.

// lookWork is how many steps are done between two looks at the clock.
const lookWork = 1 << 17

// over says why the scan of a text has to end before the text does.
func (s *scanner) over() Reason {
	switch {
	case len(s.out) >= s.e.limits.Findings:
		return Findings
	case s.expired():
		return Time
	}
	return None
}

// maxBack is how far before its anchor a secret can begin, in bytes.
const maxBack = 1024

func (s *scanner) withhold(start, end int, why Reason) {
	if end > start {
		s.matched++
		s.out = append(s.out, Finding{Start: start, End: end, Withheld: why, Severity: pack.Critical})
	}
}

// expired looks at the clock now and then: each so many calls, or so much work.
func (s *scanner) expired() bool {
	if s.ctx.Deadline.IsZero() {
		return false
	}
	if !s.late && (s.tick&31 == 0 || s.work-s.looked > lookWork) {
		s.late, s.looked = !s.clock().Before(s.ctx.Deadline), s.work
	}
	s.tick++
	return s.late
}

// withholdStrings withholds the strings of a document from offset from on:
// no rule about documents has seen them.
func (s *scanner) withholdStrings(text []byte, depth, from int, why Reason) {
	j := &s.levels[depth].json
	j.Reset(text)
	for tok, ok := j.Next(); ok; tok, ok = j.Next() {
		if tok.Kind != decode.Number && tok.End > from {
			s.withhold(tok.Start, tok.End, why)
		}
	}
}

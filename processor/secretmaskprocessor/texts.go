package secretmaskprocessor

import (
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/rules"
)

// countKey is what findings are counted by.
type countKey struct{ rule, severity, field, action, evidence string }

// Text implements walk.Visitor.
func (s *scan) Text(at *walk.Place, text []byte) (out []byte) {
	s.place = at
	s.where.Key, s.where.Prev, s.where.Name, s.where.Number = at.Key, at.Prev, at.Name, at.Number
	if at.Spot == stringsSpot || at.Spot == valuesSpot {
		s.where.Resource = nil // what stands there belongs to no resource
	}
	if s.pass == scouting {
		return s.scouted(text)
	}
	from := len(s.hits)
	if s.pass == complete {
		out = s.complete(text)
	} else {
		out = s.first(text)
	}
	for i := range s.hits[from:] {
		h := &s.hits[from+i]
		if h.Withheld != rules.None && s.fail(h.Withheld) == failHold {
			h.Action = mask.Hold
		}
		if h.Action == mask.Hold && s.sealer == nil { // profiles cannot be held
			h.Action = mask.Mask
		}
		s.count(h)
	}
	return out
}

// first scans a text in the first pass.
func (s *scan) first(text []byte) (out []byte) {
	if s.left {
		return nil // nothing of the batch goes on
	}
	s.bytes += len(text)
	at, from := s.place, len(s.hits)
	if at.TooDeep && s.approved(s.state.masker.Fingerprint(text)) {
		return text
	}
	if why := s.beyond(at, len(text)); why != rules.None {
		out, s.hits = s.state.masker.Withhold(s.hits, text, &s.where, why)
	} else {
		out = s.scanned(text)
	}
	if at.Trace != s.trace {
		s.inTrace(at.Trace)
	}
	for i := from; i < len(s.hits); i++ {
		s.learn(s.hits[i].Finding, s.hits[i].Action)
	}
	s.recall.batch.Forget()
	if series := at.Series(); series != 0 {
		s.streams.add(series, text, out, s.hits[from:])
	}
	return out
}

// inTrace makes known what is remembered of the trace of the text at hand.
func (s *scan) inTrace(id pcommon.TraceID) {
	s.trace = id
	if s.recall.trace(id) && s.sealer != nil && s.release == nil {
		s.heldTraces[id] = true
	}
}

// scanned scans a text, unless the same one under the same name was clean before.
func (s *scan) scanned(text []byte) (out []byte) {
	if s.known {
		return nil
	}
	at, m := s.place, s.values
	if at.Name {
		m = s.names
	}
	slot := m.slot(at.Key, text)
	if slot == nil || at.Number || at.Prev != "" || s.release != nil {
		out, s.hits = s.state.masker.Text(s.hits, text, &s.where)
		return out
	}
	if slot.is(at.Key, text) {
		return nil
	}
	from := len(s.hits)
	s.asked = false
	out, s.hits = s.state.masker.Text(s.hits, text, &s.where)
	if out == nil && len(s.hits) == from && !s.asked {
		m.keep(at.Key, text)
	}
	return out
}

// The clock is read once in so many bytes, of which a text costs some for itself.
const (
	clockBytes = 16 << 10
	perText    = clockBytes / 64
)

// beyond returns the limit that is exceeded before the text is looked at.
func (s *scan) beyond(at *walk.Place, size int) rules.Reason {
	if s.unlooked += size + perText; s.unlooked > clockBytes && !s.expired {
		s.unlooked = 0
		s.expired = !s.now().Before(s.deadline) || s.isGone()
	}
	switch {
	case s.expired:
		return rules.Time
	case at.TooDeep:
		return rules.Depth
	case s.found > s.cfg.Limits.MaxFindings:
		return rules.Findings
	}
	return rules.None
}

// isGone says that nobody waits for the batch any more.
func (s *scan) isGone() bool {
	select {
	case <-s.gone:
		s.left = true
	default:
	}
	return s.left
}

// count adds a hit to the batch's figures.
func (s *scan) count(h *mask.Hit) {
	if h.Withheld == rules.None {
		s.found++
		s.counts[countKey{h.RuleID, h.Severity.String(), s.place.Spot.String(), h.Action.String(), evidence(h.Evidence)}]++
		return
	}
	s.reasons[h.Withheld]++
	switch {
	case s.refused != nil || s.fail(h.Withheld) != failRefuse:
	case h.Withheld == rules.Time:
		s.refused = errTime
	default:
		s.refused = consumererror.NewPermanent(
			fmt.Errorf("a text of the batch could not be scanned: limit %s", h.Withheld))
	}
}

// fail says what becomes of what could not be scanned.
func (s *scan) fail(why rules.Reason) string {
	if why == rules.Time {
		return s.cfg.Fail.Time
	}
	return s.cfg.Fail.Limits
}

// evidence is the word of metrics for how a secret was found.
func evidence(e rules.Evidence) string {
	switch {
	case e&rules.Remembered != 0:
		return "memory"
	case e&rules.Joined != 0:
		return "joined"
	}
	return "direct"
}

package secretmaskprocessor

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/rules"
)

// errSeal: a retry may have more luck, and until then the sender keeps the data.
var errSeal = errors.New("what is to be held could not be sealed")

// sealer makes a capsule for a batch in which something is held.
type sealer interface {
	Capsule() (envelope.Capsule, *seal.Closer, error)
}

// result is what the passes over the texts came to in one unit.
type result struct {
	trace  pcommon.TraceID
	found  []found
	edits  []walk.Edit
	action mask.Action // the strongest of found
	patch  bool        // it gets one
}

// found is a finding of a unit.
type found struct {
	verdict.Finding
	digest uint64
	action mask.Action // without late
	late   mask.Late
	secret bool // it counts as one: neither withheld nor let pass
}

// add takes in what was found and changed since the last call.
func (o *result) add(hits []mask.Hit, edits []walk.Edit) {
	for i := range hits {
		h := &hits[i]
		o.found = append(o.found, found{
			Finding: verdict.Finding{
				Rule: h.RuleID, Severity: h.Severity.String(), Field: h.Field,
				Fingerprint: h.Fingerprint, Action: h.Action.String(), Length: h.End - h.Start,
			},
			digest: h.Digest, action: h.Action, late: h.Late,
			secret: h.Withheld == rules.None && h.Action != mask.Pass,
		})
		o.action = max(o.action, h.Action)
	}
	o.edits = append(o.edits, edits...)
}

// secrets appends the digests of the findings that count as secrets to dst.
func (o *result) secrets(dst []uint64) []uint64 {
	for i := range o.found {
		if o.found[i].secret {
			dst = append(dst, o.found[i].digest)
		}
	}
	return dst
}

// distinct sorts digests and leaves each once.
func distinct(digests []uint64) []uint64 {
	slices.Sort(digests)
	return slices.Compact(digests)
}

// settle applies the entries of the policy that could not be asked before all
// secrets of the trace were known.
func (o *result) settle(m *mask.Masker, distinct int) {
	o.action = mask.Pass
	for i := range o.found {
		f := &o.found[i]
		if a := m.Settle(f.action, f.late, distinct); a != f.action {
			f.action, f.Action = a, a.String()
		}
		o.action = max(o.action, f.action)
	}
}

// settle decides about all units.
func (s *scan) settle() {
	if s.state.masker.MostDistinct() == 0 {
		return
	}
	byTrace := map[pcommon.TraceID][]uint64{}
	for u, o := range s.outcomes {
		if o.counted(u) {
			byTrace[o.trace] = o.secrets(byTrace[o.trace])
		}
	}
	counts := make(map[pcommon.TraceID]int, len(byTrace))
	for trace, digests := range byTrace {
		digests = distinct(digests)
		counts[trace] = len(digests)
		if s.release == nil { // the secrets of a released item were counted when it was held
			counts[trace] = s.recall.store.Count(memory.Trace(trace), digests)
		}
	}
	for u, o := range s.outcomes {
		if o.counted(u) {
			o.settle(s.state.masker, counts[o.trace])
		} else {
			o.settle(s.state.masker, len(distinct(o.secrets(nil))))
		}
	}
}

// counted says that the unit's secrets are counted with those of its trace.
func (o *result) counted(u walk.Unit) bool {
	return u.Level == walk.Item && o.trace != (pcommon.TraceID{})
}

// within says that u is in one of the containers.
func within(containers map[walk.Unit]bool, u walk.Unit) bool {
	if len(containers) == 0 {
		return false
	}
	return u.Level > walk.Resource && containers[walk.Unit{Level: walk.Resource, Resource: u.Resource}] ||
		u.Level > walk.Scope && containers[walk.Unit{Level: walk.Scope, Resource: u.Resource, Scope: u.Scope}] ||
		u.Level > walk.Metric && containers[metricOf(u)]
}

// metricOf is the metric of a data point. Of anything else it is no unit.
func metricOf(u walk.Unit) walk.Unit {
	return walk.Unit{Level: walk.Metric, Resource: u.Resource, Scope: u.Scope, Metric: u.Metric}
}

// carryOut drops what is to be dropped and seals what is to be held. It needs
// to see the batch again: what a resource carries depends on what is below it.
func (s *scan) carryOut(visit func(*walk.Walker) int) (dropped int) {
	if len(s.outcomes) == 0 {
		return 0
	}
	s.settle()
	drops, wide := false, false
	for u, o := range s.outcomes {
		if o.action == mask.Drop {
			drops = true
			s.dropped[u] = u.Level != walk.Item
		}
		switch {
		case o.action != mask.Hold:
		case u.Level != walk.Item:
			s.containers[u], wide = true, true
		case o.trace != (pcommon.TraceID{}):
			s.heldTraces[o.trace] = true
		case s.signal.Equals(&metricsSignal):
			s.containers[metricOf(u)] = true // a metric is held whole
		default:
			s.alone = true
		}
	}
	if wide {
		s.pass = survey
		visit(s.units)
	}
	held := s.holds()
	if !held && !drops {
		return 0
	}
	if s.anew = held && len(s.where.Approved) > 0; s.anew {
		return 0 // see anew
	}
	if held {
		s.spread()
	}
	s.pass = finish
	return visit(s.units)
}

// holds says that something of the batch is held, or will be because more of
// its trace is.
func (s *scan) holds() bool {
	return s.sealer != nil && (s.alone || len(s.containers) > 0 || len(s.heldTraces) > 0)
}

// spread holds what was masked in a trace of which something is held, or in a
// held resource, scope or metric, and lets restore what was masked around it:
// it will go where these go, and the original is wanted whole.
func (s *scan) spread() {
	for u, o := range s.outcomes {
		switch {
		case o.action == mask.Hold:
			o.patch = true
		case o.action != mask.Mask:
		case u.Level != walk.Item:
			o.patch = true
		case s.heldTraces[o.trace] || within(s.containers, u):
			o.action, o.patch = mask.Hold, true
		}
	}
	if s.release == nil {
		for trace := range s.heldTraces {
			s.recall.store.Hold(memory.Trace(trace))
		}
	}
}

// surveyed notes the traces of which something is in a held resource, scope or metric.
func (s *scan) surveyed(at *walk.Place) {
	if at.Unit.Level == walk.Item && at.Trace != (pcommon.TraceID{}) && within(s.containers, at.Unit) {
		s.heldTraces[at.Trace] = true
	}
}

// finished is the last look at a unit: it is dropped, or gets the verdict and
// the patch that go with being held.
func (s *scan) finished(at *walk.Place, attrs pcommon.Map) (keep bool) {
	o := s.outcomes[at.Unit]
	if s.failed != nil {
		return true
	}
	if o != nil && o.action == mask.Drop || within(s.dropped, at.Unit) {
		s.bury(attrs, o)
		return false
	}
	if o == nil || !o.patch {
		return true
	}
	blob, err := s.sealed(at, o)
	if err != nil {
		s.failed = fmt.Errorf("%w: %w", errSeal, err)
		return true
	}
	s.stamp(attrs, o)
	attrs.PutEmptyBytes(verdict.Restore).FromRaw(blob)
	if o.action == mask.Hold {
		s.held[at.Unit.Level]++
	}
	return true
}

// remembered are the attributes that stay with what was dropped: audit events
// about what was found have them as well.
var remembered = []string{
	"service.name", "gen_ai.conversation.id", verdict.Policy, verdict.Producer,
	release.AttrItem, release.AttrMode, release.AttrAttempt,
}

// bury leaves of the attributes of what is dropped what an audit event about
// it needs. o is nil if nothing was found but in what is around it.
func (s *scan) bury(attrs pcommon.Map, o *result) {
	attrs.RemoveIf(func(k string, v pcommon.Value) bool {
		return !slices.Contains(remembered, k) || v.Type() == pcommon.ValueTypeMap || v.Type() == pcommon.ValueTypeSlice
	})
	if o == nil {
		attrs.PutStr(verdict.Verdict, verdict.Dropped)
		return
	}
	verdict.Stamp(attrs, verdict.Dropped, s.listed(o), false)
}

// sealed returns the sealed patch of a unit.
func (s *scan) sealed(at *walk.Place, o *result) ([]byte, error) {
	if s.closer == nil {
		_, closer, err := s.sealer.Capsule()
		if err != nil {
			return nil, err
		}
		s.closer = closer
	}
	p := restore.Patch{Edits: o.edits}
	for i := range o.found {
		p.Digests = append(p.Digests, o.found[i].digest)
	}
	plain := p.Marshal()
	defer clear(plain)
	return s.closer.Packed(restore.Binding(signalName(s.signal), s.state.policy, at.Trace, at.Span), plain)
}

package item

import (
	"crypto/sha256"
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/shape"
)

// set is the findings of a trace, or of a resource, in one batch.
type set struct {
	tally
	trace    pcommon.TraceID
	resource int    // of a set without a trace, otherwise -1
	marks    []byte // what goes into the id beside the findings
	places   []place
}

// Findings returns what was found in a batch: a summary for each trace whose
// units have findings, and one for each resource that has any elsewhere. Their
// ids are hashes of what was found, in units of what ids and times, so that a
// second try of the same batch has the same ones.
func Findings[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B) []Found {
	var order []*set
	traces, resources := map[pcommon.TraceID]*set{}, map[int]*set{}
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		resource := &set{resource: i}
		found := resource.add(sh.ResourceAttrs(r))
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			found = resource.add(sh.ScopeAttrs(s)) || found
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				trace := sh.Trace(u)
				if trace.IsEmpty() {
					found = addUnit(sh, resource, u) || found
					continue
				}
				of, known := traces[trace]
				if !known {
					of = &set{trace: trace, resource: -1}
				}
				if addUnit(sh, of, u) && !known {
					of.describe(sh.ResourceAttrs(r))
					traces[trace] = of
					order = append(order, of)
				}
			}
		}
		if found {
			// A resource says the same in every batch: what came with it tells batches apart.
			eachUnit(sh, r, func(u U) { resource.mark(sh.Span(u), sh.Times(u)) })
			resource.describe(sh.ResourceAttrs(r))
			resources[i] = resource
			order = append(order, resource)
		}
	}
	if len(order) > 0 {
		collect(sh, batch, traces, resources)
	}
	all := make([]Found, len(order))
	for i, s := range order {
		all[i] = Found{s.finish(sh.Signal), func() ([]byte, bool, error) { return record(sh, batch, s) }}
	}
	return all
}

func eachUnit[B, R, S, U any](sh *shape.Shape[B, R, S, U], r R, fn func(U)) {
	for j := range sh.Scopes(r) {
		s := sh.Scope(r, j)
		for k := range sh.Units(s) {
			fn(sh.Unit(s, k))
		}
	}
}

// addUnit counts the findings of a unit and reports whether there are any. The
// unit counts once, a metric once for each data point that has any.
func addUnit[B, R, S, U any](sh *shape.Shape[B, R, S, U], s *set, u U) bool {
	n := 0
	for i := range sh.Points(u) {
		if s.add(sh.Point(u, i)) {
			n++
		}
	}
	if s.add(sh.Attrs(u)) {
		n = max(n, 1)
	}
	if n > 0 {
		s.Spans += n
		s.mark(sh.Span(u), sh.Times(u))
	}
	return n > 0
}

func (s *set) mark(span pcommon.SpanID, times [2]pcommon.Timestamp) {
	s.marks = append(s.marks, span[:]...)
	s.marks = binary.BigEndian.AppendUint64(s.marks, uint64(times[0]))
	s.marks = binary.BigEndian.AppendUint64(s.marks, uint64(times[1]))
}

func (s *set) finish(signal string) Summary {
	sum := s.summary(signal, s.trace)
	h := sha256.New()
	h.Write([]byte("tracescrub findings 1\x00" + signal + "\x00"))
	h.Write(s.trace[:])
	h.Write(s.marks)
	for _, rule := range sum.Rules {
		h.Write([]byte(rule + "\x00"))
	}
	for _, f := range s.List {
		h.Write([]byte(f.Rule + "\x00" + f.Field + "\x00" + f.Fingerprint + "\x00" + f.Action + "\x00"))
	}
	copy(sum.ID[:], h.Sum(nil))
	return sum
}

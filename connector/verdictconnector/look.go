package verdictconnector

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// stamp is what one map of attributes says.
type stamp struct {
	any   bool // there is a stamp
	held  bool
	list  bool // the findings are a list
	patch bool
	// dropped: what is left of it is for an event, and goes nowhere.
	dropped bool
}

// read reads the stamp of attrs. A verdict that is not known here holds: it
// can only be that of a secret_mask that knows more. So does a patch without
// a verdict; a patch of what is masked is there in case that what is below it
// is held.
func read(attrs pcommon.Map) stamp {
	var s stamp
	known := false
	for k, v := range attrs.All() {
		switch k {
		case verdict.Verdict:
			s.any, known = true, true
			word := ""
			if v.Type() == pcommon.ValueTypeStr {
				word = v.Str()
			}
			s.dropped = word == verdict.Dropped
			s.held = word != verdict.Masked && !s.dropped
		case verdict.Restore:
			s.any, s.patch = true, true
		case verdict.Findings:
			s.any = true
			s.list = v.Type() == pcommon.ValueTypeSlice
		}
	}
	s.held = s.held || s.patch && !known
	return s
}

func (s *stamp) or(t stamp) {
	s.any, s.held, s.list, s.patch = s.any || t.any, s.held || t.held, s.list || t.list, s.patch || t.patch
	s.dropped = s.dropped || t.dropped
}

// readUnit reads all stamps of a unit: a metric is held if one of its points is.
func readUnit[B, R, S, U any](sh *shape.Shape[B, R, S, U], u U) stamp {
	s := read(sh.Attrs(u))
	for i := range sh.Points(u) {
		s.or(read(sh.Point(u, i)))
	}
	return s
}

// look is what a batch comes to.
type look struct {
	stamp        // of all of it: anything found, anything to hold, any list or patch
	scanned bool // each resource has the stamp of a scan
	units   int
	// traces are those of which anything is held. They are held whole.
	traces map[pcommon.TraceID]struct{}
	// policies are those that scanned it and that nobody has been told of yet.
	policies []string
}

// policyOf says what scanned a resource; empty: nothing did.
func policyOf(resource pcommon.Map) string {
	if v, ok := resource.Get(verdict.Policy); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}

// lookAt reads a batch. It does not allocate if nothing is held and all is
// told. remembered may be nil.
func lookAt[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, remembered *heldTraces, told *announced, now time.Time) look {
	l := look{scanned: true}
	var last pcommon.TraceID // the spans of a trace often stand together
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		attrs := sh.ResourceAttrs(r)
		policy := policyOf(attrs)
		if policy == "" {
			l.scanned = false
			return l
		}
		if !told.knows(policy) && !slices.Contains(l.policies, policy) {
			l.policies = append(l.policies, policy)
		}
		inResource := read(attrs)
		l.or(inResource)
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			inScope := read(sh.ScopeAttrs(s))
			l.or(inScope)
			l.units += sh.Units(s)
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				own := readUnit(sh, u)
				l.or(own)
				trace := sh.Trace(u)
				if trace.IsEmpty() {
					continue
				}
				if inResource.held || inScope.held || own.held {
					l.hold(trace)
				} else if remembered != nil && trace != last && remembered.has(trace, now) {
					l.held = true
					l.hold(trace)
				}
				last = trace
			}
		}
	}
	return l
}

func (l *look) hold(trace pcommon.TraceID) {
	if l.traces == nil {
		l.traces = map[pcommon.TraceID]struct{}{}
	}
	l.traces[trace] = struct{}{}
}

// holds reports whether a unit is held: itself, with its resource or scope, or
// with its trace.
func holds[B, R, S, U any](sh *shape.Shape[B, R, S, U], l look, above bool, u U) bool {
	if above {
		return true
	}
	if _, held := l.traces[sh.Trace(u)]; held {
		return true
	}
	return readUnit(sh, u).held
}

package item

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// isDropped reports whether what has these attributes was dropped.
func isDropped(attrs pcommon.Map) bool { return text(attrs, verdict.Verdict) == verdict.Dropped }

// buried collects what was dropped from a batch.
type buried[B, R, S, U any] struct {
	sh     *shape.Shape[B, R, S, U]
	order  []*set
	traces map[pcommon.TraceID]*set

	// of the resource at hand
	resource R
	own      *set // nil until something without a trace was dropped
	blamed   map[blame]bool
}

// stamped is what a resource, or a scope by its number, says of itself.
type stamped struct {
	scope int // -1: the resource
	attrs pcommon.Map
}

// blame says that a set has the findings of a resource or scope.
type blame struct {
	of    *set
	scope int
}

// Dropped returns what secret_mask dropped from a batch: a summary for each
// trace of which anything was, and one for each resource of which anything
// without a trace was, itself and its scopes included. What was dropped with
// its resource, scope or metric has the findings there in its numbers; they
// are listed once, with the resource. Ids are as those of Findings.
func Dropped[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B) []Summary {
	b := &buried[B, R, S, U]{sh: sh, traces: map[pcommon.TraceID]*set{}}
	for i := range sh.Resources(batch) {
		b.resource, b.own, b.blamed = sh.Resource(batch, i), nil, map[blame]bool{}
		b.add(i)
		if b.own != nil {
			eachUnit(sh, b.resource, func(u U) { b.own.mark(sh.Span(u), sh.Times(u)) })
		}
	}
	all := make([]Summary, len(b.order))
	for i, s := range b.order {
		all[i] = s.finish(sh.Signal)
	}
	return all
}

// add goes through the resource at hand, number i.
func (b *buried[B, R, S, U]) add(i int) {
	var above []stamped // what was dropped around a unit
	if attrs := b.sh.ResourceAttrs(b.resource); isDropped(attrs) {
		b.bare(i).tally.add(attrs)
		above = append(above, stamped{-1, attrs})
	}
	for j := range b.sh.Scopes(b.resource) {
		s, around := b.sh.Scope(b.resource, j), above
		if attrs := b.sh.ScopeAttrs(s); len(above) > 0 || isDropped(attrs) {
			b.bare(i).tally.add(attrs)
			around = append(slices.Clip(above), stamped{j, attrs})
		}
		for k := range b.sh.Units(s) {
			b.unit(i, b.sh.Unit(s, k), around)
		}
	}
}

// unit adds a unit of which anything was dropped.
func (b *buried[B, R, S, U]) unit(i int, u U, around []stamped) {
	whole := len(around) > 0 || isDropped(b.sh.Attrs(u))
	var gone []int
	for p := range b.sh.Points(u) {
		if whole || isDropped(b.sh.Point(u, p)) {
			gone = append(gone, p)
		}
	}
	if !whole && len(gone) == 0 {
		return
	}
	of := b.set(i, b.sh.Trace(u))
	if of != b.own {
		for _, a := range around {
			if key := (blame{of, a.scope}); !b.blamed[key] {
				b.blamed[key] = true
				of.blame(a.attrs)
			}
		}
	}
	if whole {
		of.tally.add(b.sh.Attrs(u))
	}
	for _, p := range gone {
		of.tally.add(b.sh.Point(u, p))
	}
	of.converse(b.sh.Attrs(u))
	of.Spans += max(1, len(gone))
	if of != b.own {
		of.mark(b.sh.Span(u), b.sh.Times(u))
	}
}

// set is that of a trace, or of the resource at hand, number i.
func (b *buried[B, R, S, U]) set(i int, trace pcommon.TraceID) *set {
	if trace.IsEmpty() {
		return b.bare(i)
	}
	s := b.traces[trace]
	if s == nil {
		s = b.begin(&set{trace: trace, resource: -1})
		b.traces[trace] = s
	}
	return s
}

func (b *buried[B, R, S, U]) bare(i int) *set {
	if b.own == nil {
		b.own = b.begin(&set{resource: i})
	}
	return b.own
}

func (b *buried[B, R, S, U]) begin(s *set) *set {
	s.describe(b.sh.ResourceAttrs(b.resource))
	b.order = append(b.order, s)
	return s
}

// blame counts findings elsewhere that a unit was dropped for. They are not
// listed: what one resource has would be so for each of its traces.
func (t *tally) blame(attrs pcommon.Map) {
	list := t.List
	t.add(attrs)
	t.List = list
}

// Kept copies a batch without what was dropped, and what was emptied by that.
func Kept[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B) B {
	out := sh.New()
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		if isDropped(sh.ResourceAttrs(r)) {
			continue
		}
		var resource R
		begun := false
		enter := func() {
			if !begun {
				begun, resource = true, sh.AddResource(out)
				sh.CopyResource(r, resource)
			}
		}
		if sh.Scopes(r) == 0 {
			enter() // it came like that
		}
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			if units, any := keptUnits(sh, s); any {
				enter()
				to := sh.AddScope(resource)
				sh.CopyScope(s, to)
				for _, u := range units {
					copied := sh.AddUnit(to)
					sh.CopyUnit(u, copied)
					sh.RemovePoints(copied, isDropped)
				}
			}
		}
	}
	return out
}

// keptUnits are those of a scope of which anything is left; any: so is the scope.
func keptUnits[B, R, S, U any](sh *shape.Shape[B, R, S, U], s S) (units []U, any bool) {
	if isDropped(sh.ScopeAttrs(s)) {
		return nil, false
	}
	for k := range sh.Units(s) {
		u := sh.Unit(s, k)
		left := sh.Points(u) == 0
		for p := range sh.Points(u) {
			left = left || !isDropped(sh.Point(u, p))
		}
		if left && !isDropped(sh.Attrs(u)) {
			units = append(units, u)
		}
	}
	return units, len(units) > 0 || sh.Units(s) == 0
}

package verdictconnector

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// heldUnits counts the units that are held, and how many of all there are. A
// resource or a scope without units counts as one.
func heldUnits[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, l look) (held, all int) {
	eachUnit(sh, batch, l, func(_ R, _ int, _ *S, _ int, _ *U, isHeld bool) {
		all++
		if isHeld {
			held++
		}
	})
	return held, all
}

// eachUnit calls fn for each unit with its resource and scope, their numbers
// and whether it is held, and for each resource and scope that has none.
func eachUnit[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, l look, fn func(r R, i int, s *S, j int, u *U, held bool)) {
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		inResource := read(sh.ResourceAttrs(r)).held
		if sh.Scopes(r) == 0 {
			fn(r, i, nil, 0, nil, inResource)
		}
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			above := inResource || read(sh.ScopeAttrs(s)).held
			if sh.Units(s) == 0 {
				fn(r, i, &s, j, nil, above)
			}
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				fn(r, i, &s, j, &u, holds(sh, l, above, u))
			}
		}
	}
}

// part copies the units that are held, or those that are not.
func part[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, l look, wantHeld bool) B {
	out := sh.New()
	var resource R
	var scope S
	inResource, inScope := -1, -1 // which ones resource and scope are copies of
	eachUnit(sh, batch, l, func(r R, i int, s *S, j int, u *U, held bool) {
		if held != wantHeld {
			return
		}
		if i != inResource {
			resource = sh.AddResource(out)
			sh.CopyResource(r, resource)
			inResource, inScope = i, -1
		}
		if s == nil {
			return
		}
		if j != inScope {
			scope = sh.AddScope(resource)
			sh.CopyScope(*s, scope)
			inScope = j
		}
		if u != nil {
			sh.CopyUnit(*u, sh.AddUnit(scope))
		}
	})
	return out
}

// trim takes the patches away, and leaves of the stamps what annotate says.
// batch is a copy of ours.
func trim[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, annotate string) {
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		trimStamp(sh.ResourceAttrs(r), annotate)
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			trimStamp(sh.ScopeAttrs(s), annotate)
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				trimStamp(sh.Attrs(u), annotate)
				for p := range sh.Points(u) {
					trimStamp(sh.Point(u, p), annotate)
				}
			}
		}
	}
}

func trimStamp(attrs pcommon.Map, annotate string) {
	// Not Map.Remove: it would change the order of what stays.
	attrs.RemoveIf(func(k string, _ pcommon.Value) bool { return k == verdict.Restore })
	switch annotate {
	case annotateNone:
		attrs.RemoveIf(func(k string, _ pcommon.Value) bool {
			switch k {
			case verdict.Policy, verdict.Producer, verdict.Verdict, verdict.Findings:
				return true
			}
			return false
		})
	case annotateSummary:
		v, ok := attrs.Get(verdict.Findings)
		if !ok || v.Type() != pcommon.ValueTypeSlice {
			return
		}
		var found []verdict.Finding
		for _, e := range v.Slice().All() {
			if e.Type() != pcommon.ValueTypeMap {
				continue
			}
			if rule, ok := e.Map().Get("rule"); ok {
				found = append(found, verdict.Finding{Rule: rule.Str()})
			}
		}
		verdict.Stamp(attrs, "", found, true)
	}
}

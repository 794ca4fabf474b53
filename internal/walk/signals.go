package walk

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// sequence is what all slices of pdata have in common.
type sequence[T any] interface {
	Len() int
	At(int) T
	RemoveIf(func(T) bool)
}

// each visits the elements of s and removes those that visit answers false
// to. It reports whether s is still worth keeping: not if it was emptied.
func each[T any, S sequence[T]](s S, visit func(i int, e T) (keep bool)) bool {
	var drops []int
	for i := range s.Len() {
		if !visit(i, s.At(i)) {
			drops = append(drops, i)
		}
	}
	if len(drops) > 0 {
		remove(s, drops)
		return s.Len() > 0
	}
	return true
}

// remove removes the elements at the ascending indices drops. It is apart from
// each because its closure would cost each an allocation.
func remove[T any, S sequence[T]](s S, drops []int) {
	i := 0
	s.RemoveIf(func(T) bool {
		drop := len(drops) > 0 && drops[0] == i
		if drop {
			drops = drops[1:]
		}
		i++
		return drop
	})
}

// resource visits what all signals have at their resources.
func (w *Walker) resource(i int, r pcommon.Resource) {
	w.enter(Resource, i, r.Attributes())
	w.attributes(resourceAttributes, r.Attributes())
	refs := entity.ResourceEntityRefs(r)
	for i := range refs.Len() {
		ref := refs.At(i)
		w.at.index = [2]int{i}
		if out, changed := w.field(entityType, ref.Type()); changed {
			ref.SetType(out)
		}
		if out, changed := w.schema(entitySchemaURL, ref.SchemaUrl()); changed {
			ref.SetSchemaUrl(out)
		}
		w.keyList(entityIDKeys, ref.IdKeys())
		w.keyList(entityDescriptionKeys, ref.DescriptionKeys())
	}
}

// keyList visits names of attributes: as they are masked there, so they are here.
func (w *Walker) keyList(spot Spot, s pcommon.StringSlice) {
	if w.skip || w.options.SkipNames && w.undo == nil {
		return
	}
	w.start(spot)
	w.at.Name = true
	for i := range s.Len() {
		w.at.index[1] = i
		if out, changed := w.change(s.At(i)); changed {
			s.SetAt(i, out)
		}
	}
	w.at.Name = false
}

// scope visits what all signals have at their scopes.
func (w *Walker) scope(i int, s pcommon.InstrumentationScope) {
	w.enter(Scope, i, s.Attributes())
	if out, changed := w.field(scopeName, s.Name()); changed {
		s.SetName(out)
	}
	if out, changed := w.field(scopeVersion, s.Version()); changed {
		s.SetVersion(out)
	}
	w.attributes(scopeAttributes, s.Attributes())
}

// Traces visits every text of td and returns how many spans were dropped.
func (w *Walker) Traces(td ptrace.Traces) (dropped int) {
	each(td.ResourceSpans(), func(i int, rs ptrace.ResourceSpans) bool {
		w.resource(i, rs.Resource())
		if out, changed := w.schema(resourceSchemaURL, rs.SchemaUrl()); changed {
			rs.SetSchemaUrl(out)
		}
		if !w.leave(rs.Resource().Attributes()) {
			if !w.options.Empty {
				for _, ss := range rs.ScopeSpans().All() {
					w.dropped += ss.Spans().Len()
				}
				return false
			}
			emptyResource(rs.Resource())
			rs.SetSchemaUrl("")
		}
		return each(rs.ScopeSpans(), w.scopeSpans)
	})
	return w.end()
}

func (w *Walker) scopeSpans(i int, ss ptrace.ScopeSpans) bool {
	w.scope(i, ss.Scope())
	if out, changed := w.schema(scopeSchemaURL, ss.SchemaUrl()); changed {
		ss.SetSchemaUrl(out)
	}
	if !w.leave(ss.Scope().Attributes()) {
		if !w.options.Empty {
			w.dropped += ss.Spans().Len()
			return false
		}
		emptyScope(ss.Scope())
		ss.SetSchemaUrl("")
	}
	return each(ss.Spans(), w.span)
}

func (w *Walker) span(i int, s ptrace.Span) bool {
	w.at.Trace, w.at.Span = s.TraceID(), s.SpanID()
	w.enter(Item, i, s.Attributes())
	if !w.skip {
		w.spanTexts(s)
	}
	if w.item(s.Attributes()) {
		return true
	}
	if w.options.Empty {
		emptySpan(s)
	}
	return w.options.Empty
}

func (w *Walker) spanTexts(s ptrace.Span) {
	w.traceState(spanTraceState, s.TraceState())
	if out, changed := w.field(spanName, s.Name()); changed {
		s.SetName(out)
	}
	w.attributes(spanAttributes, s.Attributes())
	for i := range s.Events().Len() {
		w.at.index = [2]int{i}
		e := s.Events().At(i)
		if out, changed := w.field(eventName, e.Name()); changed {
			e.SetName(out)
		}
		w.attributes(eventAttributes, e.Attributes())
	}
	for i := range s.Links().Len() {
		w.at.index = [2]int{i}
		l := s.Links().At(i)
		w.traceState(linkTraceState, l.TraceState())
		w.attributes(linkAttributes, l.Attributes())
	}
	if out, changed := w.field(spanStatus, s.Status().Message()); changed {
		s.Status().SetMessage(out)
	}
}

// item closes a span, log record or data point.
func (w *Walker) item(attrs pcommon.Map) bool {
	keep := w.leave(attrs)
	w.at.Trace, w.at.Span = pcommon.TraceID{}, pcommon.SpanID{}
	if !keep {
		w.dropped++
	}
	return keep
}

// Logs visits every text of ld and returns how many log records were dropped.
func (w *Walker) Logs(ld plog.Logs) (dropped int) {
	each(ld.ResourceLogs(), func(i int, rl plog.ResourceLogs) bool {
		w.resource(i, rl.Resource())
		if out, changed := w.schema(resourceSchemaURL, rl.SchemaUrl()); changed {
			rl.SetSchemaUrl(out)
		}
		if !w.leave(rl.Resource().Attributes()) {
			if !w.options.Empty {
				for _, sl := range rl.ScopeLogs().All() {
					w.dropped += sl.LogRecords().Len()
				}
				return false
			}
			emptyResource(rl.Resource())
			rl.SetSchemaUrl("")
		}
		return each(rl.ScopeLogs(), w.scopeLogs)
	})
	return w.end()
}

func (w *Walker) scopeLogs(i int, sl plog.ScopeLogs) bool {
	w.scope(i, sl.Scope())
	if out, changed := w.schema(scopeSchemaURL, sl.SchemaUrl()); changed {
		sl.SetSchemaUrl(out)
	}
	if !w.leave(sl.Scope().Attributes()) {
		if !w.options.Empty {
			w.dropped += sl.LogRecords().Len()
			return false
		}
		emptyScope(sl.Scope())
		sl.SetSchemaUrl("")
	}
	return each(sl.LogRecords(), w.logRecord)
}

func (w *Walker) logRecord(i int, r plog.LogRecord) bool {
	w.at.Trace, w.at.Span = r.TraceID(), r.SpanID()
	w.enter(Item, i, r.Attributes())
	if out, changed := w.field(logSeverityText, r.SeverityText()); changed {
		r.SetSeverityText(out)
	}
	w.body(logBody, r.Body())
	w.attributes(logAttributes, r.Attributes())
	if out, changed := w.field(logEventName, r.EventName()); changed {
		r.SetEventName(out)
	}
	if w.item(r.Attributes()) {
		return true
	}
	if w.options.Empty {
		emptyRecord(r)
	}
	return w.options.Empty
}

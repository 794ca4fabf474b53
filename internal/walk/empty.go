package walk

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// This file empties what Visitor.Done does not want to keep (Options.Empty).
// What stays is copied to something new: a field that is forgotten here is
// lost, and not kept.

func emptyResource(r pcommon.Resource) {
	e := pcommon.NewResource()
	r.Attributes().MoveTo(e.Attributes())
	e.CopyTo(r)
	entity.ResourceEntityRefs(r).RemoveIf(func(entity.EntityRef) bool { return true })
}

func emptyScope(s pcommon.InstrumentationScope) {
	e := pcommon.NewInstrumentationScope()
	s.Attributes().MoveTo(e.Attributes())
	e.MoveTo(s)
}

func emptySpan(s ptrace.Span) {
	e := ptrace.NewSpan()
	e.SetTraceID(s.TraceID())
	e.SetSpanID(s.SpanID())
	e.SetStartTimestamp(s.StartTimestamp())
	e.SetEndTimestamp(s.EndTimestamp())
	s.Attributes().MoveTo(e.Attributes())
	e.MoveTo(s)
}

func emptyRecord(r plog.LogRecord) {
	e := plog.NewLogRecord()
	e.SetTraceID(r.TraceID())
	e.SetSpanID(r.SpanID())
	e.SetTimestamp(r.Timestamp())
	e.SetObservedTimestamp(r.ObservedTimestamp())
	r.Attributes().MoveTo(e.Attributes())
	e.MoveTo(r)
}

// emptyPoint empties a data point of any kind.
func emptyPoint(point any) {
	switch p := point.(type) {
	case pmetric.NumberDataPoint:
		e := pmetric.NewNumberDataPoint()
		keepTimes(p, e)
		e.MoveTo(p)
	case pmetric.HistogramDataPoint:
		e := pmetric.NewHistogramDataPoint()
		keepTimes(p, e)
		e.MoveTo(p)
	case pmetric.ExponentialHistogramDataPoint:
		e := pmetric.NewExponentialHistogramDataPoint()
		keepTimes(p, e)
		e.MoveTo(p)
	case pmetric.SummaryDataPoint:
		e := pmetric.NewSummaryDataPoint()
		keepTimes(p, e)
		e.MoveTo(p)
	default:
		panic("a data point of no kind")
	}
}

// timed is what all data points have in common.
type timed interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	SetStartTimestamp(pcommon.Timestamp)
	Timestamp() pcommon.Timestamp
	SetTimestamp(pcommon.Timestamp)
}

func keepTimes(from, to timed) {
	to.SetStartTimestamp(from.StartTimestamp())
	to.SetTimestamp(from.Timestamp())
	from.Attributes().MoveTo(to.Attributes())
}

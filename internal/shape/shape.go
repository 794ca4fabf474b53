// Package shape is what traces, logs and metrics have in common: a batch of
// resources, which have scopes, which have units (spans, log records,
// metrics). What is written for a Shape is written once for the three signals.
package shape

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Shape says how to get at the parts of a batch B with resources R, scopes S
// and units U. Its functions do not allocate, save those that copy or marshal.
type Shape[B, R, S, U any] struct {
	// Signal is traces, logs or metrics.
	Signal string

	New         func() B
	Marshal     func(B) ([]byte, error)
	Resources   func(B) int
	Resource    func(B, int) R
	AddResource func(B) R

	ResourceAttrs func(R) pcommon.Map
	CopyResource  func(from, to R) // with its schema URL, without scopes
	Scopes        func(R) int
	Scope         func(R, int) S
	AddScope      func(R) S

	ScopeAttrs func(S) pcommon.Map
	CopyScope  func(from, to S) // with its schema URL, without units
	Units      func(S) int
	Unit       func(S, int) U
	AddUnit    func(S) U

	CopyUnit func(from, to U)
	// Attrs are where the stamp of a unit is: attributes, metadata of a metric.
	Attrs func(U) pcommon.Map
	// Points counts the data points of a metric, which have stamps of their
	// own; a span or a log record has none.
	Points func(U) int
	Point  func(U, int) pcommon.Map
	// RemovePoints removes data points, by their attributes.
	RemovePoints func(u U, gone func(pcommon.Map) bool)

	Trace func(U) pcommon.TraceID
	Span  func(U) pcommon.SpanID
	// Times tell units apart that are otherwise alike.
	Times func(U) [2]pcommon.Timestamp
}

// Traces is the shape of traces.
var Traces = &Shape[ptrace.Traces, ptrace.ResourceSpans, ptrace.ScopeSpans, ptrace.Span]{
	Signal: "traces",
	New:    ptrace.NewTraces,
	Marshal: func(td ptrace.Traces) ([]byte, error) {
		return (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	},
	Resources:   func(td ptrace.Traces) int { return td.ResourceSpans().Len() },
	Resource:    func(td ptrace.Traces, i int) ptrace.ResourceSpans { return td.ResourceSpans().At(i) },
	AddResource: func(td ptrace.Traces) ptrace.ResourceSpans { return td.ResourceSpans().AppendEmpty() },

	ResourceAttrs: func(r ptrace.ResourceSpans) pcommon.Map { return r.Resource().Attributes() },
	CopyResource: func(from, to ptrace.ResourceSpans) {
		from.Resource().CopyTo(to.Resource())
		to.SetSchemaUrl(from.SchemaUrl())
	},
	Scopes:   func(r ptrace.ResourceSpans) int { return r.ScopeSpans().Len() },
	Scope:    func(r ptrace.ResourceSpans, i int) ptrace.ScopeSpans { return r.ScopeSpans().At(i) },
	AddScope: func(r ptrace.ResourceSpans) ptrace.ScopeSpans { return r.ScopeSpans().AppendEmpty() },

	ScopeAttrs: func(s ptrace.ScopeSpans) pcommon.Map { return s.Scope().Attributes() },
	CopyScope: func(from, to ptrace.ScopeSpans) {
		from.Scope().CopyTo(to.Scope())
		to.SetSchemaUrl(from.SchemaUrl())
	},
	Units:   func(s ptrace.ScopeSpans) int { return s.Spans().Len() },
	Unit:    func(s ptrace.ScopeSpans, i int) ptrace.Span { return s.Spans().At(i) },
	AddUnit: func(s ptrace.ScopeSpans) ptrace.Span { return s.Spans().AppendEmpty() },

	CopyUnit:     func(from, to ptrace.Span) { from.CopyTo(to) },
	Attrs:        ptrace.Span.Attributes,
	Points:       func(ptrace.Span) int { return 0 },
	RemovePoints: func(ptrace.Span, func(pcommon.Map) bool) {},
	Trace:        ptrace.Span.TraceID,
	Span:         ptrace.Span.SpanID,
	Times: func(s ptrace.Span) [2]pcommon.Timestamp {
		return [2]pcommon.Timestamp{s.StartTimestamp(), s.EndTimestamp()}
	},
}

// Logs is the shape of logs.
var Logs = &Shape[plog.Logs, plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord]{
	Signal: "logs",
	New:    plog.NewLogs,
	Marshal: func(ld plog.Logs) ([]byte, error) {
		return (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	},
	Resources:   func(ld plog.Logs) int { return ld.ResourceLogs().Len() },
	Resource:    func(ld plog.Logs, i int) plog.ResourceLogs { return ld.ResourceLogs().At(i) },
	AddResource: func(ld plog.Logs) plog.ResourceLogs { return ld.ResourceLogs().AppendEmpty() },

	ResourceAttrs: func(r plog.ResourceLogs) pcommon.Map { return r.Resource().Attributes() },
	CopyResource: func(from, to plog.ResourceLogs) {
		from.Resource().CopyTo(to.Resource())
		to.SetSchemaUrl(from.SchemaUrl())
	},
	Scopes:   func(r plog.ResourceLogs) int { return r.ScopeLogs().Len() },
	Scope:    func(r plog.ResourceLogs, i int) plog.ScopeLogs { return r.ScopeLogs().At(i) },
	AddScope: func(r plog.ResourceLogs) plog.ScopeLogs { return r.ScopeLogs().AppendEmpty() },

	ScopeAttrs: func(s plog.ScopeLogs) pcommon.Map { return s.Scope().Attributes() },
	CopyScope: func(from, to plog.ScopeLogs) {
		from.Scope().CopyTo(to.Scope())
		to.SetSchemaUrl(from.SchemaUrl())
	},
	Units:   func(s plog.ScopeLogs) int { return s.LogRecords().Len() },
	Unit:    func(s plog.ScopeLogs, i int) plog.LogRecord { return s.LogRecords().At(i) },
	AddUnit: func(s plog.ScopeLogs) plog.LogRecord { return s.LogRecords().AppendEmpty() },

	CopyUnit:     func(from, to plog.LogRecord) { from.CopyTo(to) },
	Attrs:        plog.LogRecord.Attributes,
	Points:       func(plog.LogRecord) int { return 0 },
	RemovePoints: func(plog.LogRecord, func(pcommon.Map) bool) {},
	Trace:        plog.LogRecord.TraceID,
	Span:         plog.LogRecord.SpanID,
	Times: func(r plog.LogRecord) [2]pcommon.Timestamp {
		return [2]pcommon.Timestamp{r.Timestamp(), r.ObservedTimestamp()}
	},
}

// Metrics is the shape of metrics. Their exemplars may have traces; they themselves have none.
var Metrics = &Shape[pmetric.Metrics, pmetric.ResourceMetrics, pmetric.ScopeMetrics, pmetric.Metric]{
	Signal: "metrics",
	New:    pmetric.NewMetrics,
	Marshal: func(md pmetric.Metrics) ([]byte, error) {
		return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	},
	Resources:   func(md pmetric.Metrics) int { return md.ResourceMetrics().Len() },
	Resource:    func(md pmetric.Metrics, i int) pmetric.ResourceMetrics { return md.ResourceMetrics().At(i) },
	AddResource: func(md pmetric.Metrics) pmetric.ResourceMetrics { return md.ResourceMetrics().AppendEmpty() },

	ResourceAttrs: func(r pmetric.ResourceMetrics) pcommon.Map { return r.Resource().Attributes() },
	CopyResource: func(from, to pmetric.ResourceMetrics) {
		from.Resource().CopyTo(to.Resource())
		to.SetSchemaUrl(from.SchemaUrl())
	},
	Scopes:   func(r pmetric.ResourceMetrics) int { return r.ScopeMetrics().Len() },
	Scope:    func(r pmetric.ResourceMetrics, i int) pmetric.ScopeMetrics { return r.ScopeMetrics().At(i) },
	AddScope: func(r pmetric.ResourceMetrics) pmetric.ScopeMetrics { return r.ScopeMetrics().AppendEmpty() },

	ScopeAttrs: func(s pmetric.ScopeMetrics) pcommon.Map { return s.Scope().Attributes() },
	CopyScope: func(from, to pmetric.ScopeMetrics) {
		from.Scope().CopyTo(to.Scope())
		to.SetSchemaUrl(from.SchemaUrl())
	},
	Units:   func(s pmetric.ScopeMetrics) int { return s.Metrics().Len() },
	Unit:    func(s pmetric.ScopeMetrics, i int) pmetric.Metric { return s.Metrics().At(i) },
	AddUnit: func(s pmetric.ScopeMetrics) pmetric.Metric { return s.Metrics().AppendEmpty() },

	CopyUnit: func(from, to pmetric.Metric) { from.CopyTo(to) },
	Attrs:    pmetric.Metric.Metadata,
	Points:   points,
	Point: func(m pmetric.Metric, i int) pcommon.Map {
		attrs, _ := point(m, i)
		return attrs
	},
	RemovePoints: removePoints,
	Trace:        func(pmetric.Metric) pcommon.TraceID { return pcommon.TraceID{} },
	Span:         func(pmetric.Metric) pcommon.SpanID { return pcommon.SpanID{} },
	Times: func(m pmetric.Metric) [2]pcommon.Timestamp {
		if points(m) == 0 {
			return [2]pcommon.Timestamp{}
		}
		_, first := point(m, 0)
		_, last := point(m, points(m)-1)
		return [2]pcommon.Timestamp{first, last}
	},
}

func points(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	}
	return 0
}

func removePoints(m pmetric.Metric, gone func(pcommon.Map) bool) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return gone(p.Attributes()) })
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return gone(p.Attributes()) })
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool { return gone(p.Attributes()) })
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool { return gone(p.Attributes()) })
	case pmetric.MetricTypeSummary:
		m.Summary().DataPoints().RemoveIf(func(p pmetric.SummaryDataPoint) bool { return gone(p.Attributes()) })
	}
}

// point returns what data points of all kinds have.
func point(m pmetric.Metric, i int) (pcommon.Map, pcommon.Timestamp) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		p := m.Gauge().DataPoints().At(i)
		return p.Attributes(), p.Timestamp()
	case pmetric.MetricTypeSum:
		p := m.Sum().DataPoints().At(i)
		return p.Attributes(), p.Timestamp()
	case pmetric.MetricTypeHistogram:
		p := m.Histogram().DataPoints().At(i)
		return p.Attributes(), p.Timestamp()
	case pmetric.MetricTypeExponentialHistogram:
		p := m.ExponentialHistogram().DataPoints().At(i)
		return p.Attributes(), p.Timestamp()
	}
	p := m.Summary().DataPoints().At(i)
	return p.Attributes(), p.Timestamp()
}

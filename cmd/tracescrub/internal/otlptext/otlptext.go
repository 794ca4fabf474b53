// Package otlptext writes OTLP/JSON for people to read on a terminal. Nothing
// in it can steer the terminal.
package otlptext

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// ours is the prefix of attributes that say what show has said already.
const ours = "tracescrub."

// Write writes all spans, log records and data points of a document.
func Write(w io.Writer, doc []byte) error {
	p := &printer{w: w}
	var err error
	switch {
	case bytes.Contains(doc, []byte(`"resourceSpans"`)):
		var td ptrace.Traces
		if td, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(doc); err == nil {
			p.traces(td)
		}
	case bytes.Contains(doc, []byte(`"resourceLogs"`)):
		var ld plog.Logs
		if ld, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(doc); err == nil {
			p.logs(ld)
		}
	case bytes.Contains(doc, []byte(`"resourceMetrics"`)):
		var md pmetric.Metrics
		if md, err = (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(doc); err == nil {
			p.metrics(md)
		}
	default:
		return asItIs(w, doc)
	}
	if err != nil { // which may quote content
		return asItIs(w, doc)
	}
	return p.err
}

// Batch writes all spans, log records or data points of a ptrace.Traces,
// plog.Logs or pmetric.Metrics.
func Batch[B ptrace.Traces | plog.Logs | pmetric.Metrics](w io.Writer, batch B) error {
	p := &printer{w: w}
	switch b := any(batch).(type) {
	case ptrace.Traces:
		p.traces(b)
	case plog.Logs:
		p.logs(b)
	case pmetric.Metrics:
		p.metrics(b)
	}
	return p.err
}

// asItIs writes a document that is JSON, but not what it should be.
func asItIs(w io.Writer, doc []byte) error {
	var laid bytes.Buffer
	if err := json.Indent(&laid, doc, "", "  "); err != nil {
		return errors.New("is no JSON")
	}
	_, err := fmt.Fprintf(w, "not readable as OTLP; the document as it is:\n%s\n", screen.JSON(laid.Bytes()))
	return err
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

// line writes one line at a depth, whatever stands in it.
func (p *printer) line(depth int, format string, args ...any) {
	p.write(depth, screen.Plain(fmt.Sprintf(format, args...), false))
}

// block writes text of several lines at a depth: no line of it can pass for one of ours.
func (p *printer) block(depth int, text string) {
	for line := range strings.SplitSeq(screen.Plain(text, true), "\n") {
		p.write(depth, "| "+line)
	}
}

func (p *printer) write(depth int, line string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(strings.Repeat("  ", min(depth, 30))+line, " "))
	}
}

func (p *printer) attributes(depth int, m pcommon.Map) {
	for k, v := range m.All() {
		if !strings.HasPrefix(k, ours) {
			p.value(depth, k, v)
		}
	}
}

func (p *printer) value(depth int, name string, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeMap:
		p.line(depth, "%s:", name)
		for k, x := range v.Map().All() {
			p.value(depth+1, k, x)
		}
	case pcommon.ValueTypeSlice:
		p.line(depth, "%s:", name)
		for i, x := range v.Slice().All() {
			p.value(depth+1, fmt.Sprintf("[%d]", i), x)
		}
	case pcommon.ValueTypeBytes:
		p.line(depth, "%s: (%d bytes)", name, v.Bytes().Len())
	case pcommon.ValueTypeStr:
		text := v.Str()
		if strings.Contains(text, "\n") {
			p.line(depth, "%s:", name)
			p.block(depth+1, text)
			return
		}
		p.line(depth, "%s: %s", name, text)
	default:
		p.line(depth, "%s: %s", name, v.AsString())
	}
}

func (p *printer) resource(r pcommon.Resource) {
	p.line(0, "resource")
	p.attributes(1, r.Attributes())
}

func (p *printer) scope(s pcommon.InstrumentationScope) {
	if s.Name() != "" || s.Attributes().Len() > 0 {
		p.line(0, "scope %s %s", s.Name(), s.Version())
		p.attributes(1, s.Attributes())
	}
}

func at(t pcommon.Timestamp) string {
	if t == 0 {
		return "no time"
	}
	return t.AsTime().UTC().Format("2006-01-02T15:04:05.000Z")
}

func (p *printer) traces(td ptrace.Traces) {
	for _, rs := range td.ResourceSpans().All() {
		p.resource(rs.Resource())
		for _, ss := range rs.ScopeSpans().All() {
			p.scope(ss.Scope())
			for _, s := range ss.Spans().All() {
				p.span(s)
			}
		}
	}
}

func (p *printer) span(s ptrace.Span) {
	took := time.Duration(s.EndTimestamp() - s.StartTimestamp()) //nolint:gosec // a wrong time is shown as it is
	p.line(0, "span %s", s.Name())
	p.line(1, "%s, %v, id %s, parent %s, trace %s", at(s.StartTimestamp()), took, s.SpanID(), orNone(s.ParentSpanID().String()), s.TraceID())
	if state := s.TraceState().AsRaw(); state != "" {
		p.line(1, "trace state: %s", state)
	}
	if s.Status().Code() != ptrace.StatusCodeUnset || s.Status().Message() != "" {
		p.line(1, "status: %s %s", s.Status().Code(), s.Status().Message())
	}
	p.attributes(1, s.Attributes())
	for _, e := range s.Events().All() {
		p.line(1, "event %s, %s", e.Name(), at(e.Timestamp()))
		p.attributes(2, e.Attributes())
	}
	for _, l := range s.Links().All() {
		p.line(1, "link to span %s of trace %s %s", l.SpanID(), l.TraceID(), l.TraceState().AsRaw())
		p.attributes(2, l.Attributes())
	}
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

func (p *printer) logs(ld plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		p.resource(rl.Resource())
		for _, sl := range rl.ScopeLogs().All() {
			p.scope(sl.Scope())
			for _, r := range sl.LogRecords().All() {
				p.line(0, "record %s %s %s", at(r.Timestamp()), r.SeverityText(), r.EventName())
				p.value(1, "body", r.Body())
				p.attributes(1, r.Attributes())
			}
		}
	}
}

func (p *printer) metrics(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		p.resource(rm.Resource())
		for _, sm := range rm.ScopeMetrics().All() {
			p.scope(sm.Scope())
			for _, m := range sm.Metrics().All() {
				p.metric(m)
			}
		}
	}
}

func (p *printer) metric(m pmetric.Metric) {
	p.line(0, "metric %s (%s, %s) %s", m.Name(), m.Type(), m.Unit(), m.Description())
	p.attributes(1, m.Metadata())
	point := func(t pcommon.Timestamp, value string, a pcommon.Map, exemplars pmetric.ExemplarSlice) {
		p.line(1, "%s: %s", at(t), value)
		p.attributes(2, a)
		for _, e := range exemplars.All() {
			id := e.SpanID()
			p.line(2, "exemplar of span %s", hex.EncodeToString(id[:]))
			p.attributes(3, e.FilteredAttributes())
		}
	}
	numbers := func(points pmetric.NumberDataPointSlice) {
		for _, d := range points.All() {
			value := fmt.Sprint(d.IntValue())
			if d.ValueType() == pmetric.NumberDataPointValueTypeDouble {
				value = fmt.Sprint(d.DoubleValue())
			}
			point(d.Timestamp(), value, d.Attributes(), d.Exemplars())
		}
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, d := range m.Histogram().DataPoints().All() {
			point(d.Timestamp(), fmt.Sprintf("count %d, sum %v", d.Count(), d.Sum()), d.Attributes(), d.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, d := range m.ExponentialHistogram().DataPoints().All() {
			point(d.Timestamp(), fmt.Sprintf("count %d, sum %v", d.Count(), d.Sum()), d.Attributes(), d.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, d := range m.Summary().DataPoints().All() {
			point(d.Timestamp(), fmt.Sprintf("count %d, sum %v", d.Count(), d.Sum()), d.Attributes(), pmetric.NewExemplarSlice())
		}
	}
}

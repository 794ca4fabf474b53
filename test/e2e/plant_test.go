//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// planter fills the places of a batch. One fills them with secrets, another
// with what must have become of them; all else is the same in both.
type planter interface {
	token(place string) string
	password(place string) string
	// number puts a secret number, or what became of it.
	number(place string, to pcommon.Value)
}

func (v *vault) number(place string, to pcommon.Value) { to.SetInt(v.passcode(place)) }

// masked plants the mask, without rule and fingerprint.
type masked struct{}

const mask = "[MASKED]"

func (masked) token(string) string               { return mask }
func (masked) password(string) string            { return mask }
func (masked) number(_ string, to pcommon.Value) { to.SetStr(mask) }
func traceID(n byte) pcommon.TraceID {
	return pcommon.TraceID{n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
}
func spanID(n byte) pcommon.SpanID               { return pcommon.SpanID{n, 1, 2, 3, 4, 5, 6, 7} }
func timestamp(n int) pcommon.Timestamp          { return pcommon.Timestamp(1_760_000_000_000_000_000 + n) }
func fillResource(p planter, r pcommon.Resource) { fillMap(p, "resource", r.Attributes()) }
func fillScope(p planter, s pcommon.InstrumentationScope) {
	s.SetName("scope " + p.token("scope name"))
	s.SetVersion("1.0 " + p.token("scope version"))
	fillMap(p, "scope", s.Attributes())
}

// fillMap plants in attributes of every kind, beside values that must survive.
func fillMap(p planter, place string, m pcommon.Map) {
	m.PutStr("service.name", "checkout")
	m.PutStr("plain", "nothing to see: ünïcödé \"quotes\" \\ back\nline ${TOKEN} ****")
	m.PutInt("retries", 123456789012345)
	m.PutDouble("ratio", 0.25)
	m.PutBool("ok", true)
	m.PutEmpty("empty")
	m.PutStr("gen_ai.response.id", "chatcmpl-9f8e7d6c5b4a39281706")
	m.PutStr("digest", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
	m.PutStr("text", "use "+p.token(place+" string")+", then go on.")
	m.PutStr("url", "postgres://app:"+p.password(place+" url userinfo")+"@db.internal:5432/shop")
	m.PutStr("db.password", p.password(place+" password"))
	p.number(place+" passcode", m.PutEmpty("login.otp"))
	m.PutStr("key "+p.token(place+" key"), "value")
	m.PutStr("json", jsonText(p, place))
	m.PutEmptyBytes("bytes").FromRaw([]byte("\x00\x01 " + p.token(place+" bytes") + " \xfe"))
	slice := m.PutEmptySlice("slice")
	slice.AppendEmpty().SetStr("first")
	slice.AppendEmpty().SetStr(p.token(place + " slice"))
	slice.AppendEmpty().SetInt(7)
	slice.AppendEmpty().SetEmptySlice().AppendEmpty().SetStr(p.token(place + " slice in slice"))
	inner := m.PutEmptyMap("map")
	inner.PutStr("a", p.token(place+" map"))
	inner.PutStr("b "+p.token(place+" map key"), "clean")
	inner.PutEmptyMap("c").PutEmptySlice("d").AppendEmpty().SetEmptyMap().PutStr("e", p.token(place+" deep"))
}

// jsonText is JSON in JSON in a string, as agents log their messages.
func jsonText(p planter, place string) string {
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	args := fmt.Sprintf(`{"path": "/a/b", "token":%s , "n": 1.50}`, quote(p.token(place+" json in json")))
	return fmt.Sprintf(`[{"role":"user","content":"call \u0041 <it>"}, {"arguments": %s,"text":%s}]`,
		quote(args), quote("line one\nexport KEY="+p.token(place+" json")+"\n"))
}

func makeTraces(p planter, id byte) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	fillResource(p, rs.Resource())
	ss := rs.ScopeSpans().AppendEmpty()
	fillScope(p, ss.Scope())
	for i := range 2 {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(traceID(id))
		s.SetSpanID(spanID(byte(i)))
		s.SetParentSpanID(spanID(9))
		s.SetKind(ptrace.SpanKindClient)
		s.SetStartTimestamp(timestamp(i))
		s.SetEndTimestamp(timestamp(i + 5))
		s.SetFlags(257)
		s.SetDroppedAttributesCount(3)
		if i == 1 { // a clean one
			s.SetName("chat gpt")
			continue
		}
		s.SetName("GET /reset?token=" + p.token("span name"))
		s.TraceState().FromRaw("vendor=" + p.token("span tracestate") + ",other=1")
		fillMap(p, "span", s.Attributes())
		s.Status().SetCode(ptrace.StatusCodeError)
		s.Status().SetMessage("refused " + p.token("status message"))
		e := s.Events().AppendEmpty()
		e.SetTimestamp(timestamp(2))
		e.SetName("event " + p.token("event name"))
		fillMap(p, "event", e.Attributes())
		l := s.Links().AppendEmpty()
		l.SetTraceID(traceID(77))
		l.SetSpanID(spanID(8))
		l.TraceState().FromRaw("vendor=" + p.token("link tracestate"))
		fillMap(p, "link", l.Attributes())
	}
	return td
}

func makeLogs(p planter, id byte) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fillResource(p, rl.Resource())
	sl := rl.ScopeLogs().AppendEmpty()
	fillScope(p, sl.Scope())
	bodies := []func(pcommon.Value){
		func(v pcommon.Value) { v.SetStr("login with " + p.token("string body")) },
		func(v pcommon.Value) { fillMap(p, "map body", v.SetEmptyMap()) },
		func(v pcommon.Value) { v.SetEmptySlice().AppendEmpty().SetStr(p.token("slice body")) },
		func(v pcommon.Value) { v.SetEmptyBytes().FromRaw([]byte("\xff " + p.token("bytes body"))) },
		func(v pcommon.Value) { v.SetInt(42) },
	}
	for i, body := range bodies {
		r := sl.LogRecords().AppendEmpty()
		r.SetTraceID(traceID(id))
		r.SetSpanID(spanID(byte(i)))
		r.SetTimestamp(timestamp(i))
		r.SetObservedTimestamp(timestamp(i + 1))
		r.SetSeverityNumber(plog.SeverityNumberError)
		body(r.Body())
		if i == 0 {
			r.SetSeverityText("ERROR " + p.token("severity text"))
			r.SetEventName("event " + p.token("log event name"))
			fillMap(p, "log record", r.Attributes())
		}
	}
	return ld
}

func makeMetrics(p planter, id byte) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	fillResource(p, rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	fillScope(p, sm.Scope())
	next := func(kind string) pmetric.Metric {
		m := sm.Metrics().AppendEmpty()
		m.SetName("metric " + p.token(kind+" name"))
		m.SetDescription("counts " + p.token(kind+" description"))
		m.SetUnit("{" + p.token(kind+" unit") + "}")
		fillMap(p, kind+" metadata", m.Metadata())
		return m
	}
	exemplar := func(kind string, all pmetric.ExemplarSlice) {
		e := all.AppendEmpty()
		e.SetTraceID(traceID(id))
		e.SetSpanID(spanID(4))
		e.SetTimestamp(timestamp(3))
		e.SetIntValue(3)
		fillMap(p, kind+" exemplar", e.FilteredAttributes())
	}
	gauge := next("gauge").SetEmptyGauge().DataPoints().AppendEmpty()
	gauge.SetIntValue(5)
	fillMap(p, "gauge point", gauge.Attributes())
	exemplar("gauge", gauge.Exemplars())
	sum := next("sum").SetEmptySum()
	sum.SetIsMonotonic(true)
	point := sum.DataPoints().AppendEmpty()
	point.SetDoubleValue(1.5)
	fillMap(p, "sum point", point.Attributes())
	exemplar("sum", point.Exemplars())
	hist := next("histogram").SetEmptyHistogram().DataPoints().AppendEmpty()
	hist.SetCount(3)
	hist.BucketCounts().FromRaw([]uint64{1, 2})
	hist.ExplicitBounds().FromRaw([]float64{0.5})
	fillMap(p, "histogram point", hist.Attributes())
	exemplar("histogram", hist.Exemplars())
	exp := next("exponential").SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	exp.SetScale(2)
	exp.Positive().BucketCounts().FromRaw([]uint64{4})
	fillMap(p, "exponential point", exp.Attributes())
	exemplar("exponential", exp.Exemplars())
	summary := next("summary").SetEmptySummary().DataPoints().AppendEmpty()
	summary.QuantileValues().AppendEmpty().SetQuantile(0.5)
	fillMap(p, "summary point", summary.Attributes())
	return md
}

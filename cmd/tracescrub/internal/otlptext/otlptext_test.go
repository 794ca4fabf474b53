package otlptext

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// evil would clear the screen, turn the line round and pass for a span of its own.
const evil = "x\x1b[2J\u202e\nspan forged\n  trace forged\r\u009b1m"

func fill(m pcommon.Map) {
	m.PutStr(evil, evil)
	m.PutInt("int", 7)
	m.PutEmptyBytes("bytes").FromRaw([]byte(evil))
	m.PutStr("tracescrub.verdict", "held")
	s := m.PutEmptySlice("slice")
	s.AppendEmpty().SetStr(evil)
	s.AppendEmpty().SetEmptyMap().PutStr("deep", evil)
}

func traces() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	fill(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName(evil)
	ss.Scope().SetVersion(evil)
	s := ss.Spans().AppendEmpty()
	s.SetName(evil)
	s.TraceState().FromRaw(evil)
	s.Status().SetMessage(evil)
	fill(s.Attributes())
	e := s.Events().AppendEmpty()
	e.SetName(evil)
	fill(e.Attributes())
	l := s.Links().AppendEmpty()
	l.TraceState().FromRaw(evil)
	fill(l.Attributes())
	return td
}

func logs() plog.Logs {
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetSeverityText(evil)
	r.SetEventName(evil)
	r.Body().SetStr(evil)
	fill(r.Attributes())
	return ld
}

func metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	all := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	named := func() pmetric.Metric {
		m := all.AppendEmpty()
		m.SetName(evil)
		m.SetUnit(evil)
		m.SetDescription(evil)
		fill(m.Metadata())
		return m
	}
	d := named().SetEmptyGauge().DataPoints().AppendEmpty()
	d.SetDoubleValue(1.5)
	fill(d.Attributes())
	fill(d.Exemplars().AppendEmpty().FilteredAttributes())
	fill(named().SetEmptySum().DataPoints().AppendEmpty().Attributes())
	fill(named().SetEmptyHistogram().DataPoints().AppendEmpty().Attributes())
	fill(named().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes())
	fill(named().SetEmptySummary().DataPoints().AppendEmpty().Attributes())
	return md
}

// TestHostile: every place is shown, and none of them steers the terminal or
// passes for a line of ours.
func TestHostile(t *testing.T) {
	trace, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces())
	if err != nil {
		t.Fatal(err)
	}
	log, err := (&plog.JSONMarshaler{}).MarshalLogs(logs())
	if err != nil {
		t.Fatal(err)
	}
	metric, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(metrics())
	if err != nil {
		t.Fatal(err)
	}
	// The names, keys and texts of each document; a key and three texts for each map.
	for name, tt := range map[string]struct {
		doc    []byte
		places int
	}{
		"traces": {trace, 7 + 4*4}, "logs": {log, 3 + 4}, "metrics": {metric, 3*5 + 4*(5+6)},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := Write(&b, tt.doc); err != nil {
				t.Fatal(err)
			}
			out := b.String()
			if screen.Plain(out, true) != out {
				t.Error("characters that are not simply seen get through")
			}
			if n := strings.Count(out, `x\u001b[2J\u202e`); n != tt.places {
				t.Errorf("%d places are shown, want %d", n, tt.places)
			}
			for line := range strings.Lines(out) {
				if rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "span forged") || strings.HasPrefix(rest, "trace forged") {
					t.Error("a line of a text passes for one of ours")
				}
			}
			if strings.Contains(out, "tracescrub.verdict") {
				t.Error("our own attributes are shown")
			}
		})
	}
}

func TestWrite(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"no JSON", "hello", ""},
		{"another document", `{"a":"\u001b"}`, `"a": "\u001b"`},
		{"OTLP of the wrong form", "{\"resourceSpans\":\"\u202e\"}", `"resourceSpans": "\u202e"`},
		{"nothing in it", `{"resourceLogs":[]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			err := Write(&b, []byte(tt.doc))
			if (err != nil) != (tt.name == "no JSON") || !strings.Contains(b.String(), tt.want) {
				t.Errorf("%q, %v", b.String(), err)
			}
		})
	}
}

package item

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// drop stamps m as what was dropped; without findings it was so with what is around it.
func drop(m pcommon.Map, findings ...verdict.Finding) {
	if len(findings) == 0 {
		m.PutStr(verdict.Verdict, verdict.Dropped)
		return
	}
	verdict.Stamp(m, verdict.Dropped, findings, false)
}

func TestDropped(t *testing.T) {
	td := ptrace.NewTraces()
	s := resourceOf(td, "shop").ScopeSpans().AppendEmpty()
	drop(spanOf(s, 1, 1).Attributes(), found("a", "low", "f1"))
	masked(spanOf(s, 1, 2).Attributes(), found("m", "critical", "f2"))
	drop(spanOf(s, 1, 3).Attributes(), found("b", "high", "f3"))
	s.Spans().At(2).Attributes().PutStr("gen_ai.conversation.id", "talk")
	drop(spanOf(s, 0, 4).Attributes(), found("c", "low", "f4"))

	all := Dropped(shape.Traces, td)
	require.Len(t, all, 2)
	require.Equal(t, Summary{
		ID: all[0].ID, Signal: "traces", Trace: [16]byte{1}, Service: "shop", Severity: "high", Rules: []string{"a", "b"},
		Findings: 2, Secrets: 2, Spans: 2, Policy: "p1", Producer: "somebody", Masked: true, Clear: false, List: all[0].List, Conversation: "talk",
	}, all[0])
	require.Len(t, all[0].List, 2)
	require.Equal(t, [16]byte{}, all[1].Trace)
	require.Equal(t, []string{"c"}, all[1].Rules)
	require.Equal(t, all, Dropped(shape.Traces, td), "a second try is the same")
	s.Spans().At(0).SetEndTimestamp(1)
	require.NotEqual(t, all[0].ID, Dropped(shape.Traces, td)[0].ID)

	rest := Kept(shape.Traces, td)
	require.Equal(t, 1, rest.SpanCount())
	left := rest.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	require.Equal(t, pcommon.SpanID{2}, left.SpanID())
	require.Empty(t, Dropped(shape.Traces, rest))
	require.Empty(t, Dropped(shape.Traces, ptrace.NewTraces()))
}

// TestDroppedAround: what goes with its resource or scope is told for each of
// its traces, with why, and the findings there are listed once.
func TestDroppedAround(t *testing.T) {
	td := ptrace.NewTraces()
	r := resourceOf(td, "shop")
	drop(r.Resource().Attributes(), found("r", "high", "f1"))
	s := r.ScopeSpans().AppendEmpty()
	drop(s.Scope().Attributes(), found("s", "low", "f2"))
	drop(spanOf(s, 1, 1).Attributes())
	drop(spanOf(s, 1, 2).Attributes(), found("a", "low", "f3"))
	other := r.ScopeSpans().AppendEmpty()
	drop(other.Scope().Attributes(), found("o", "critical", "f4"))
	spanOf(other, 1, 3) // without a word of its own
	spanOf(other, 2, 4)
	spanOf(other, 0, 5)

	all := Dropped(shape.Traces, td)
	require.Len(t, all, 3)
	bare, one, two := all[0], all[1], all[2]
	require.Equal(t, []string{"o", "r", "s"}, bare.Rules)
	require.Equal(t, []int{3, 3, 1}, []int{bare.Findings, len(bare.List), bare.Spans})
	require.Equal(t, [16]byte{1}, one.Trace)
	require.Equal(t, []string{"a", "o", "r", "s"}, one.Rules)
	require.Equal(t, []int{4, 1, 3}, []int{one.Findings, len(one.List), one.Spans})
	require.Equal(t, "critical", one.Severity)
	require.Equal(t, [16]byte{2}, two.Trace)
	require.Equal(t, []string{"o", "r"}, two.Rules)
	require.Equal(t, []int{2, 0, 1}, []int{two.Findings, len(two.List), two.Spans})
	require.Equal(t, "shop", two.Service)
	require.NotEqual(t, one.ID, two.ID)
	require.Zero(t, Kept(shape.Traces, td).ResourceSpans().Len())
}

func TestDroppedPoints(t *testing.T) {
	md := pmetric.NewMetrics()
	r := md.ResourceMetrics().AppendEmpty()
	ms := r.ScopeMetrics().AppendEmpty().Metrics()
	gauge := ms.AppendEmpty()
	gauge.SetName("half")
	points := gauge.SetEmptyGauge().DataPoints()
	for i := range 4 {
		p := points.AppendEmpty()
		p.SetIntValue(int64(i))
		if i%2 == 0 {
			drop(p.Attributes(), found("p", "low", "f1"))
		}
	}
	masked(gauge.Metadata(), found("m", "low", "f1"))
	all := ms.AppendEmpty()
	drop(all.SetEmptySum().DataPoints().AppendEmpty().Attributes(), found("p", "low", "f1"))
	whole := ms.AppendEmpty()
	drop(whole.Metadata(), found("n", "low", "f1"))
	drop(whole.SetEmptySummary().DataPoints().AppendEmpty().Attributes())
	whole.Summary().DataPoints().AppendEmpty()
	ms.AppendEmpty().SetName("came empty")
	for _, m := range []pmetric.Metric{ms.AppendEmpty(), ms.AppendEmpty()} {
		m.SetName("other kinds")
	}
	drop(ms.At(4).SetEmptyHistogram().DataPoints().AppendEmpty().Attributes())
	ms.At(4).Histogram().DataPoints().AppendEmpty()
	drop(ms.At(5).SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes())
	ms.At(5).ExponentialHistogram().DataPoints().AppendEmpty()

	told := Dropped(shape.Metrics, md)
	require.Len(t, told, 1)
	require.Equal(t, 2+1+2+2, told[0].Spans)
	require.Equal(t, []string{"n", "p"}, told[0].Rules)
	require.Equal(t, 4, told[0].Findings)

	rest := Kept(shape.Metrics, md).ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	require.Equal(t, 4, rest.Len())
	left := rest.At(0).Gauge().DataPoints()
	require.Equal(t, 2, left.Len())
	require.Equal(t, []int64{1, 3}, []int64{left.At(0).IntValue(), left.At(1).IntValue()})
	require.Equal(t, "came empty", rest.At(1).Name())
	require.Equal(t, 1, rest.At(2).Histogram().DataPoints().Len())
	require.Equal(t, 1, rest.At(3).ExponentialHistogram().DataPoints().Len())
}

// TestKeptKeepsWhatCameEmpty: only what was emptied goes.
func TestKeptKeepsWhatCameEmpty(t *testing.T) {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().SetSchemaUrl("came empty")
	r := ld.ResourceLogs().AppendEmpty()
	r.ScopeLogs().AppendEmpty().SetSchemaUrl("came empty")
	drop(r.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes())
	drop(ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes())
	drop(ld.ResourceLogs().AppendEmpty().Resource().Attributes())
	rest := Kept(shape.Logs, ld)
	require.Equal(t, 2, rest.ResourceLogs().Len())
	require.Equal(t, "came empty", rest.ResourceLogs().At(0).SchemaUrl())
	require.Equal(t, 1, rest.ResourceLogs().At(1).ScopeLogs().Len())
	require.Equal(t, "came empty", rest.ResourceLogs().At(1).ScopeLogs().At(0).SchemaUrl())
	require.Len(t, Dropped(shape.Logs, ld), 3)
}

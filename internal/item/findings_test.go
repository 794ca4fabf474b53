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

func masked(m pcommon.Map, findings ...verdict.Finding) {
	verdict.Stamp(m, verdict.Masked, findings, false)
}

func TestFindings(t *testing.T) {
	td := ptrace.NewTraces()
	r := resourceOf(td, "shop")
	masked(r.Resource().Attributes(), found("r", "high", "f1"))
	s := r.ScopeSpans().AppendEmpty()
	masked(s.Scope().Attributes(), found("s", "low", "f1"))
	masked(spanOf(s, 1, 1).Attributes(), found("a", "low", "f2"))
	spanOf(s, 1, 2)
	verdict.Stamp(spanOf(s, 2, 3).Attributes(), "", []verdict.Finding{found("b", "low", "f3")}, false)
	spanOf(s, 3, 4)
	other := resourceOf(td, "cart").ScopeSpans().AppendEmpty()
	masked(spanOf(other, 1, 5).Attributes(), found("a", "critical", "f2"))

	all := Findings(shape.Traces, td)
	require.Len(t, all, 3)
	require.Equal(t, Summary{
		ID: all[0].ID, Signal: "traces", Trace: [16]byte{1}, Service: "shop", Severity: "critical", Rules: []string{"a"},
		Findings: 2, Secrets: 1, Spans: 2, Policy: "p1", Producer: "somebody", Masked: true, List: all[0].List,
	}, all[0].Summary)
	require.Equal(t, [16]byte{2}, all[1].Trace)
	require.False(t, all[1].Masked, "it was only reported")
	require.Equal(t, [16]byte{}, all[2].Trace)
	require.Equal(t, []string{"r", "s"}, all[2].Rules)
	require.Zero(t, all[2].Spans)

	second := Findings(shape.Traces, td)
	for i := range all {
		require.Equal(t, all[i].Summary, second[i].Summary, "a second try is the same")
	}
	s.Spans().At(1).SetStartTimestamp(1)
	again := Findings(shape.Traces, td)
	require.Equal(t, all[0].ID, again[0].ID, "a span without findings is none of the trace's")
	require.NotEqual(t, all[2].ID, again[2].ID, "a resource in another batch")
	s.Spans().At(0).SetStartTimestamp(1)
	require.NotEqual(t, all[0].ID, Findings(shape.Traces, td)[0].ID)
	require.Empty(t, Findings(shape.Traces, ptrace.NewTraces()))
}

func TestFindingsWithoutTraces(t *testing.T) {
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	masked(sl.LogRecords().AppendEmpty().Attributes(), found("a", "low", "f1"))
	masked(sl.LogRecords().AppendEmpty().Attributes(), found("a", "low", "f2"))
	all := Findings(shape.Logs, ld)
	require.Len(t, all, 1)
	require.Equal(t, 2, all[0].Spans)

	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	points := m.SetEmptyGauge().DataPoints()
	masked(points.AppendEmpty().Attributes(), found("a", "low", "f1"))
	masked(points.AppendEmpty().Attributes(), found("a", "low", "f1"))
	points.AppendEmpty()
	masked(m.Metadata(), found("b", "low", "f1"))
	all = Findings(shape.Metrics, md)
	require.Len(t, all, 1)
	require.Equal(t, 2, all[0].Spans)
	require.Equal(t, 3, all[0].Findings)
}

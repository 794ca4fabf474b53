package item

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// done is a finding with what became of it.
func done(action string) verdict.Finding {
	f := found("a", "high", "f1")
	f.Action = action
	return f
}

func recordOf(t *testing.T, r *Records, f *Found) []byte {
	t.Helper()
	raw, err := r.Found(f)
	require.NoError(t, err)
	return raw
}

// spansOf are the ids of the spans in a record, by scopes.
func spansOf(t *testing.T, raw []byte) (all [][]byte) {
	t.Helper()
	require.NotNil(t, raw)
	for _, r := range unmarshal(t, raw).ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			ids := []byte{}
			for _, e := range s.Spans().All() {
				id := e.SpanID()
				ids = append(ids, id[0])
			}
			all = append(all, ids)
		}
	}
	return all
}

// TestRecords: each unit that an event is about is in one record, with where
// it stands and without patches.
func TestRecords(t *testing.T) {
	td := ptrace.NewTraces()
	r := resourceOf(td, "shop")
	masked(r.Resource().Attributes(), done("mask"))
	r.Resource().Attributes().PutEmptyBytes(verdict.Restore).FromRaw([]byte("sealed"))
	r.Resource().Attributes().PutInt(release.AttrAttempt, 3)
	s := r.ScopeSpans().AppendEmpty()
	masked(spanOf(s, 1, 1).Attributes(), done("mask"))
	spanOf(s, 1, 2).Attributes().PutStr("gen_ai.conversation.id", "c-1")
	spanOf(s, 2, 3) // its trace has no findings of its own
	s2 := r.ScopeSpans().AppendEmpty()
	masked(s2.Scope().Attributes(), done("mask"))
	spanOf(s2, 1, 4).Attributes().PutStr("gen_ai.conversation.id", "c-2")
	clean := resourceOf(td, "cart").ScopeSpans().AppendEmpty()
	spanOf(clean, 1, 5)
	spanOf(clean, 3, 6) // nothing is told about it

	all := Findings(shape.Traces, td)
	require.Len(t, all, 2)
	require.Equal(t, "c-1", all[0].Conversation, "of the first span that has one")
	require.Empty(t, all[1].Conversation)
	var records Records
	trace, resource := recordOf(t, &records, &all[0]), recordOf(t, &records, &all[1])
	require.Equal(t, [][]byte{{1, 2}, {4}, {5}}, spansOf(t, trace))
	require.Equal(t, [][]byte{{3}, {}}, spansOf(t, resource))
	require.Equal(t, Records{Made: 2, bytes: len(trace) + len(resource)}, records)
	for _, raw := range [][]byte{trace, resource} {
		require.NotContains(t, string(raw), "sealed")
		require.NotContains(t, string(raw), release.AttrAttempt, "a second attempt is the same event")
		require.Contains(t, string(raw), "tracescrub.findings")
	}
	again := Findings(shape.Traces, td)
	require.Equal(t, trace, recordOf(t, &records, &again[0]))
	require.True(t, td.ResourceSpans().At(0).Resource().Attributes().Len() > 3, "the batch stays as it is")

	items, err := Of(shape.Traces, td)
	require.NoError(t, err)
	require.Equal(t, items[0].View, records.Held(&items[0]), "of an item it is the view")
	require.Equal(t, "c-1", items[0].Conversation)
}

func TestRecordsWithoutTraces(t *testing.T) {
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	masked(sl.LogRecords().AppendEmpty().Attributes(), done("mask"))
	sl.LogRecords().AppendEmpty().Body().SetStr("beside it")
	var records Records
	raw := recordOf(t, &records, &Findings(shape.Logs, ld)[0])
	got, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(raw)
	require.NoError(t, err)
	require.Equal(t, 2, got.LogRecordCount())

	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	point := m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes()
	masked(point, done("mask"))
	point.PutEmptyBytes(verdict.Restore).FromRaw([]byte("sealed"))
	raw = recordOf(t, &records, &Findings(shape.Metrics, md)[0])
	require.NotContains(t, string(raw), "sealed")
	require.Equal(t, 2, records.Made)
}

// TestNoRecordOfClearText: where a secret may stand as it came there is no record.
func TestNoRecordOfClearText(t *testing.T) {
	for name, c := range map[string]struct {
		stamp func(pcommon.Map)
		clear bool
	}{
		"masked":        {func(m pcommon.Map) { masked(m, done("mask"), done("hold"), done("drop")) }, false},
		"passed":        {func(m pcommon.Map) { verdict.Stamp(m, "", []verdict.Finding{done("pass")}, false) }, true},
		"one is passed": {func(m pcommon.Map) { masked(m, done("mask"), done("pass")) }, true},
		"unknown":       {func(m pcommon.Map) { masked(m, done("")) }, true},
		"a summary":     {func(m pcommon.Map) { verdict.Stamp(m, verdict.Masked, []verdict.Finding{done("mask")}, true) }, true},
		"the last of many": {func(m pcommon.Map) {
			many := make([]verdict.Finding, 500)
			for i := range many {
				many[i] = done("mask")
			}
			many[499] = verdict.Finding{Rule: "low", Severity: "low", Action: "pass"}
			masked(m, many...)
		}, true},
		"no list": {func(m pcommon.Map) { m.PutStr(verdict.Findings, "what?"); m.PutStr(verdict.Verdict, verdict.Masked) }, true},
		"no map": {func(m pcommon.Map) {
			masked(m, done("mask"))
			v, _ := m.Get(verdict.Findings)
			v.Slice().AppendEmpty().SetStr("what?")
		}, true},
	} {
		for _, where := range []string{"span", "beside", "scope", "resource"} {
			t.Run(name+" "+where, func(t *testing.T) {
				td := ptrace.NewTraces()
				r := resourceOf(td, "shop")
				s := r.ScopeSpans().AppendEmpty()
				masked(spanOf(s, 1, 1).Attributes(), done("mask"))
				c.stamp(map[string]func() pcommon.Map{
					"span":     func() pcommon.Map { return s.Spans().At(0).Attributes() },
					"beside":   func() pcommon.Map { return spanOf(s, 1, 2).Attributes() },
					"scope":    func() pcommon.Map { return s.Scope().Attributes() },
					"resource": func() pcommon.Map { return r.Resource().Attributes() },
				}[where]())
				var records Records
				all := Findings(shape.Traces, td)
				require.Equal(t, c.clear, recordOf(t, &records, &all[0]) == nil)
				items, err := Of(shape.Traces, td)
				require.NoError(t, err)
				require.Equal(t, c.clear, records.Held(&items[0]) == nil)
				require.Equal(t, c.clear, records.Clear == 2)
			})
		}
	}
}

// TestRecordsAreBounded: many traces with one large resource.
func TestRecordsAreBounded(t *testing.T) {
	td := ptrace.NewTraces()
	r := resourceOf(td, "shop")
	r.Resource().Attributes().PutStr("large", strings.Repeat("x", maxRecords/10))
	s := r.ScopeSpans().AppendEmpty()
	for i := range byte(20) {
		masked(spanOf(s, i+1, 1).Attributes(), done("mask"))
	}
	var records Records
	bytes := 0
	for _, f := range Findings(shape.Traces, td) {
		bytes += len(recordOf(t, &records, &f))
	}
	require.Equal(t, Records{Made: 9, Large: 11, bytes: maxRecords}, records)
	require.LessOrEqual(t, bytes, maxRecords)
}

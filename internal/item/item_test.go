package item

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// hold stamps m as held, with a patch that is other bytes each time it is sealed.
func hold(m pcommon.Map, patch string, findings ...verdict.Finding) {
	verdict.Stamp(m, verdict.Held, findings, false)
	m.PutEmptyBytes(verdict.Restore).FromRaw([]byte(patch))
}

func found(rule, severity, fingerprint string) verdict.Finding {
	return verdict.Finding{Rule: rule, Severity: severity, Fingerprint: fingerprint, Field: "span.name", Action: "hold", Length: 40}
}

func resourceOf(td ptrace.Traces, service string) ptrace.ResourceSpans {
	r := td.ResourceSpans().AppendEmpty()
	r.Resource().Attributes().PutStr("service.name", service)
	r.Resource().Attributes().PutStr(verdict.Policy, "p1")
	r.Resource().Attributes().PutStr(verdict.Producer, "somebody")
	r.SetSchemaUrl("https://schema.example/1")
	return r
}

func spanOf(s ptrace.ScopeSpans, trace, span byte) ptrace.Span {
	e := s.Spans().AppendEmpty()
	e.SetTraceID(pcommon.TraceID{trace})
	e.SetSpanID(pcommon.SpanID{span})
	e.SetName("chat")
	return e
}

func unmarshal(t *testing.T, view []byte) ptrace.Traces {
	t.Helper()
	td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(view)
	require.NoError(t, err)
	return td
}

func of[B, R, S, U any](t *testing.T, sh *shape.Shape[B, R, S, U], batch B) []Item {
	t.Helper()
	items, err := Of(sh, batch)
	require.NoError(t, err)
	return items
}

func TestTraces(t *testing.T) {
	td := ptrace.NewTraces()
	shop := resourceOf(td, "shop")
	hold(shop.Resource().Attributes(), "r", found("github", "high", "f1"))
	one := shop.ScopeSpans().AppendEmpty()
	one.Scope().SetName("one")
	hold(spanOf(one, 1, 1).Attributes(), "a", found("aws", "critical", "f2"), found("aws", "critical", "f2"))
	spanOf(one, 2, 2)
	two := shop.ScopeSpans().AppendEmpty()
	hold(two.Scope().Attributes(), "s", found("npm", "low", "f3"))
	spanOf(two, 2, 3)
	cart := resourceOf(td, "cart").ScopeSpans().AppendEmpty()
	spanOf(cart, 1, 4)
	hold(spanOf(cart, 1, 5).Attributes(), "b", found("npm", "low", "f1"))

	items := of(t, shape.Traces, td)
	require.Len(t, items, 2)
	first, second := items[0], items[1]
	require.Equal(t, Summary{
		ID: first.ID, Signal: "traces", Trace: [16]byte{1}, Service: "shop", Severity: "critical", Rules: []string{"aws", "github", "npm"},
		Findings: 4, Secrets: 2, Spans: 3, Policy: "p1", Producer: "somebody", Masked: true, List: first.List,
	}, first.Summary)
	require.Len(t, first.List, 4)
	require.Equal(t, []Patch{
		{Level: Resource, Packed: []byte("r")},
		{Level: Unit, Trace: pcommon.TraceID{1}, Span: pcommon.SpanID{1}, Packed: []byte("a")},
		{Level: Unit, At: [4]int{1, 0, 1}, Trace: pcommon.TraceID{1}, Span: pcommon.SpanID{5}, Packed: []byte("b")},
	}, first.Patches)
	require.Equal(t, []Patch{
		{Level: Resource, Packed: []byte("r")},
		{Level: Scope, At: [4]int{0, 1}, Packed: []byte("s")},
	}, second.Patches)
	require.Equal(t, "high", second.Severity)
	require.Equal(t, 2, second.Spans)

	view := unmarshal(t, first.View)
	require.Equal(t, 3, view.SpanCount())
	require.Equal(t, 2, view.ResourceSpans().Len())
	require.Equal(t, 1, view.ResourceSpans().At(0).ScopeSpans().Len(), "a scope without spans of the trace is none of its")
	require.Equal(t, "https://schema.example/1", view.ResourceSpans().At(0).SchemaUrl())
	require.NotContains(t, string(first.View), verdict.Restore)
	require.Equal(t, pcommon.SpanID{5}, view.ResourceSpans().At(1).ScopeSpans().At(0).Spans().At(1).SpanID())
	_, ok := two.Scope().Attributes().Get(verdict.Restore)
	require.True(t, ok, "the batch is as it was")
}

func TestPatchesDoNotCount(t *testing.T) {
	make := func(patch, fingerprint string) ptrace.Traces {
		td := ptrace.NewTraces()
		s := resourceOf(td, "shop").ScopeSpans().AppendEmpty()
		hold(spanOf(s, 1, 1).Attributes(), patch, found("aws", "high", fingerprint))
		return td
	}
	a, b, c := of(t, shape.Traces, make("x", "f1")), of(t, shape.Traces, make("y", "f1")), of(t, shape.Traces, make("x", "f2"))
	require.Equal(t, a[0].ID, b[0].ID, "each sealing gives other bytes")
	require.Equal(t, a[0].View, b[0].View)
	require.NotEqual(t, a[0].ID, c[0].ID)

	ld := plog.NewLogs()
	other := ptrace.NewTraces()
	require.NotEqual(t, of(t, shape.Logs, withEmptyResource(ld))[0].ID, of(t, shape.Traces, withEmptySpans(other))[0].ID, "the signal counts")
}

// TestOrderOfAttributes: patches know attributes by their numbers.
func TestOrderOfAttributes(t *testing.T) {
	td := ptrace.NewTraces()
	e := spanOf(resourceOf(td, "shop").ScopeSpans().AppendEmpty(), 1, 1)
	e.Attributes().PutEmptyBytes(verdict.Restore)
	for i := range 5 {
		e.Attributes().PutInt(fmt.Sprint(i), 1)
	}
	view := unmarshal(t, of(t, shape.Traces, td)[0].View)
	var order string
	for k := range view.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().All() {
		order += k
	}
	require.Equal(t, "01234", order)
}

func withEmptyResource(ld plog.Logs) plog.Logs      { ld.ResourceLogs().AppendEmpty(); return ld }
func withEmptySpans(td ptrace.Traces) ptrace.Traces { td.ResourceSpans().AppendEmpty(); return td }

// TestAlone: an item is the same whatever else the batch holds and in what
// order it came.
func TestAlone(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		td := randomTraces(rng)
		want := map[pcommon.TraceID]envelope.ID{}
		for _, it := range of(t, shape.Traces, td) {
			want[it.Trace] = it.ID
		}
		for trace, id := range want {
			alone := ptrace.NewTraces()
			td.CopyTo(alone)
			keepOnly(alone, trace)
			items := of(t, shape.Traces, alone)
			require.Len(t, items, 1, "seed %d", seed)
			require.Equal(t, id, items[0].ID, "seed %d", seed)
		}
		// Other traces come between.
		mixed := ptrace.NewTraces()
		for _, r := range td.ResourceSpans().All() {
			noise := resourceOf(mixed, "noise").ScopeSpans().AppendEmpty()
			spanOf(noise, 200, byte(rng.IntN(9)))
			r.CopyTo(mixed.ResourceSpans().AppendEmpty())
		}
		for _, it := range of(t, shape.Traces, mixed) {
			if it.Trace != (pcommon.TraceID{200}) {
				require.Equal(t, want[it.Trace], it.ID, "seed %d", seed)
			}
		}
	}
}

func randomTraces(rng *rand.Rand) ptrace.Traces {
	td := ptrace.NewTraces()
	for range 1 + rng.IntN(4) {
		r := resourceOf(td, fmt.Sprint("service ", rng.IntN(3)))
		for range rng.IntN(3) {
			s := r.ScopeSpans().AppendEmpty()
			s.Scope().SetName(fmt.Sprint(rng.IntN(3)))
			for range 1 + rng.IntN(4) {
				e := spanOf(s, byte(1+rng.IntN(4)), byte(rng.IntN(250)))
				if rng.IntN(2) == 0 {
					hold(e.Attributes(), fmt.Sprint(rng.IntN(1000)), found("aws", "high", fmt.Sprint(rng.IntN(3))))
				}
			}
		}
		if r.ScopeSpans().Len() == 0 {
			spanOf(r.ScopeSpans().AppendEmpty(), 1, 1)
		}
	}
	return td
}

func keepOnly(td ptrace.Traces, trace pcommon.TraceID) {
	td.ResourceSpans().RemoveIf(func(r ptrace.ResourceSpans) bool {
		r.ScopeSpans().RemoveIf(func(s ptrace.ScopeSpans) bool {
			s.Spans().RemoveIf(func(e ptrace.Span) bool { return e.TraceID() != trace })
			return s.Spans().Len() == 0
		})
		return r.ScopeSpans().Len() == 0
	})
}

func TestLogsWithoutTrace(t *testing.T) {
	ld := plog.NewLogs()
	for _, host := range []string{"a", "b", "a"} {
		r := ld.ResourceLogs().AppendEmpty()
		r.Resource().Attributes().PutStr("host.name", host)
		hold(r.Resource().Attributes(), "other bytes in "+fmt.Sprint(ld.ResourceLogs().Len()), found("x", "low", "f"))
		r.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("line")
		with := r.ScopeLogs().At(0).LogRecords().AppendEmpty()
		with.SetTraceID(pcommon.TraceID{7})
	}
	items := of(t, shape.Logs, ld)
	require.Len(t, items, 3, "resource a, the trace, resource b")
	require.Equal(t, [16]byte{}, items[0].Trace)
	require.Equal(t, 2, items[0].Spans, "resources of the same content are one")
	require.Equal(t, [16]byte{7}, items[1].Trace)
	require.Equal(t, 3, items[1].Spans)
	require.Equal(t, 1, items[2].Spans)
	require.Equal(t, []Patch{
		{Level: Resource, Packed: []byte("other bytes in 1")},
		{Level: Resource, At: [4]int{1}, Packed: []byte("other bytes in 3")},
	}, items[0].Patches)
}

func TestMetrics(t *testing.T) {
	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	kinds := []func(pmetric.Metric) pcommon.Map{
		func(m pmetric.Metric) pcommon.Map { return m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes() },
		func(m pmetric.Metric) pcommon.Map { return m.SetEmptySum().DataPoints().AppendEmpty().Attributes() },
		func(m pmetric.Metric) pcommon.Map {
			return m.SetEmptyHistogram().DataPoints().AppendEmpty().Attributes()
		},
		func(m pmetric.Metric) pcommon.Map {
			return m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes()
		},
		func(m pmetric.Metric) pcommon.Map { return m.SetEmptySummary().DataPoints().AppendEmpty().Attributes() },
	}
	for i, kind := range kinds {
		m := ms.AppendEmpty()
		hold(kind(m), fmt.Sprint("point ", i), found("x", "low", fmt.Sprint(i)))
		hold(m.Metadata(), fmt.Sprint("metric ", i), found("y", "high", fmt.Sprint(i)))
	}
	ms.AppendEmpty().SetName("empty")
	items := of(t, shape.Metrics, md)
	require.Len(t, items, 1)
	it := items[0]
	require.Equal(t, 6, it.Spans)
	require.Equal(t, 10, it.Findings)
	require.Equal(t, 5, it.Secrets)
	require.Len(t, it.Patches, 10)
	for i, p := range it.Patches {
		if i%2 == 0 {
			require.Equal(t, Patch{Level: Unit, At: [4]int{0, 0, i / 2}, Packed: []byte(fmt.Sprint("metric ", i/2))}, p)
		} else {
			require.Equal(t, Patch{Level: Point, At: [4]int{0, 0, i / 2}, Packed: []byte(fmt.Sprint("point ", i/2))}, p)
		}
	}
	require.NotContains(t, string(it.View), verdict.Restore)
}

func TestWithoutUnits(t *testing.T) {
	td := ptrace.NewTraces()
	r := resourceOf(td, "shop")
	hold(r.Resource().Attributes(), "r", found("x", "low", "f"))
	r.ScopeSpans().AppendEmpty()
	items := of(t, shape.Traces, td)
	require.Len(t, items, 1, "a resource without spans is held as well")
	require.Zero(t, items[0].Spans)
	require.Equal(t, 1, items[0].Findings)
	require.Len(t, items[0].Patches, 1)

	td = ptrace.NewTraces()
	r = resourceOf(td, "shop")
	hold(r.ScopeSpans().AppendEmpty().Scope().Attributes(), "s", found("x", "low", "f"))
	spanOf(r.ScopeSpans().AppendEmpty(), 1, 1)
	items = of(t, shape.Traces, td)
	require.Len(t, items, 2)
	require.Equal(t, []Patch{{Level: Scope, Packed: []byte("s")}}, items[0].Patches)
	require.Empty(t, of(t, shape.Traces, ptrace.NewTraces()))
}

func TestBounds(t *testing.T) {
	td := ptrace.NewTraces()
	r := resourceOf(td, strings.Repeat("é", 100)+"\xff")
	s := r.ScopeSpans().AppendEmpty()
	for i := range 40 {
		var all []verdict.Finding
		for j := range 5 {
			all = append(all, found(fmt.Sprintf("rule-%02d", 39-i), "medium", fmt.Sprint(i, j)))
		}
		hold(spanOf(s, 1, byte(i)).Attributes(), "p", all...)
	}
	it := of(t, shape.Traces, td)[0]
	require.Equal(t, strings.Repeat("é", 64), it.Service)
	require.Len(t, it.Rules, 32)
	require.Equal(t, "rule-00", it.Rules[0])
	require.Equal(t, 200, it.Findings)
	require.Equal(t, 200, it.Secrets)
	require.Len(t, it.List, 100)

	r.Resource().Attributes().PutStr("service.name", "x"+strings.Repeat("é", 100))
	require.Equal(t, "x"+strings.Repeat("é", 63), of(t, shape.Traces, td)[0].Service, "no half character")
}

func TestSummaryStamp(t *testing.T) {
	td := ptrace.NewTraces()
	e := spanOf(resourceOf(td, "shop").ScopeSpans().AppendEmpty(), 1, 1)
	verdict.Stamp(e.Attributes(), verdict.Masked, []verdict.Finding{{Rule: "b"}, {Rule: "a"}, {Rule: "a"}}, true)
	all := Findings(shape.Traces, td)
	require.Len(t, all, 1)
	require.Equal(t, 3, all[0].Findings)
	require.Equal(t, []string{"a", "b"}, all[0].Rules)
	require.Empty(t, all[0].List)
	require.True(t, all[0].Masked)
}

// TestHeldAgain: what is held again while it is released is one item, however
// many attempts there are.
func TestHeldAgain(t *testing.T) {
	attempt := func(n int64) envelope.ID {
		td := ptrace.NewTraces()
		r := resourceOf(td, "shop")
		r.Resource().Attributes().PutStr(release.AttrItem, "an item")
		r.Resource().Attributes().PutInt(release.AttrAttempt, n)
		hold(r.Resource().Attributes(), "r", found("github", "high", "f1"))
		hold(spanOf(r.ScopeSpans().AppendEmpty(), 1, 1).Attributes(), "a", found("aws", "critical", "f2"))
		items := of(t, shape.Traces, td)
		require.Len(t, items, 1)
		attrs := unmarshal(t, items[0].View).ResourceSpans().At(0).Resource().Attributes()
		_, ok := attrs.Get(release.AttrItem)
		require.True(t, ok, "where it comes from")
		_, ok = td.ResourceSpans().At(0).Resource().Attributes().Get(release.AttrAttempt)
		require.True(t, ok, "the batch stays as it is")
		return items[0].ID
	}
	require.Equal(t, attempt(1), attempt(2))
}

package verdictconnector

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// split sends traces and returns what was held and what was clean.
func (h *harness) split(td ptrace.Traces) (held, clean []string) {
	h.t.Helper()
	h.reset()
	require.NoError(h.t, h.traces.ConsumeTraces(background, td))
	for _, td := range took1[ptrace.Traces](h.world, "traces/held") {
		held = append(held, letters(td)...)
	}
	for _, td := range took1[ptrace.Traces](h.world, "traces/clean") {
		clean = append(clean, letters(td)...)
	}
	return held, clean
}

// TestWholeTraces: what goes with one held span.
func TestWholeTraces(t *testing.T) {
	for _, c := range []struct {
		name        string
		first       ptrace.Traces
		held, clean []string
	}{
		{"one span", batch("A"), []string{"A"}, nil},
		{"its trace, before and after", batch("aAab"), []string{"aAa"}, []string{"b"}},
		{"its trace in other resources", batch("ab", "cA", "d", "ae"), []string{"a", "A", "a"}, []string{"b", "c", "d", "e"}},
		{"two traces", batch("ABabc"), []string{"ABab"}, []string{"c"}},
		{"spans without a trace stay", batch("A.."), []string{"A"}, []string{".."}},
		{"nothing held", batch("ab", "."), nil, []string{"ab", "."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			held, clean := start(t, testConfig()).split(c.first)
			require.Equal(t, c.held, held)
			require.Equal(t, c.clean, clean)
		})
	}
}

// TestAbove: a held resource or scope holds all below it, and their traces.
func TestAbove(t *testing.T) {
	td := batch("ab", "ac", ".")
	hold(td.ResourceSpans().At(0).Resource().Attributes())
	held, clean := start(t, testConfig()).split(td)
	require.Equal(t, []string{"ab", "a"}, held)
	require.Equal(t, []string{"c", "."}, clean)

	td = batch("ab", "..")
	hold(td.ResourceSpans().At(1).ScopeSpans().At(0).Scope().Attributes())
	other := td.ResourceSpans().At(1).ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	other.SetSpanID(pcommon.SpanID{1, 'x'})
	held, clean = start(t, testConfig()).split(td)
	require.Equal(t, []string{".."}, held)
	require.Equal(t, []string{"ab", "x"}, clean)

	td = batch("ab", "ac")
	hold(td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes())
	held, clean = start(t, testConfig()).split(td)
	require.Equal(t, []string{"ab", "a"}, held, "with a scope the traces in it")
	require.Equal(t, []string{"c"}, clean)

	// Without anything below them they are held all the same.
	td = batch("")
	hold(td.ResourceSpans().At(0).Resource().Attributes())
	td.ResourceSpans().At(0).ScopeSpans().RemoveIf(func(ptrace.ScopeSpans) bool { return true })
	h := start(t, testConfig())
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, []string{"logs/audit", "traces/held"}, h.order())
	td = batch("", "a")
	hold(td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes())
	held, clean = h.split(td)
	require.Equal(t, []string{""}, held)
	require.Equal(t, []string{"a"}, clean)
}

// TestUnknownVerdict: what is not understood is held.
func TestUnknownVerdict(t *testing.T) {
	for name, put := range map[string]func(pcommon.Map){
		"another word":  func(m pcommon.Map) { m.PutStr(verdict.Verdict, "quarantined") },
		"another type":  func(m pcommon.Map) { m.PutInt(verdict.Verdict, 1) },
		"a patch alone": func(m pcommon.Map) { m.PutEmptyBytes(verdict.Restore) },
	} {
		t.Run(name, func(t *testing.T) {
			td := batch("ab")
			put(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes())
			held, clean := start(t, testConfig()).split(td)
			require.Equal(t, []string{"a"}, held)
			require.Equal(t, []string{"b"}, clean)
		})
	}
}

// TestPatchesOfMasked: what is masked above something that may be held has a
// patch, which goes with what is held and with nothing else.
func TestPatchesOfMasked(t *testing.T) {
	for _, annotate := range []string{annotateFull, annotateSummary, annotateNone} {
		for _, spans := range []string{"ab", "aB", "AB"} {
			cfg := testConfig()
			cfg.Annotate = annotate
			h := start(t, cfg)
			td := batch(spans)
			r := td.ResourceSpans().At(0)
			for _, m := range []pcommon.Map{r.Resource().Attributes(), r.ScopeSpans().At(0).Scope().Attributes()} {
				masked(m)
				m.PutEmptyBytes(verdict.Restore).FromRaw([]byte("sealed"))
			}
			td.MarkReadOnly()
			require.NoError(t, h.traces.ConsumeTraces(background, td))
			for _, pipeline := range []string{"traces/clean", "traces/held"} {
				for _, td := range took1[ptrace.Traces](h.world, pipeline) {
					rs := td.ResourceSpans().At(0)
					_, inResource := rs.Resource().Attributes().Get(verdict.Restore)
					_, inScope := rs.ScopeSpans().At(0).Scope().Attributes().Get(verdict.Restore)
					require.Equal(t, pipeline == "traces/held", inResource, "%s %s %s", annotate, spans, pipeline)
					require.Equal(t, pipeline == "traces/held", inScope)
				}
			}
			want := map[string][]string{"ab": {"logs/audit", "traces/clean"}, "aB": {"logs/audit", "traces/held", "traces/clean"}, "AB": {"logs/audit", "traces/held"}}
			require.Equal(t, want[spans], h.order())
		}
	}
	h := start(t, testConfig())
	td := batch("a")
	attrs := td.ResourceSpans().At(0).Resource().Attributes()
	masked(attrs)
	attrs.PutEmptyBytes(verdict.Restore)
	attrs.PutStr("a", "")
	attrs.PutStr("b", "")
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	var order []string
	for k := range took1[ptrace.Traces](h.world, "traces/clean")[0].ResourceSpans().At(0).Resource().Attributes().All() {
		order = append(order, k)
	}
	require.Equal(t, []string{"service.name", verdict.Policy, verdict.Verdict, verdict.Findings, "a", "b"}, order)
	md, ms := metricBatch("m")
	masked(ms.At(0).Metadata())
	ms.At(0).Metadata().PutEmptyBytes(verdict.Restore)
	require.NoError(t, h.metrics.ConsumeMetrics(background, md))
	_, ok := took1[pmetric.Metrics](h.world, "metrics/clean")[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Metadata().Get(verdict.Restore)
	require.False(t, ok)
}

// TestLaterSpans: a held trace is remembered, for a time, up to a number.
func TestLaterSpans(t *testing.T) {
	cfg := testConfig()
	cfg.HeldTraces, cfg.HeldDuration = 2, time.Minute
	h := start(t, cfg)
	now := time.Unix(1000, 0)
	h.at(now)
	h.split(batch("A"))
	held, clean := h.split(batch("ab"))
	require.Equal(t, []string{"a"}, held)
	require.Equal(t, []string{"b"}, clean)
	require.Equal(t, event.Held, h.events()[0].EventName(), "what comes later is held with an event as well")

	h.at(now.Add(59 * time.Second))
	held, _ = h.split(batch("a"))
	require.Equal(t, []string{"a"}, held)
	h.at(now.Add(118 * time.Second))
	held, _ = h.split(batch("a"))
	require.Equal(t, []string{"a"}, held, "the time begins again with each")
	h.at(now.Add(178 * time.Second))
	held, clean = h.split(batch("a"))
	require.Nil(t, held)
	require.Equal(t, []string{"a"}, clean, "it is forgotten")

	h.split(batch("Z"))
	require.EqualValues(t, 1, h.shared.held.count(), "what is too old leaves")
	h.split(batch("A"))
	h.split(batch("B"))
	h.split(batch("a"))
	h.split(batch("C"))
	held, clean = h.split(batch("abc"))
	require.Equal(t, []string{"ac"}, held)
	require.Equal(t, []string{"b"}, clean, "the one that was not seen the longest is forgotten first")
	m, err := h.tel.GetMetric("otelcol_connector_verdict_held_traces")
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
}

// TestRememberedBeforeDelivery: what comes while a hold fails is held as well.
func TestRememberedBeforeDelivery(t *testing.T) {
	h := start(t, testConfig())
	h.fail = map[string]error{"traces/held": errors.New("away")}
	require.Error(t, h.traces.ConsumeTraces(background, batch("A")))
	held, clean := h.split(batch("a"))
	require.Equal(t, []string{"a"}, held)
	require.Nil(t, clean)
}

// TestOneMemory: the log records of a held trace are held, and the other way round.
func TestOneMemory(t *testing.T) {
	h := start(t, testConfig())
	h.split(batch("A"))
	ld, _ := logBatch(pcommon.TraceID{'a'}, pcommon.TraceID{'b'}, pcommon.TraceID{})
	require.NoError(t, h.records.ConsumeLogs(background, ld))
	require.Equal(t, 1, took1[plog.Logs](h.world, "logs/held")[0].LogRecordCount())
	require.Equal(t, 2, took1[plog.Logs](h.world, "logs/clean")[0].LogRecordCount())

	ld, records := logBatch(pcommon.TraceID{'x'}, pcommon.TraceID{'y'})
	hold(records.At(0).Attributes())
	require.NoError(t, h.records.ConsumeLogs(background, ld))
	held, clean := h.split(batch("xy"))
	require.Equal(t, []string{"x"}, held)
	require.Equal(t, []string{"y"}, clean)
}

func TestMetrics(t *testing.T) {
	h := start(t, testConfig())
	md, ms := metricBatch("clean", "point", "metric", "masked")
	hold(ms.At(1).Gauge().DataPoints().At(1).Attributes())
	hold(ms.At(2).Metadata())
	masked(ms.At(3).Gauge().DataPoints().At(0).Attributes())
	require.NoError(t, h.metrics.ConsumeMetrics(background, md))
	require.Equal(t, []string{"logs/audit", "metrics/held", "metrics/clean"}, h.order())
	names := func(md pmetric.Metrics) []string {
		var all []string
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			all = append(all, m.Name())
		}
		return all
	}
	held := took1[pmetric.Metrics](h.world, "metrics/held")[0]
	require.Equal(t, []string{"point", "metric"}, names(held))
	require.Equal(t, 4, held.DataPointCount(), "the whole metric is held")
	require.Equal(t, []string{"clean", "masked"}, names(took1[pmetric.Metrics](h.world, "metrics/clean")[0]))
	items, err := item.Of(shape.Metrics, held)
	require.NoError(t, err)
	events := h.events()
	require.Len(t, events, 2)
	require.Equal(t, items[0].ID.String(), str(t, events[0].Attributes(), "tracescrub.item.id"))
	require.Equal(t, "4", str(t, events[0].Attributes(), "tracescrub.unit_count"))
	require.Equal(t, event.Masked, events[1].EventName())
}

// TestSplitKeepsEverything: what is split is no more and no less than what came.
func TestSplitKeepsEverything(t *testing.T) {
	h := start(t, testConfig())
	td := batch("aBc", "bd", "")
	for i, r := range td.ResourceSpans().All() {
		r.SetSchemaUrl("https://schema.example/resource")
		r.Resource().SetDroppedAttributesCount(uint32(i))
		for _, s := range r.ScopeSpans().All() {
			s.SetSchemaUrl("https://schema.example/scope")
			s.Scope().SetName("scope")
			s.Scope().SetVersion("1")
			for _, e := range s.Spans().All() {
				e.Events().AppendEmpty().SetName("event")
				e.Links().AppendEmpty().TraceState().FromRaw("a=b")
				e.Status().SetMessage("status")
				e.TraceState().FromRaw("c=d")
			}
		}
	}
	before := ptrace.NewTraces()
	td.CopyTo(before)
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, before, td, "the batch of the sender is as it was")
	held := took1[ptrace.Traces](h.world, "traces/held")[0]
	clean := took1[ptrace.Traces](h.world, "traces/clean")[0]
	require.Equal(t, before.SpanCount(), held.SpanCount()+clean.SpanCount())
	byID := map[pcommon.SpanID]ptrace.Span{}
	for _, part := range []ptrace.Traces{held, clean} {
		for i, r := range part.ResourceSpans().All() {
			require.Equal(t, "https://schema.example/resource", r.SchemaUrl())
			require.EqualValues(t, i, r.Resource().DroppedAttributesCount())
			for _, s := range r.ScopeSpans().All() {
				require.Equal(t, "https://schema.example/scope", s.SchemaUrl())
				require.Equal(t, "scope", s.Scope().Name())
				for _, e := range s.Spans().All() {
					byID[e.SpanID()] = e
				}
			}
		}
	}
	for _, r := range before.ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			for _, e := range s.Spans().All() {
				require.Equal(t, e, byID[e.SpanID()])
			}
		}
	}
	require.Equal(t, 3, clean.ResourceSpans().Len(), "a resource without spans goes on")
}

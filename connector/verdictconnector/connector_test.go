package verdictconnector

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

func key(s string) attribute.Key { return attribute.Key(s) }

var background = context.Background()

// records are the audit events, all batches together.
func (h *harness) events() []plog.LogRecord {
	var all []plog.LogRecord
	for _, ld := range took1[plog.Logs](h.world, "logs/audit") {
		for _, r := range ld.ResourceLogs().All() {
			for _, s := range r.ScopeLogs().All() {
				for _, e := range s.LogRecords().All() {
					all = append(all, e)
				}
			}
		}
	}
	return all
}

func str(t *testing.T, m pcommon.Map, k string) string {
	t.Helper()
	v, ok := m.Get(k)
	require.True(t, ok, "no %s", k)
	return v.AsString()
}

func TestOrder(t *testing.T) {
	h := start(t, testConfig())
	td := batch("aBc", "ba")
	masked(td.ResourceSpans().At(1).ScopeSpans().At(0).Spans().At(1).Attributes())
	td.MarkReadOnly()
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, []string{"logs/audit", "traces/held", "traces/clean"}, h.order())
	held := took1[ptrace.Traces](h.world, "traces/held")[0]
	require.Equal(t, []string{"B", "b"}, letters(held))
	require.Equal(t, []string{"ac", "a"}, letters(took1[ptrace.Traces](h.world, "traces/clean")[0]))

	events := h.events()
	require.Len(t, events, 2)
	require.True(t, h.taken[0].event)
	require.False(t, h.taken[1].event)
	require.Equal(t, event.Held, events[0].EventName())
	require.Equal(t, pcommon.TraceID{'b'}, events[0].TraceID())
	require.Equal(t, event.Masked, events[1].EventName())
	require.Equal(t, pcommon.TraceID{'a'}, events[1].TraceID())
	require.Equal(t, "shop", str(t, events[0].Attributes(), "tracescrub.service"))
	require.Equal(t, "critical", str(t, events[0].Attributes(), "tracescrub.severity"))
	require.Equal(t, "2", str(t, events[0].Attributes(), "tracescrub.unit_count"))
	items, err := item.Of(shape.Traces, held)
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Equal(t, items[0].ID.String(), str(t, events[0].Attributes(), "tracescrub.item.id"), "the event names the item that the exporter stores")
	ld := took1[plog.Logs](h.world, "logs/audit")[0]
	require.Equal(t, "otelcol-tracescrub", str(t, ld.ResourceLogs().At(0).Resource().Attributes(), "service.name"))

	require.EqualValues(t, 2, h.sum("otelcol_connector_verdict_items", "outcome", "held", "signal", "traces"))
	require.EqualValues(t, 3, h.sum("otelcol_connector_verdict_items", "outcome", "clean", "signal", "traces"))
	require.EqualValues(t, h.announced+2, h.sum("otelcol_connector_verdict_events"))
}

// failures are what back ends may answer: none of it may make a sender give up.
var failures = map[string]error{
	"plain":     errors.New("away"),
	"permanent": consumererror.NewPermanent(errors.New("never")),
	"joined":    errors.Join(errors.New("away"), consumererror.NewPermanent(errors.New("never"))),
	"status":    status.Error(codes.InvalidArgument, "never"),
	"partial":   consumererror.NewTraces(errors.New("some"), ptrace.NewTraces()),
}

// TestFailures: the first failing step stops the others, whatever it did, and
// the second try says and stores the same.
func TestFailures(t *testing.T) {
	steps := []string{"logs/audit", "traces/held", "traces/clean"}
	for position, failing := range steps {
		for name, failure := range failures {
			for _, but := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s %v", failing, name, but), func(t *testing.T) {
					h := start(t, testConfig())
					make := func() ptrace.Traces {
						td := batch("aBc")
						masked(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes())
						return td
					}
					h.fail, h.but = map[string]error{failing: failure}, but
					err := h.traces.ConsumeTraces(background, make())
					require.Error(t, err)
					require.Contains(t, err.Error(), failure.Error())
					require.False(t, consumererror.IsPermanent(err))
					_, isStatus := status.FromError(err)
					require.False(t, isStatus, "a status could make the sender give up")
					var partial consumererror.Traces
					require.False(t, errors.As(err, &partial))
					want := steps[:position]
					if but {
						want = steps[:position+1]
					}
					require.Equal(t, append([]string{}, want...), h.order())
					reason := []string{"audit", "quarantine", "clean"}[position]
					require.EqualValues(t, 1, h.sum("otelcol_connector_verdict_batches_refused", "reason", reason))
					before := idsOf(t, h)

					h.reset()
					require.NoError(t, h.traces.ConsumeTraces(background, make()))
					require.Equal(t, steps, h.order())
					after := idsOf(t, h)
					require.Len(t, after, 3, "two events and an item")
					for _, id := range before {
						require.Contains(t, after, id)
					}
				})
			}
		}
	}
}

// idsOf lists the ids of events and held items that pipelines took.
func idsOf(t *testing.T, h *harness) []string {
	t.Helper()
	var all []string
	for _, e := range h.events() {
		all = append(all, str(t, e.Attributes(), event.AttrID))
	}
	for _, td := range took1[ptrace.Traces](h.world, "traces/held") {
		items, err := item.Of(shape.Traces, td)
		require.NoError(t, err)
		for _, it := range items {
			all = append(all, it.ID.String())
		}
	}
	return all
}

// TestNothingFound: the same object goes on, and looking at it costs nothing.
func TestNothingFound(t *testing.T) {
	for _, annotate := range []string{annotateFull, annotateSummary} {
		cfg := testConfig()
		cfg.Annotate = annotate
		h := start(t, cfg)
		td := batch("abc", "def")
		require.NoError(t, h.traces.ConsumeTraces(background, td))
		require.Equal(t, []string{"traces/clean"}, h.order())
		require.True(t, td == took1[ptrace.Traces](h.world, "traces/clean")[0])
		ld, _ := logBatch(pcommon.TraceID{1})
		require.NoError(t, h.records.ConsumeLogs(background, ld))
		require.True(t, ld == took1[plog.Logs](h.world, "logs/clean")[0])
		md, _ := metricBatch("m")
		require.NoError(t, h.metrics.ConsumeMetrics(background, md))
		require.True(t, md == took1[pmetric.Metrics](h.world, "metrics/clean")[0])
	}
	td, held := batch("abcabc", "defdef"), newHeldTraces(10, 1)
	ld, _ := logBatch(pcommon.TraceID{1}, pcommon.TraceID{2})
	md, _ := metricBatch("m", "n")
	s := start(t, testConfig()).shared
	now, told := s.now(), &s.told
	for _, filled := range []bool{false, true} {
		if filled { // that others are held slows nobody down
			held.hold(map[pcommon.TraceID]struct{}{{200}: {}}, now)
		}
		require.Zero(t, testing.AllocsPerRun(20, func() { lookAt(shape.Traces, td, held, told, now) }))
		require.Zero(t, testing.AllocsPerRun(20, func() { lookAt(shape.Logs, ld, held, told, now) }))
		require.Zero(t, testing.AllocsPerRun(20, func() { lookAt(shape.Metrics, md, held, told, now) }))
	}
}

func TestOnlyMasked(t *testing.T) {
	h := start(t, testConfig())
	td := batch("ab")
	masked(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes())
	masked(td.ResourceSpans().At(0).Resource().Attributes())
	verdict.Stamp(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes(), "", []verdict.Finding{finding("x", "low", "f")}, false)
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, []string{"logs/audit", "traces/clean"}, h.order())
	require.True(t, td == took1[ptrace.Traces](h.world, "traces/clean")[0], "with all annotations there is nothing to copy for")
	var names []string
	for _, e := range h.events() {
		names = append(names, e.EventName())
	}
	require.Equal(t, []string{event.Masked, event.Passed, event.Masked}, names)
	require.Zero(t, h.shared.held.count())
}

func TestAllHeld(t *testing.T) {
	h := start(t, testConfig())
	td := batch("Aa")
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, []string{"logs/audit", "traces/held"}, h.order())
	require.True(t, td == took1[ptrace.Traces](h.world, "traces/held")[0], "nothing to split")
}

func TestUnscanned(t *testing.T) {
	h := start(t, testConfig())
	for name, spoil := range map[string]func(pcommon.Map){
		"no stamp":    func(m pcommon.Map) { m.Remove(verdict.Policy) },
		"empty stamp": func(m pcommon.Map) { m.PutStr(verdict.Policy, "") },
		"other type":  func(m pcommon.Map) { m.PutInt(verdict.Policy, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			h.reset()
			td := batch("aB", "c")
			spoil(td.ResourceSpans().At(1).Resource().Attributes())
			err := h.traces.ConsumeTraces(background, td)
			require.ErrorContains(t, err, "secret_mask must be before verdict")
			require.False(t, consumererror.IsPermanent(err))
			require.Empty(t, h.order())
		})
	}
	ld, records := logBatch(pcommon.TraceID{})
	records.At(0).Body().SetStr("x")
	ld.ResourceLogs().At(0).Resource().Attributes().Clear()
	require.Error(t, h.records.ConsumeLogs(background, ld))
	md, _ := metricBatch("m")
	md.ResourceMetrics().At(0).Resource().Attributes().Clear()
	require.Error(t, h.metrics.ConsumeMetrics(background, md))
	require.Empty(t, h.order())
	require.EqualValues(t, 5, h.sum("otelcol_connector_verdict_batches_refused", "reason", "unscanned"))
	require.Equal(t, 1, h.logs.Len(), "one line a minute")
	require.Zero(t, h.shared.held.count())

	require.NoError(t, h.traces.ConsumeTraces(background, ptrace.NewTraces()), "nothing is nothing to refuse")
}

func TestNoQuarantine(t *testing.T) {
	cfg := testConfig()
	cfg.Quarantine = ids("traces/held")
	h := start(t, cfg)
	ld, records := logBatch(pcommon.TraceID{1}, pcommon.TraceID{2})
	hold(records.At(0).Attributes())
	err := h.records.ConsumeLogs(background, ld)
	require.ErrorContains(t, err, "no quarantine pipeline for logs")
	require.False(t, consumererror.IsPermanent(err))
	require.Empty(t, h.order(), "no event of what did not happen")
	ld, _ = logBatch(pcommon.TraceID{2})
	require.NoError(t, h.records.ConsumeLogs(background, ld))
	require.NoError(t, h.traces.ConsumeTraces(background, batch("aB")))
	require.Equal(t, []string{"logs/clean", "logs/audit", "traces/held", "traces/clean"}, h.order())
}

func TestReleased(t *testing.T) {
	h := start(t, testConfig())
	require.NoError(t, h.traces.ConsumeTraces(background, batch("A")))
	h.reset()

	r := &release.Release{Item: "x", Mode: release.ModeMasked, Attempt: 1}
	ctx := release.With(background, r)
	err := h.traces.ConsumeTraces(ctx, batch("a"))
	require.ErrorContains(t, err, "was not scanned again")
	require.Empty(t, h.order())
	r.SetScanned()
	td := batch("a")
	td.ResourceSpans().At(0).Resource().Attributes().PutStr(release.AttrItem, "x")
	require.NoError(t, h.traces.ConsumeTraces(ctx, td))
	require.Equal(t, []string{"traces/clean"}, h.order(), "that its trace is held does not hold it")
	h.reset()
	require.NoError(t, h.traces.ConsumeTraces(ctx, batch("abC")))
	require.Equal(t, []string{"logs/audit", "traces/held", "traces/clean"}, h.order(), "what is newly found is held")
	h.reset()
	require.NoError(t, h.traces.ConsumeTraces(background, batch("a")))
	require.Equal(t, []string{"logs/audit", "traces/held"}, h.order(), "ordinary spans of the trace are held")
	h.reset()
	td.ResourceSpans().At(0).Resource().Attributes().Remove(verdict.Policy)
	require.Error(t, h.traces.ConsumeTraces(ctx, td), "a release has the stamp as well")
	require.Empty(t, h.order())
}

func TestEvents(t *testing.T) {
	h := start(t, testConfig())
	ld := h.shared.source.Logs(event.Event{Name: event.Approved, At: h.shared.now(), Item: "x"})
	require.NoError(t, h.records.ConsumeLogs(release.WithEvent(background), ld))
	require.Equal(t, []string{"logs/audit"}, h.order())
	require.True(t, h.taken[0].event)
	require.Error(t, h.records.ConsumeLogs(background, ld), "without the context it is data that was not scanned")
	require.Error(t, h.traces.ConsumeTraces(release.WithEvent(background), batch("a")))
	h.reset()
	h.fail = map[string]error{"logs/audit": failures["permanent"]}
	err := h.records.ConsumeLogs(release.WithEvent(background), ld)
	require.Error(t, err)
	require.False(t, consumererror.IsPermanent(err))
	require.Empty(t, h.order())
}

func TestAnnotate(t *testing.T) {
	make := func() ptrace.Traces {
		td := batch("aB", "c")
		r := td.ResourceSpans().At(0)
		r.Resource().Attributes().PutStr(verdict.Producer, "somebody")
		r.Resource().Attributes().PutStr(release.AttrItem, "x")
		masked(r.Resource().Attributes())
		masked(r.ScopeSpans().At(0).Scope().Attributes())
		masked(r.ScopeSpans().At(0).Spans().At(0).Attributes())
		return td
	}
	full, _ := make().ResourceSpans().At(0).Resource().Attributes().AsRaw(), 0
	base := map[string]any{"service.name": "shop", release.AttrItem: "x"}
	summary := map[string]any{
		"service.name": "shop", release.AttrItem: "x", verdict.Policy: "p1", verdict.Producer: "somebody",
		verdict.Verdict: verdict.Masked, verdict.Findings: map[string]any{"github-token": int64(1)},
	}
	for annotate, want := range map[string]map[string]any{annotateFull: full, annotateSummary: summary, annotateNone: base} {
		for _, split := range []bool{true, false} {
			cfg := testConfig()
			cfg.Annotate = annotate
			h := start(t, cfg)
			td := make()
			if !split {
				td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().RemoveIf(func(s ptrace.Span) bool { return s.TraceID() == pcommon.TraceID{'b'} })
			}
			td.MarkReadOnly()
			require.NoError(t, h.traces.ConsumeTraces(background, td))
			got := took1[ptrace.Traces](h.world, "traces/clean")[0]
			require.Equal(t, want, got.ResourceSpans().At(0).Resource().Attributes().AsRaw(), annotate)
			span := got.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
			scope := got.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes()
			require.Equal(t, want[verdict.Findings], span.AsRaw()[verdict.Findings], annotate)
			require.Equal(t, want[verdict.Findings], scope.AsRaw()[verdict.Findings], annotate)
			v, ok := h.events()[len(h.events())-1].Attributes().Get("tracescrub.findings")
			require.True(t, ok, "events have them all")
			require.Equal(t, 2, v.Slice().Len())
			if split {
				held := took1[ptrace.Traces](h.world, "traces/held")[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
				require.Equal(t, "sealed", string(mustGet(t, held.Attributes(), verdict.Restore).Bytes().AsRaw()), "what is held keeps all")
			}
		}
	}
}

func TestAnnotateMetrics(t *testing.T) {
	cfg := testConfig()
	cfg.Annotate = annotateSummary
	h := start(t, cfg)
	md, ms := metricBatch("m")
	masked(ms.At(0).Metadata())
	masked(ms.At(0).Gauge().DataPoints().At(0).Attributes())
	md.MarkReadOnly()
	require.NoError(t, h.metrics.ConsumeMetrics(background, md))
	m := took1[pmetric.Metrics](h.world, "metrics/clean")[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	want := map[string]any{verdict.Verdict: verdict.Masked, verdict.Findings: map[string]any{"github-token": int64(1)}}
	require.Equal(t, want, m.Metadata().AsRaw())
	require.Equal(t, want, m.Gauge().DataPoints().At(0).Attributes().AsRaw())
}

func mustGet(t *testing.T, m pcommon.Map, k string) pcommon.Value {
	t.Helper()
	v, ok := m.Get(k)
	require.True(t, ok, "no %s", k)
	return v
}

func TestAnnotateNoneOfCleanData(t *testing.T) {
	cfg := testConfig()
	cfg.Annotate = annotateNone
	h := start(t, cfg)
	td := batch("a")
	td.MarkReadOnly()
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	got := took1[ptrace.Traces](h.world, "traces/clean")[0]
	require.Equal(t, map[string]any{"service.name": "shop"}, got.ResourceSpans().At(0).Resource().Attributes().AsRaw())
	require.Equal(t, 1, got.SpanCount())
}

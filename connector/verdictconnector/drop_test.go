package verdictconnector

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// drop stamps m as secret_mask does with what is left of what it dropped.
func drop(m pcommon.Map) {
	f := finding("aws-secret", "critical", "8899aabb")
	f.Action = "drop"
	verdict.Stamp(m, verdict.Dropped, []verdict.Finding{f}, false)
}

// dropping makes traces like batch, in which a digit stands for a span of the
// trace of that number that was dropped.
func dropping(resources ...string) ptrace.Traces {
	td := batch(resources...)
	for _, r := range td.ResourceSpans().All() {
		for _, s := range r.ScopeSpans().At(0).Spans().All() {
			if id := s.SpanID(); id[1] >= '0' && id[1] <= '9' {
				s.SetName("")
				s.SetTraceID(pcommon.TraceID{id[1] - '0' + 'a'}) // 0 is of trace a
				drop(s.Attributes())
			}
		}
	}
	return td
}

// TestDroppedIsTold: before anything else, in one go with what else is told;
// what is left of it goes nowhere.
func TestDroppedIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		td          ptrace.Traces
		names       []string
		order       []string
		clean, held []string
	}{
		"all of it":             {dropping("0"), []string{"dropped"}, []string{"logs/audit"}, nil, nil},
		"a trace each":          {dropping("01", "0"), []string{"dropped", "dropped"}, []string{"logs/audit"}, nil, nil},
		"and the rest is clean": {dropping("0b", "1"), []string{"dropped", "dropped"}, []string{"logs/audit", "traces/clean"}, []string{"b"}, nil},
		"of a clean trace":      {dropping("0a"), []string{"dropped"}, []string{"logs/audit", "traces/clean"}, []string{"a"}, nil},
		"of a held trace": {
			dropping("0Aa"), []string{"dropped", "held"}, []string{"logs/audit", "traces/held"}, nil, []string{"Aa"},
		},
		"beside a held one": {
			dropping("0Bc"), []string{"dropped", "held"}, []string{"logs/audit", "traces/held", "traces/clean"}, []string{"c"}, []string{"B"},
		},
	} {
		for _, annotate := range []string{annotateFull, annotateSummary, annotateNone} {
			t.Run(name+" "+annotate, func(t *testing.T) {
				cfg := testConfig()
				cfg.Annotate, cfg.Record = annotate, recordMasked
				h := start(t, cfg)
				c.td.MarkReadOnly()
				require.NoError(t, h.traces.ConsumeTraces(background, c.td))
				require.Equal(t, c.names, h.names())
				require.Equal(t, c.order, h.order())
				for pipeline, want := range map[string][]string{"traces/clean": c.clean, "traces/held": c.held} {
					var got []string
					for _, td := range took1[ptrace.Traces](h.world, pipeline) {
						got = append(got, letters(td)...)
					}
					require.Equal(t, want, got, pipeline)
				}
				for i, e := range h.events() {
					if c.names[i] != "dropped" {
						continue
					}
					require.Equal(t, plog.SeverityNumberWarn, e.SeverityNumber())
					require.Equal(t, pcommon.ValueTypeEmpty, e.Body().Type())
					require.False(t, e.TraceID().IsEmpty())
					require.Equal(t, "critical", str(t, e.Attributes(), "tracescrub.severity"))
					require.Equal(t, "shop", str(t, e.Attributes(), "tracescrub.service"))
					require.Equal(t, "p1", str(t, e.Attributes(), "tracescrub.policy"))
				}
				require.Positive(t, h.sum("otelcol_connector_verdict_items", "outcome", "dropped"))
				before := idsOf(t, h)
				h.reset()
				require.NoError(t, h.traces.ConsumeTraces(background, c.td))
				require.Equal(t, before, idsOf(t, h), "a second try is the same")
			})
		}
	}
}

// TestDroppedNotTold: without its event nothing is dropped: the sender, who
// still has it, tries again.
func TestDroppedNotTold(t *testing.T) {
	for _, but := range []bool{false, true} {
		h := start(t, testConfig())
		h.fail, h.but = map[string]error{"logs/audit": errors.New("away")}, but
		for _, td := range []ptrace.Traces{dropping("0"), dropping("0bC")} {
			err := h.traces.ConsumeTraces(background, td)
			var again *refusal
			require.ErrorAs(t, err, &again)
		}
		for _, p := range h.order() {
			require.Equal(t, "logs/audit", p)
		}
		require.Zero(t, h.sum("otelcol_connector_verdict_items"))
		require.EqualValues(t, 2, h.sum("otelcol_connector_verdict_batches_refused", "reason", stepAudit))
	}
}

// TestDroppedPolicyIsTold: what was dropped was scanned by a policy as well.
func TestDroppedPolicyIsTold(t *testing.T) {
	h := start(t, testConfig())
	td := dropping("0")
	td.ResourceSpans().At(0).Resource().Attributes().PutStr(verdict.Policy, "p2")
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, []string{"policy.loaded p2", "dropped"}, h.names())
}

// TestDroppedUnscanned: the stamp of a scan is needed all the same.
func TestDroppedUnscanned(t *testing.T) {
	h := start(t, testConfig())
	td := dropping("0")
	td.ResourceSpans().At(0).Resource().Attributes().Remove(verdict.Policy)
	require.Error(t, h.traces.ConsumeTraces(background, td))
	require.Empty(t, h.order())
}

// TestDroppedNeedsNoQuarantine: nor does a trace wait of which something was dropped.
func TestDroppedNeedsNoQuarantine(t *testing.T) {
	cfg := testConfig()
	cfg.Quarantine = nil
	h := start(t, cfg)
	require.NoError(t, h.traces.ConsumeTraces(background, dropping("0")))
	require.NoError(t, h.traces.ConsumeTraces(background, batch("a")))
	require.Equal(t, []string{"logs/audit", "traces/clean"}, h.order())
}

// TestDroppedFromRelease: rules of today may drop what people released.
func TestDroppedFromRelease(t *testing.T) {
	h := start(t, testConfig())
	r := &release.Release{Item: "x", Mode: release.ModeMasked, Attempt: 1}
	r.SetScanned()
	require.NoError(t, h.traces.ConsumeTraces(release.With(background, r), dropping("0b")))
	require.Equal(t, []string{"dropped"}, h.names())
	require.Equal(t, []string{"logs/audit", "traces/clean"}, h.order())
}

func TestDroppedOfOtherSignals(t *testing.T) {
	h := start(t, testConfig())
	ld, records := logBatch(pcommon.TraceID{1}, pcommon.TraceID{}, pcommon.TraceID{2})
	drop(records.At(0).Attributes())
	drop(records.At(1).Attributes())
	require.NoError(t, h.records.ConsumeLogs(background, ld))
	md, ms := metricBatch("m", "n")
	drop(ms.At(0).Gauge().DataPoints().At(0).Attributes())
	drop(ms.At(1).Metadata())
	require.NoError(t, h.metrics.ConsumeMetrics(background, md))
	require.Equal(t, []string{"dropped", "dropped", "dropped"}, h.names())
	units := func(i int) int64 {
		v, ok := h.events()[i].Attributes().Get("tracescrub.unit_count")
		require.True(t, ok)
		return v.Int()
	}
	require.Equal(t, []int64{1, 1, 3}, []int64{units(0), units(1), units(2)})
	require.Equal(t, 1, took1[plog.Logs](h.world, "logs/clean")[0].LogRecordCount())
	require.Equal(t, 1, took1[pmetric.Metrics](h.world, "metrics/clean")[0].DataPointCount())
}

// TestNoEntryNoDrop breaks the audit pipeline under traffic, half of the time so
// that it keeps what it fails: every span of an acknowledged batch went on or
// was told as dropped, and no span did both.
func TestNoEntryNoDrop(t *testing.T) {
	w := &world{}
	w.flaky = func(pipeline string) (error, bool) {
		if rand.IntN(3) > 0 {
			return nil, false
		}
		return errors.New("away"), rand.IntN(2) == 0
	}
	h := startIn(t, w, testConfig())
	const senders, rounds = 4, 60
	var all sync.WaitGroup
	var mu sync.Mutex
	acked := map[pcommon.TraceID]bool{} // and whether it was dropped
	for i := range senders {
		all.Go(func() {
			for j := range rounds {
				td := dropping([]string{"0", "0b", "0bC", "bC"}[j%4])
				ids := map[pcommon.TraceID]bool{}
				for k, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
					s.SetTraceID(pcommon.TraceID{byte(k + 1), byte(i + 1), byte(j + 1)})
					v, ok := s.Attributes().Get(verdict.Verdict)
					ids[s.TraceID()] = ok && v.Str() == verdict.Dropped
				}
				if h.traces.ConsumeTraces(background, td) == nil {
					mu.Lock()
					for id, dropped := range ids {
						acked[id] = dropped
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	told, went, dropped := map[pcommon.TraceID]bool{}, map[pcommon.TraceID]bool{}, 0
	for _, k := range h.taken {
		switch d := k.data.(type) {
		case plog.Logs:
			for _, e := range d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
				if e.EventName() == event.Dropped && !k.failed {
					told[e.TraceID()] = true
				}
			}
		case ptrace.Traces:
			for _, s := range d.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
				went[s.TraceID()] = true
				require.Equal(t, "chat", s.Name())
			}
		}
	}
	for id, gone := range acked {
		require.Equal(t, gone, told[id], "trace %x", id)
		require.Equal(t, !gone, went[id], "trace %x", id)
		if gone {
			dropped++
		}
	}
	require.Greater(t, dropped, 30)
	require.Less(t, len(acked), senders*rounds*2, "something was refused")
}

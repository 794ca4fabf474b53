package verdictconnector

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/confighash"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// names are the events that were told, in short, with the policy if they have one
// and no item.
func (h *harness) names() []string {
	all := []string{}
	for _, e := range h.events() {
		name := e.EventName()[len("tracescrub."):]
		if v, ok := e.Attributes().Get("tracescrub.policy"); ok && e.EventName() == event.PolicyLoaded {
			name += " " + v.Str()
		}
		all = append(all, name)
	}
	return all
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// by makes a batch that was scanned by a policy.
func by(policy, spans string) ptrace.Traces {
	td := batch(spans)
	td.ResourceSpans().At(0).Resource().Attributes().PutStr(verdict.Policy, policy)
	return td
}

// TestAnnounced: nothing goes on before it was told that the connector runs,
// and by what data are scanned, whether anything is found or not.
func TestAnnounced(t *testing.T) {
	for _, but := range []bool{false, true} {
		t.Run(fmt.Sprint(but), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				confighash.Set("the hash")
				h := startUntold(t, testConfig())
				synctest.Wait()
				require.Equal(t, []string{"started"}, h.names(), "without any data")
				require.Equal(t, "the hash", str(t, h.events()[0].Attributes(), "tracescrub.config.hash"))
				for _, policy := range []string{"p1", "p2"} {
					for _, spans := range []string{"a", "A"} {
						h.reset()
						h.set(func() { h.fail, h.but = map[string]error{"logs/audit": failures["permanent"]}, but })
						err := h.traces.ConsumeTraces(background, by(policy+spans, spans))
						require.ErrorContains(t, err, "audit: ")
						for _, p := range h.order() {
							require.Equal(t, "logs/audit", p)
						}
						before := idsOf(t, h)
						h.reset()
						time.Sleep(time.Minute)
						require.NoError(t, h.traces.ConsumeTraces(background, by(policy+spans, spans)))
						require.Equal(t, "policy.loaded "+policy+spans, h.names()[0])
						require.Equal(t, "logs/audit", h.order()[0])
						for _, id := range before {
							require.Contains(t, idsOf(t, h), id, "told again it is the same event")
						}
						h.reset()
						require.NoError(t, h.traces.ConsumeTraces(background, by(policy+spans, "a")))
						require.NotContains(t, h.names(), "policy.loaded "+policy+spans, "told once")
					}
				}
			})
		})
	}
}

// TestStartUntold: the audit log is away when the Collector starts.
func TestStartUntold(t *testing.T) {
	for _, but := range []bool{false, true} {
		t.Run(fmt.Sprint(but), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{fail: map[string]error{"logs/audit": errors.New("away")}, but: but}
				h := startIn(t, w, testConfig())
				synctest.Wait()
				before := idsOf(t, h)
				require.Error(t, h.traces.ConsumeTraces(background, batch("a")))
				require.Error(t, h.traces.ConsumeTraces(background, ptrace.NewTraces()))
				ld, _ := logBatch(pcommon.TraceID{1})
				require.Error(t, h.records.ConsumeLogs(background, ld))
				md, _ := metricBatch("m")
				require.Error(t, h.metrics.ConsumeMetrics(background, md))
				for _, p := range h.order() {
					require.Equal(t, "logs/audit", p)
				}
				h.reset()
				time.Sleep(2 * lastRetry)
				require.Equal(t, []string{"started"}, h.names(), "tried again without data")
				for _, id := range before {
					require.Contains(t, idsOf(t, h), id)
				}
				require.NoError(t, h.metrics.ConsumeMetrics(background, md))
				require.Equal(t, []string{"logs/audit", "logs/audit", "metrics/clean"}, h.order())
			})
		})
	}
}

// TestStopped: told once, after the last of what could send data.
func TestStopped(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(*world)
		want []string
	}{
		"stops":              {func(*world) {}, []string{"started", "stopped"}},
		"nobody hears of it": {func(w *world) { w.fail = map[string]error{"logs/audit": errors.New("away")} }, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				c.fail(w)
				cfg := testConfig()
				h := startIn(t, w, cfg)
				synctest.Wait()
				require.NoError(t, h.traces.Shutdown(background))
				require.NoError(t, h.records.Shutdown(background))
				require.NoError(t, h.auditors[0].Shutdown(background))
				require.NoError(t, h.metrics.Shutdown(background))
				require.NotContains(t, h.names(), "stopped")
				require.NoError(t, h.auditors[1].Shutdown(background))
				require.Equal(t, c.want, h.names())
				require.NoError(t, h.auditors[1].Shutdown(background))
				require.Equal(t, c.want, h.names())
				require.Zero(t, inUse.Users(cfg))
			})
		})
	}
	t.Run("never started", func(t *testing.T) {
		w, cfg, f := &world{}, testConfig(), NewFactory()
		_, records, _ := w.routers(cfg)
		l, err := f.CreateLogsToLogs(background, settings(componenttest.NewTelemetry(), zap.NewNop()), cfg, records)
		require.NoError(t, err)
		require.NoError(t, l.Shutdown(background))
		require.Empty(t, w.order())
	})
	t.Run("the audit log hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := startUntold(t, testConfig())
			synctest.Wait()
			h.set(func() { h.hang = "logs/audit" })
			began := time.Now()
			for _, c := range append(h.auditors, h.traces, h.records, h.metrics) {
				require.NoError(t, c.Shutdown(background))
			}
			require.Equal(t, stopTime, time.Since(began))
		})
	})
}

// TestManyPolicies: what is remembered is bounded, and what is forgotten is told again.
func TestManyPolicies(t *testing.T) {
	h := start(t, testConfig())
	for i := range maxPolicies + 5 {
		require.NoError(t, h.traces.ConsumeTraces(background, by(fmt.Sprint(i), "a")))
	}
	require.LessOrEqual(t, len(*h.shared.told.policies.Load()), maxPolicies)
	require.Len(t, h.events(), maxPolicies+5)
	td := batch("a", "b", "c")
	for i := range 3 {
		td.ResourceSpans().At(i).Resource().Attributes().PutStr(verdict.Policy, "new "+fmt.Sprint(i/2))
	}
	h.reset()
	require.NoError(t, h.traces.ConsumeTraces(background, td))
	require.Equal(t, []string{"policy.loaded new 0", "policy.loaded new 1"}, h.names())
}

// TestNoAuditNoEffect breaks the audit pipeline under traffic, half of the time
// so that it keeps what it fails, and counts what went on: all of it was told before.
func TestNoAuditNoEffect(t *testing.T) {
	cfg := testConfig()
	cfg.Record = recordMasked
	w := &world{}
	w.flaky = func(pipeline string) (error, bool) {
		if pipeline != "logs/audit" || rand.IntN(2) == 0 {
			return nil, false
		}
		return errors.New("away"), rand.IntN(2) == 0
	}
	h := startIn(t, w, cfg)
	const senders, rounds = 8, 40
	var all sync.WaitGroup
	var mu sync.Mutex
	taken, refused := 0, 0
	for i := range senders {
		all.Go(func() {
			for j := range rounds {
				td := by(fmt.Sprintf("p%d", (i*rounds+j)/50), "ab")
				spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
				for k := range spans.Len() {
					spans.At(k).SetTraceID(pcommon.TraceID{byte(k + 1), byte(i), byte(j)})
				}
				switch j % 3 {
				case 1:
					masked(spans.At(0).Attributes())
				case 2:
					hold(spans.At(1).Attributes())
				}
				err := h.traces.ConsumeTraces(background, td)
				mu.Lock()
				if err == nil {
					taken++
				} else {
					refused++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	require.Positive(t, taken)
	require.Positive(t, refused)
	told, started, went := map[string]bool{}, false, map[string]int{}
	for _, k := range h.taken {
		if ld, ok := k.data.(plog.Logs); ok {
			if k.failed {
				continue // what it kept does not count: nobody was told that it did
			}
			for _, e := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
				switch e.EventName() {
				case event.Started:
					started = true
				case event.PolicyLoaded:
					told[str(t, e.Attributes(), "tracescrub.policy")] = true
				default:
					told[str(t, e.Attributes(), "tracescrub.item.id")] = true
				}
			}
			continue
		}
		require.True(t, started)
		td := k.data.(ptrace.Traces)
		require.True(t, told[str(t, td.ResourceSpans().At(0).Resource().Attributes(), verdict.Policy)])
		went[k.pipeline]++
		if k.pipeline == "traces/held" {
			items, err := item.Of(shape.Traces, td)
			require.NoError(t, err)
			require.True(t, told[items[0].ID.String()])
			continue
		}
		for _, f := range item.Findings(shape.Traces, td) {
			require.True(t, told[f.ID.String()])
		}
	}
	require.Equal(t, taken, went["traces/clean"], "each batch has a clean span")
	require.Positive(t, went["traces/held"])
}

// TestRecord: events carry what is masked, and nothing that is not.
func TestRecord(t *testing.T) {
	for _, record := range []string{recordFindings, recordMasked} {
		t.Run(record, func(t *testing.T) {
			cfg := testConfig()
			cfg.Record, cfg.Annotate = record, annotateNone
			h := start(t, cfg)
			td := batch("abcD")
			spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			masked(spans.At(0).Attributes())
			passed := finding("x", "low", "f")
			passed.Action = "pass"
			verdict.Stamp(spans.At(1).Attributes(), "", []verdict.Finding{passed}, false)
			spans.At(0).Attributes().PutStr("gen_ai.conversation.id", "talk")
			td.MarkReadOnly()
			require.NoError(t, h.traces.ConsumeTraces(background, td))
			events := h.events()
			require.Equal(t, []string{"held", "masked", "passed"}, h.names())
			require.Equal(t, "talk", str(t, events[1].Attributes(), "gen_ai.conversation.id"))
			_, has := events[2].Attributes().Get(event.AttrRecord)
			require.False(t, has, "a secret stands there in the clear")
			require.Equal(t, pcommon.ValueTypeEmpty, events[2].Body().Type())
			if record == recordFindings {
				for _, e := range events {
					require.Equal(t, pcommon.ValueTypeEmpty, e.Body().Type())
				}
				require.Zero(t, h.sum("otelcol_connector_verdict_records"))
				return
			}
			for i, want := range []string{"D", "a"} {
				raw := events[i].Body().Bytes().AsRaw()
				got, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw)
				require.NoError(t, err)
				require.Equal(t, []string{want}, letters(got))
				require.NotContains(t, string(raw), "sealed")
				require.Contains(t, string(raw), "tracescrub.findings")
				require.Len(t, str(t, events[i].Attributes(), event.AttrRecord), 64)
			}
			require.EqualValues(t, 2, h.sum("otelcol_connector_verdict_records", "outcome", "told"))
			require.EqualValues(t, 1, h.sum("otelcol_connector_verdict_records", "outcome", "clear"))
		})
	}
}

// TestRecordOfOtherSignals: logs and metrics as well.
func TestRecordOfOtherSignals(t *testing.T) {
	cfg := testConfig()
	cfg.Record = recordMasked
	h := start(t, cfg)
	ld, records := logBatch(pcommon.TraceID{1}, pcommon.TraceID{})
	masked(records.At(0).Attributes())
	hold(records.At(1).Attributes())
	require.NoError(t, h.records.ConsumeLogs(background, ld))
	md, ms := metricBatch("m", "n")
	masked(ms.At(0).Metadata())
	require.NoError(t, h.metrics.ConsumeMetrics(background, md))
	events := h.events()
	require.Equal(t, []string{"held", "masked", "masked"}, h.names())
	for _, e := range events[:2] {
		got, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(e.Body().Bytes().AsRaw())
		require.NoError(t, err)
		require.Equal(t, 1, got.LogRecordCount())
	}
	got, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(events[2].Body().Bytes().AsRaw())
	require.NoError(t, err)
	require.Equal(t, 2, got.MetricCount(), "with what stands beside it")
}

// TestNoRecordOfOriginals: in what people released as it came secrets stand in the clear.
func TestNoRecordOfOriginals(t *testing.T) {
	for mode, want := range map[string]pcommon.ValueType{
		release.ModeMasked: pcommon.ValueTypeBytes, release.ModeOriginal: pcommon.ValueTypeEmpty,
	} {
		cfg := testConfig()
		cfg.Record = recordMasked
		h := start(t, cfg)
		r := &release.Release{Item: "x", Mode: mode, Attempt: 1}
		r.SetScanned()
		td := batch("aB")
		masked(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes())
		require.NoError(t, h.traces.ConsumeTraces(release.With(background, r), td))
		require.Equal(t, []string{"held", "masked"}, h.names())
		for _, e := range h.events() {
			require.Equal(t, want, e.Body().Type(), mode)
		}
	}
}

package verdictconnector

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/event"
)

func TestFactory(t *testing.T) {
	f := NewFactory()
	require.Equal(t, "verdict", f.Type().String())
	require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
	h := start(t, testConfig())
	require.False(t, h.traces.Capabilities().MutatesData)
	require.False(t, h.records.Capabilities().MutatesData)
	require.False(t, h.metrics.Capabilities().MutatesData)
}

func TestLifecycle(t *testing.T) {
	host := componenttest.NewNopHost()
	for _, c := range []struct {
		name string
		do   func(component.Component) error
	}{
		{"start and shutdown", func(c component.Component) error {
			if err := c.Start(background, host); err != nil {
				return err
			}
			return c.Shutdown(background)
		}},
		{"shutdown without start", func(c component.Component) error { return c.Shutdown(background) }},
		{"shutdown twice", func(c component.Component) error {
			if err := c.Shutdown(background); err != nil {
				return err
			}
			return c.Shutdown(background)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, cfg, f := &world{}, testConfig(), NewFactory()
			set := settings(componenttest.NewTelemetry(), zap.NewNop())
			traces, records, metrics := w.routers(cfg)
			var all []component.Component
			add := func(c component.Component, err error) {
				t.Helper()
				require.NoError(t, err)
				all = append(all, c)
			}
			tr, err := f.CreateTracesToTraces(background, set, cfg, traces)
			add(tr, err)
			lo, err := f.CreateLogsToLogs(background, set, cfg, records)
			add(lo, err)
			me, err := f.CreateMetricsToMetrics(background, set, cfg, metrics)
			add(me, err)
			ta, err := f.CreateTracesToLogs(background, set, cfg, records)
			add(ta, err)
			ma, err := f.CreateMetricsToLogs(background, set, cfg, records)
			add(ma, err)
			require.Equal(t, len(all), inUse.Users(cfg))
			for _, one := range all {
				require.NoError(t, c.do(one))
			}
			require.Zero(t, inUse.Users(cfg))
		})
	}
}

// TestCreateErrors: what cannot work does not start, and leaves nothing behind.
func TestCreateErrors(t *testing.T) {
	f, w := NewFactory(), &world{}
	set := settings(componenttest.NewTelemetry(), zap.NewNop())
	full := testConfig()
	traces, records, metrics := w.routers(full)

	cfg := testConfig()
	cfg.Clean, cfg.Quarantine = ids("logs/clean", "traces/nowhere"), ids("traces/neither")
	_, err := f.CreateTracesToTraces(background, set, cfg, traces)
	require.ErrorContains(t, err, "clean: a pipeline does not exist")
	require.ErrorContains(t, err, "traces/nowhere")
	require.ErrorContains(t, err, "quarantine: a pipeline does not exist")
	require.ErrorContains(t, err, "traces/neither")
	_, err = f.CreateMetricsToMetrics(background, set, cfg, metrics)
	require.ErrorContains(t, err, "clean: names no pipeline for metrics")
	cfg.Audit = ids("logs/nowhere")
	_, err = f.CreateLogsToLogs(background, set, cfg, records)
	require.ErrorContains(t, err, "audit: a pipeline does not exist")
	_, err = f.CreateTracesToLogs(background, set, cfg, records)
	require.ErrorContains(t, err, "logs/nowhere")
	_, err = f.CreateMetricsToLogs(background, set, cfg, records)
	require.ErrorContains(t, err, "logs/nowhere")
	_, err = f.CreateTracesToTraces(background, set, full, consumertest.NewNop())
	require.ErrorContains(t, err, "gave no pipelines")
	require.Zero(t, inUse.Users(cfg))
	require.Zero(t, inUse.Users(full))

	// Without a logs pipeline behind it the connector of traces has no audit.
	c, err := f.CreateTracesToTraces(background, set, full, traces)
	require.NoError(t, err)
	require.ErrorContains(t, c.Start(background, componenttest.NewNopHost()), "audit")
	require.ErrorContains(t, c.ConsumeTraces(background, batch("A")), "no_audit")
	require.Empty(t, w.order())
	require.NoError(t, c.Shutdown(background))
}

// TestAuditorsDoNothing: a batch that reaches the connector to logs as well is
// told about once.
func TestAuditorsDoNothing(t *testing.T) {
	h := start(t, testConfig())
	for _, a := range h.auditors {
		require.NoError(t, a.(*auditor).ConsumeTraces(background, batch("A")))
		md, _ := metricBatch("m")
		require.NoError(t, a.(*auditor).ConsumeMetrics(background, md))
	}
	require.Empty(t, h.order())
}

// TestConcurrent: batches of all signals at once; each span arrives once, and
// all events are there.
func TestConcurrent(t *testing.T) {
	h := start(t, testConfig())
	const senders, rounds = 8, 30
	var all sync.WaitGroup
	errs := make(chan error, senders*rounds*3)
	for i := range senders {
		all.Go(func() {
			for j := range rounds {
				td := batch("aBc")
				td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).SetTraceID(pcommon.TraceID{'x', byte(i), byte(j)})
				errs <- h.traces.ConsumeTraces(background, td)
				ld, records := logBatch(pcommon.TraceID{'x', byte(i), byte(j)}, pcommon.TraceID{'l', byte(i), byte(j)})
				masked(records.At(1).Attributes())
				errs <- h.records.ConsumeLogs(background, ld)
				md, _ := metricBatch(fmt.Sprint(i, j))
				errs <- h.metrics.ConsumeMetrics(background, md)
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	held, clean := 0, 0
	for _, td := range took1[ptrace.Traces](h.world, "traces/held") {
		held += td.SpanCount()
	}
	for _, td := range took1[ptrace.Traces](h.world, "traces/clean") {
		clean += td.SpanCount()
	}
	require.Equal(t, senders*rounds, held)
	require.Equal(t, 2*senders*rounds, clean)
	kinds := map[string]int{}
	for _, e := range h.events() {
		kinds[e.EventName()]++
	}
	require.Equal(t, map[string]int{event.Held: 2 * senders * rounds, event.Masked: senders * rounds}, kinds)
	require.EqualValues(t, senders*rounds, h.shared.held.count())
}

package verdictconnector

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// took is what a pipeline took.
type took struct {
	pipeline string
	data     any
	event    bool // the context is one of audit events
	failed   bool // its answer was an error all the same
}

// world is what is around the connector: pipelines that keep what they get, in
// the order in which they get it.
type world struct {
	mu    sync.Mutex
	taken []took
	fail  map[string]error // by pipeline
	// but: the pipeline keeps what it fails.
	but bool
	// flaky, if it is there, says so for each call of a pipeline.
	flaky func(pipeline string) (fail error, but bool)
	// hang is a pipeline that does not answer before the context ends.
	hang string
}

// pipe is a pipeline of any signal.
type pipe struct {
	w  *world
	id string
}

func (p pipe) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (p pipe) take(ctx context.Context, data any) error {
	p.w.mu.Lock()
	if p.w.hang == p.id {
		p.w.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	}
	defer p.w.mu.Unlock()
	err, but := p.w.fail[p.id], p.w.but
	if p.w.flaky != nil {
		err, but = p.w.flaky(p.id)
	}
	if err == nil || but {
		p.w.taken = append(p.w.taken, took{p.id, data, release.IsEvent(ctx), err != nil})
	}
	return err
}

func (p pipe) ConsumeTraces(ctx context.Context, td ptrace.Traces) error { return p.take(ctx, td) }
func (p pipe) ConsumeLogs(ctx context.Context, ld plog.Logs) error       { return p.take(ctx, ld) }
func (p pipe) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	return p.take(ctx, md)
}

// order lists the pipelines in the order in which they took something.
func (w *world) order() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := []string{}
	for _, t := range w.taken {
		all = append(all, t.pipeline)
	}
	return all
}

// of returns all that a pipeline took.
func took1[T any](w *world, id string) []T {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []T
	for _, t := range w.taken {
		if t.pipeline == id {
			all = append(all, t.data.(T))
		}
	}
	return all
}

func (w *world) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken, w.fail, w.but, w.flaky, w.hang = nil, nil, false, nil, ""
}

// harness is the connector of all signals between pipelines.
type harness struct {
	*world
	t        testing.TB
	cfg      *Config
	tel      *componenttest.Telemetry
	logs     *observer.ObservedLogs
	traces   connector.Traces
	records  connector.Logs
	metrics  connector.Metrics
	auditors []component.Component
	shared   *shared
	// announced is how many events were told before the test began.
	announced int64
}

func id(s string) pipeline.ID {
	var id pipeline.ID
	if err := id.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return id
}

func ids(all ...string) []pipeline.ID {
	var out []pipeline.ID
	for _, s := range all {
		out = append(out, id(s))
	}
	return out
}

func testConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Clean = ids("traces/clean", "logs/clean", "metrics/clean")
	cfg.Quarantine = ids("traces/held", "logs/held", "metrics/held")
	cfg.Audit = ids("logs/audit")
	cfg.Annotate = annotateFull
	return cfg
}

func settings(tel *componenttest.Telemetry, logger *zap.Logger) connector.Settings {
	set := connectortest.NewNopSettings(componentType)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	set.Logger = logger
	set.Resource = pcommon.NewResource()
	set.Resource.Attributes().PutStr("service.name", "otelcol-tracescrub")
	set.BuildInfo.Version = "1.2.3"
	return set
}

// routers returns what the Collector would give: all pipelines of a signal.
func (w *world) routers(cfg *Config) (connector.TracesRouterAndConsumer, connector.LogsRouterAndConsumer, connector.MetricsRouterAndConsumer) {
	tm, lm, mm := map[pipeline.ID]consumer.Traces{}, map[pipeline.ID]consumer.Logs{}, map[pipeline.ID]consumer.Metrics{}
	for _, list := range [][]pipeline.ID{cfg.Clean, cfg.Quarantine, cfg.Audit} {
		for _, id := range list {
			p := pipe{w, id.String()}
			switch id.Signal() {
			case pipeline.SignalTraces:
				tm[id] = p
			case pipeline.SignalLogs:
				lm[id] = p
			default:
				mm[id] = p
			}
		}
	}
	return connector.NewTracesRouter(tm), connector.NewLogsRouter(lm), connector.NewMetricsRouter(mm)
}

// start starts the connector; that it has started, and the policy of the test
// data, have been told.
func start(t testing.TB, cfg *Config) *harness {
	t.Helper()
	h := startUntold(t, cfg)
	require.NoError(t, h.shared.announce(context.Background(), h.shared.auditOf(pipeline.SignalLogs), []string{"p1"}))
	h.announced = h.sum("otelcol_connector_verdict_events")
	require.EqualValues(t, 2, h.announced)
	h.reset()
	return h
}

func startUntold(t testing.TB, cfg *Config) *harness {
	t.Helper()
	return startIn(t, &world{}, cfg)
}

func startIn(t testing.TB, w *world, cfg *Config) *harness {
	t.Helper()
	require.NoError(t, cfg.Validate())
	h := &harness{world: w, t: t, cfg: cfg, tel: componenttest.NewTelemetry()}
	logCore, logs := observer.New(zap.InfoLevel)
	h.logs = logs
	set, ctx, f := settings(h.tel, zap.New(logCore)), context.Background(), NewFactory()
	traces, records, metrics := h.routers(cfg)
	var err error
	h.traces, err = f.CreateTracesToTraces(ctx, set, cfg, traces)
	require.NoError(t, err)
	h.records, err = f.CreateLogsToLogs(ctx, set, cfg, records)
	require.NoError(t, err)
	h.metrics, err = f.CreateMetricsToMetrics(ctx, set, cfg, metrics)
	require.NoError(t, err)
	tracesAudit, err := f.CreateTracesToLogs(ctx, set, cfg, records)
	require.NoError(t, err)
	metricsAudit, err := f.CreateMetricsToLogs(ctx, set, cfg, records)
	require.NoError(t, err)
	h.auditors = []component.Component{tracesAudit, metricsAudit}
	h.shared = h.auditors[0].(*auditor).shared
	require.Equal(t, 5, inUse.Users(cfg), "one instance for all signals")
	for _, c := range append(h.auditors, h.traces, h.records, h.metrics) {
		require.NoError(t, c.Start(ctx, componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(ctx)) })
	}
	return h
}

// at sets the clock.
func (h *harness) at(t time.Time) { h.shared.now = func() time.Time { return t } }

// sum adds up a counter's points that have all of want ("key=value").
func (h *harness) sum(name string, want ...string) int64 {
	h.t.Helper()
	m, err := h.tel.GetMetric(name)
	if err != nil {
		return 0
	}
	var n int64
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		all := true
		for i := 0; i < len(want); i += 2 {
			v, ok := p.Attributes.Value(key(want[i]))
			all = all && ok && v.AsString() == want[i+1]
		}
		if all {
			n += p.Value
		}
	}
	return n
}

func finding(rule, severity, fingerprint string) verdict.Finding {
	return verdict.Finding{Rule: rule, Severity: severity, Fingerprint: fingerprint, Field: "span.name", Action: "hold", Length: 40}
}

// hold stamps m as secret_mask does.
func hold(m pcommon.Map) {
	verdict.Stamp(m, verdict.Held, []verdict.Finding{finding("aws-secret", "critical", "00112233")}, false)
	m.PutEmptyBytes(verdict.Restore).FromRaw([]byte("sealed"))
}

func masked(m pcommon.Map) {
	f := finding("github-token", "high", "44556677")
	f.Action = "mask"
	verdict.Stamp(m, verdict.Masked, []verdict.Finding{f}, false)
}

// batch makes traces: a resource for each argument, with a span for each byte,
// which is its trace id; an upper-case letter stands for a span that is held.
func batch(resources ...string) ptrace.Traces {
	td := ptrace.NewTraces()
	for _, spans := range resources {
		r := td.ResourceSpans().AppendEmpty()
		r.Resource().Attributes().PutStr("service.name", "shop")
		r.Resource().Attributes().PutStr(verdict.Policy, "p1")
		s := r.ScopeSpans().AppendEmpty()
		for i, b := range []byte(spans) {
			e := s.Spans().AppendEmpty()
			e.SetName("chat")
			e.SetSpanID(pcommon.SpanID{byte(i + 1), b})
			switch {
			case b >= 'A' && b <= 'Z':
				e.SetTraceID(pcommon.TraceID{b + 'a' - 'A'})
				hold(e.Attributes())
			case b == '.':
			default:
				e.SetTraceID(pcommon.TraceID{b})
			}
		}
	}
	return td
}

// letters is what batch made, read back: one letter for each span.
func letters(td ptrace.Traces) []string {
	var all []string
	for _, r := range td.ResourceSpans().All() {
		var b []byte
		for _, s := range r.ScopeSpans().All() {
			for _, e := range s.Spans().All() {
				id := e.SpanID()
				b = append(b, id[1])
			}
		}
		all = append(all, string(b))
	}
	return all
}

func logBatch(lines ...pcommon.TraceID) (plog.Logs, plog.LogRecordSlice) {
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty()
	r.Resource().Attributes().PutStr(verdict.Policy, "p1")
	records := r.ScopeLogs().AppendEmpty().LogRecords()
	for i, trace := range lines {
		e := records.AppendEmpty()
		e.Body().SetStr("line")
		e.SetTimestamp(pcommon.Timestamp(i + 1))
		e.SetTraceID(trace)
	}
	return ld, records
}

func metricBatch(names ...string) (pmetric.Metrics, pmetric.MetricSlice) {
	md := pmetric.NewMetrics()
	r := md.ResourceMetrics().AppendEmpty()
	r.Resource().Attributes().PutStr(verdict.Policy, "p1")
	ms := r.ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range names {
		m := ms.AppendEmpty()
		m.SetName(name)
		m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
		m.Gauge().DataPoints().AppendEmpty().SetIntValue(2)
	}
	return md, ms
}

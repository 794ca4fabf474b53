package secretmaskprocessor

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testConfig is the default with a key, so that nothing is written.
func testConfig(t testing.TB) *Config {
	t.Helper()
	t.Setenv("TRACESCRUB_DATA", t.TempDir())
	cfg := createDefaultConfig().(*Config)
	cfg.Fingerprint.Key = "a key of the tests"
	return cfg
}

// harness is the processor of all signals with sinks behind it.
type harness struct {
	t    testing.TB
	cfg  *Config
	tel  *componenttest.Telemetry
	logs *observer.ObservedLogs
	core *core

	traces      processor.Traces
	records     processor.Logs
	metrics     processor.Metrics
	traceSink   consumertest.TracesSink
	logSink     consumertest.LogsSink
	metricsSink consumertest.MetricsSink
}

func start(t testing.TB, cfg *Config) *harness {
	t.Helper()
	h := &harness{t: t, cfg: cfg, tel: componenttest.NewTelemetry()}
	set := processortest.NewNopSettings(componentType)
	set.TelemetrySettings = h.tel.NewTelemetrySettings()
	logCore, logs := observer.New(zap.InfoLevel)
	set.Logger, h.logs = zap.New(logCore), logs
	ctx := context.Background()
	f := NewFactory()
	var err error
	h.traces, err = f.CreateTraces(ctx, set, cfg, &h.traceSink)
	require.NoError(t, err)
	h.records, err = f.CreateLogs(ctx, set, cfg, &h.logSink)
	require.NoError(t, err)
	h.metrics, err = f.CreateMetrics(ctx, set, cfg, &h.metricsSink)
	require.NoError(t, err)
	h.core, err = acquire(set, cfg)
	require.NoError(t, err)
	require.NoError(t, h.core.release())
	for _, c := range []component.Component{h.traces, h.records, h.metrics} {
		require.NoError(t, c.Start(ctx, componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(ctx)) })
	}
	return h
}

// fake puts a fakeEngine in the place of the real one.
func (h *harness) fake() { h.t.Helper(); h.engine(fakeEngine{}) }

func (h *harness) engine(e mask.Engine) {
	h.t.Helper()
	options, err := h.cfg.options(e, []byte(h.cfg.Fingerprint.Key))
	require.NoError(h.t, err)
	masker, err := mask.New(options)
	require.NoError(h.t, err)
	h.core.state.Store(&state{masker: masker, policy: "fake", key: options.Key})
}

func (h *harness) trace(td ptrace.Traces) ptrace.Traces {
	h.t.Helper()
	h.traceSink.Reset()
	require.NoError(h.t, h.traces.ConsumeTraces(context.Background(), td))
	require.Len(h.t, h.traceSink.AllTraces(), 1)
	return kept(shape.Traces, h.traceSink.AllTraces()[0])
}

func (h *harness) log(ld plog.Logs) plog.Logs {
	h.t.Helper()
	h.logSink.Reset()
	require.NoError(h.t, h.records.ConsumeLogs(context.Background(), ld))
	require.Len(h.t, h.logSink.AllLogs(), 1)
	return kept(shape.Logs, h.logSink.AllLogs()[0])
}

// kept is what verdict lets go on, or holds: all but what was dropped.
func kept[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B) B {
	if len(item.Dropped(sh, batch)) == 0 {
		return batch
	}
	return item.Kept(sh, batch)
}

// sum adds up a counter's points whose attributes include want ("key=value").
func (h *harness) sum(name string, want ...string) int64 {
	h.t.Helper()
	m, err := h.tel.GetMetric(name)
	if err != nil {
		return 0
	}
	var n int64
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		have := p.Attributes.Encoded(encoder{})
		all := true
		for _, w := range want {
			all = all && strings.Contains(have, "|"+w+"|")
		}
		if all {
			n += p.Value
		}
	}
	return n
}

const metricPrefix = "otelcol_processor_secret_mask_"

// secret makes a token that the real rules know by its checksum.
func secret(t testing.TB, seed uint64) string {
	t.Helper()
	text, _, err := pack.Expand("ghp_<30*base62><check:github-crc32>", rand.New(rand.NewPCG(seed, 0)))
	require.NoError(t, err)
	return text
}

// oneSpan returns a batch of one span.
func oneSpan() (ptrace.Traces, ptrace.Span) {
	td := ptrace.NewTraces()
	s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName("chat")
	return td, s
}

// oneLog returns a batch of one log record.
func oneLog() (plog.Logs, plog.LogRecord) {
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	return ld, r
}

func jsonOf(t testing.TB, data any) string {
	t.Helper()
	var b []byte
	var err error
	switch d := data.(type) {
	case ptrace.Traces:
		b, err = (&ptrace.JSONMarshaler{}).MarshalTraces(d)
	case plog.Logs:
		b, err = (&plog.JSONMarshaler{}).MarshalLogs(d)
	case pmetric.Metrics:
		b, err = (&pmetric.JSONMarshaler{}).MarshalMetrics(d)
	case pprofile.Profiles:
		b, err = (&pprofile.JSONMarshaler{}).MarshalProfiles(d)
	}
	require.NoError(t, err)
	return string(b)
}

func get(t testing.TB, m pcommon.Map, key string) pcommon.Value {
	t.Helper()
	v, ok := m.Get(key)
	require.True(t, ok, "no attribute %s", key)
	return v
}

// fakeEngine finds the word SECRET and panics at PANIC.
type fakeEngine struct{}

func (fakeEngine) Rules() []rules.Info { return []rules.Info{{ID: "word", Severity: pack.High}} }

func (fakeEngine) Scan(dst []rules.Finding, text []byte, ctx rules.Context) []rules.Finding {
	if bytes.Contains(text, []byte("PANIC")) {
		panic("secret " + string(text))
	}
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte("SECRET"))
		if i < 0 {
			return dst
		}
		from += i + len("SECRET")
		dst = append(dst, rules.Finding{Start: from - len("SECRET"), End: from, Severity: pack.High})
	}
}

func (fakeEngine) ScanNumber(dst []rules.Finding, _ []byte, _ rules.Context) []rules.Finding {
	return dst
}

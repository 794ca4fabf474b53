package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// Two sets of five regexes, which differ in the last: redaction is fastest with
// those that begin with fixed bytes, which package regexp looks for first, and a
// bearer token in any case, which nearly everybody adds, has none.
var (
	fixedPrefix = []string{
		`AKIA[0-9A-Z]{16}`,
		`ghp_[0-9A-Za-z]{36}`,
		`xoxb-[0-9A-Za-z-]{10,250}`,
		`eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}`,
		`-----BEGIN [A-Z ]*PRIVATE KEY-----`,
	}
	withBearer = append(slices.Clone(fixedPrefix[:4]), `(?i)bearer\s+[0-9a-z._~+/-]{20,}`)
)

// processors are measured on the values as attributes of spans in memory.
func processors(ctx context.Context) ([]*detector, error) {
	mask := secretmaskprocessor.NewFactory()
	maskConfig, ok := mask.CreateDefaultConfig().(*secretmaskprocessor.Config)
	if !ok {
		return nil, errors.New("secret_mask: unexpected configuration")
	}
	maskConfig.Annotate = "none"
	maskConfig.Memory.CleanBytes = 0 // the same values come again and again
	maskConfig.Fingerprint.Key = "the key of the benchmarks"
	all := []*detector{onData(ctx, "`secret_mask`, on spans in memory", mask, maskConfig)}
	for _, five := range []struct {
		name    string
		regexes []string
	}{
		{"contrib redaction, five regexes, on spans in memory", fixedPrefix},
		{"contrib redaction, five regexes, one of a bearer token, on spans in memory", withBearer},
	} {
		redact := redactionprocessor.NewFactory()
		cfg, ok := redact.CreateDefaultConfig().(*redactionprocessor.Config)
		if !ok {
			return nil, errors.New("redaction: unexpected configuration")
		}
		cfg.AllowAllKeys, cfg.BlockedValues = true, five.regexes
		all = append(all, onData(ctx, five.name, redact, cfg))
	}
	return all, nil
}

// onData is a processor, which changes the values that have a secret.
func onData(ctx context.Context, name string, f processor.Factory, cfg component.Config) *detector {
	return &detector{name: name, batch: func(s *subject, t *texts) error {
		var out []ptrace.Traces
		next, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
			out = append(out, td)
			return nil
		}, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
		if err != nil {
			return err
		}
		set := processor.Settings{ID: component.NewID(f.Type()), TelemetrySettings: component.TelemetrySettings{
			Logger: zap.NewNop(), MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider(),
		}}
		p, err := f.CreateTraces(ctx, set, cfg, next)
		if err != nil {
			return err
		}
		if err := p.Start(ctx, nil); err != nil {
			return err
		}
		from := batches(t.strings)
		in := make([]ptrace.Traces, len(from))
		for i, td := range from {
			in[i] = ptrace.NewTraces()
			td.CopyTo(in[i])
		}
		s.prepare = func() {
			out = out[:0]
			for i, td := range from {
				if len(t.planted) > 0 { // else nothing has changed
					td.CopyTo(in[i])
				}
			}
		}
		s.pass = func() (int, error) {
			for _, td := range in {
				if err := p.ConsumeTraces(ctx, td); err != nil {
					return 0, err
				}
			}
			return 0, nil
		}
		s.found = func() (int, error) { return changed(out, t) }
		return nil
	}}
}

const (
	perSpan    = 20
	perBatch   = 200 * perSpan
	batchBytes = 4 << 20
)

// batches makes spans of perSpan values each, as requests of usual size.
func batches(values []string) []ptrace.Traces {
	var all []ptrace.Traces
	var attributes pcommon.Map
	var spans ptrace.SpanSlice
	n, size := perBatch, 0
	for _, v := range values {
		if n == perBatch || size+len(v) > batchBytes {
			td := ptrace.NewTraces()
			all = append(all, td)
			rs := td.ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", "agent")
			spans, n, size = rs.ScopeSpans().AppendEmpty().Spans(), 0, 0
		}
		if n%perSpan == 0 {
			s := spans.AppendEmpty()
			s.SetName("chat")
			s.SetTraceID([16]byte{1, byte(len(all)), byte(n / perSpan)})
			s.SetSpanID([8]byte{1, byte(n / perSpan)})
			attributes = s.Attributes()
			attributes.EnsureCapacity(perSpan)
		}
		attributes.PutStr(fieldName(n%perSpan), v)
		n, size = n+1, size+len(v)
	}
	return all
}

func fieldName(i int) string { return fmt.Sprintf("app.field_%02d", i) }

// changed counts the values that are not what they were. Those with a secret
// must be others, and all others the same.
func changed(all []ptrace.Traces, t *texts) (n int, err error) {
	i, wrong := 0, 0
	for _, td := range all {
		spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		for k := range spans.Len() {
			for _, v := range spans.At(k).Attributes().All() {
				if i == len(t.strings) {
					return n, fmt.Errorf("more than %d values came out", i)
				}
				_, want := slices.BinarySearch(t.planted, i)
				is := v.Str() != t.strings[i]
				if is {
					n++
				}
				if is != want {
					wrong++
				}
				i++
			}
		}
	}
	if wrong > 0 || i < len(t.strings) {
		return n, fmt.Errorf("wrong about %d of %d values, %d came out", wrong, len(t.strings), i)
	}
	return n, nil
}

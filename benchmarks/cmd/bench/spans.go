package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/benchmarks/agentspans"
	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// spansPerBatch is what a busy sender puts into a request.
const spansPerBatch = 200

// shapes are the spans: 20 short attributes, and two long ones.
var shapes = []struct {
	name string
	long int
}{
	{"20 x 64 B", 0}, {"20 x 64 B + 2 x 1 KB", 1 << 10}, {"20 x 64 B + 2 x 16 KB", 16 << 10},
}

// newProcessor makes a secret_mask with its default configuration and without stamps.
func newProcessor(ctx context.Context, next consumer.Traces) (processor.Traces, error) {
	f := secretmaskprocessor.NewFactory()
	cfg, ok := f.CreateDefaultConfig().(*secretmaskprocessor.Config)
	if !ok {
		return nil, errors.New("unexpected configuration")
	}
	cfg.Annotate = "none"
	cfg.Memory.CleanBytes = 0 // the same batch comes again and again
	cfg.Fingerprint.Key = "the key of the benchmarks"
	set := processor.Settings{ID: component.NewID(f.Type()), TelemetrySettings: component.TelemetrySettings{
		Logger: zap.NewNop(), MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider(),
	}}
	p, err := f.CreateTraces(ctx, set, cfg, next)
	if err != nil {
		return nil, err
	}
	return p, p.Start(ctx, nil)
}

const spanTable = "processor"

func spanFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	cases, err := spanCases(ctx)
	if err != nil {
		return nil, "", err
	}
	all, err := measure("processor", cases, o.rounds, o.each)
	if err != nil {
		return nil, "", err
	}
	waits, err := waitFigures(cases, o.heavy, o.each)
	if err != nil {
		return nil, "", err
	}
	profiles, err := profile(ctx, cases)
	return append(all, waits...), profiles, err
}

func spanTables(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nClean spans through the processor, batches of %d:\n", spansPerBatch)
	s.grid(&b, spanTable, "attributes | CPU, µs per span | spans/s | allocations per batch | bytes allocated per batch", "CPU", "spans", "allocations", "bytes")
	return b.String() + waitTables(s)
}

func spanCases(ctx context.Context) ([]*bench, error) {
	passed := 0
	next, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
		passed += td.SpanCount()
		return nil
	})
	if err != nil {
		return nil, err
	}
	p, err := newProcessor(ctx, next)
	if err != nil {
		return nil, err
	}
	var cases []*bench
	for _, s := range shapes {
		td := agentspans.Clean(spansPerBatch, s.long)
		before, err := spansOf(td)
		if err != nil {
			return nil, err
		}
		in := cell{table: spanTable, row: s.name}
		cases = append(cases, &bench{
			name: in.row,
			run: func() (int, error) {
				passed = 0
				if err := p.ConsumeTraces(ctx, td); err != nil {
					return 0, err
				}
				if passed != spansPerBatch {
					return 0, fmt.Errorf("%d spans came out, want %d", passed, spansPerBatch)
				}
				return 0, nil
			},
			after: func() error {
				now, err := spansOf(td)
				if err == nil && !bytes.Equal(now, before) {
					err = errors.New("clean spans were changed")
				}
				return err
			},
			note: func(s sample) []figure.Figure {
				return []figure.Figure{
					in.at("CPU").figure("µs/span", 1e6*s.cpu/spansPerBatch), in.at("spans").figure("spans/s", spansPerBatch/s.wall),
					in.at("allocations").figure("allocations/batch", s.allocs), in.at("bytes").figure("B/batch", s.bytes),
				}
			},
		})
	}
	return cases, nil
}

// spansOf writes the spans of a batch without its resource, which is stamped.
func spansOf(td ptrace.Traces) ([]byte, error) {
	bare := ptrace.NewTraces()
	td.ResourceSpans().At(0).ScopeSpans().CopyTo(bare.ResourceSpans().AppendEmpty().ScopeSpans())
	return (&ptrace.ProtoMarshaler{}).MarshalTraces(bare)
}

package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/otlpstream"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/judged"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// errNotOTLP stands for what pdata says, which could quote the input.
var errNotOTLP = errors.New("not a resource element of OTLP")

// otlp masks requests by running them through the processor itself, one
// instance per signal. It is owned by one goroutine.
type otlp struct {
	ctx     context.Context
	factory processor.Factory
	set     processor.Settings
	cfg     component.Config
	proto   bool
	started [4]component.Component
	masks   [4]otlpstream.Batch
}

// newOTLP makes and starts the processors, so that whatever is wrong with the
// configuration shows before any input is read; stop must be called.
func newOTLP(ctx context.Context, cfg component.Config, proto bool) (*otlp, error) {
	judged.Set(false) // nothing comes behind
	o := &otlp{ctx: ctx, factory: secretmaskprocessor.NewFactory(), cfg: cfg, proto: proto}
	o.set = processor.Settings{
		ID: component.NewID(o.factory.Type()),
		TelemetrySettings: component.TelemetrySettings{
			Logger:         zap.NewNop(),
			MeterProvider:  metricnoop.NewMeterProvider(),
			TracerProvider: tracenoop.NewTracerProvider(),
		},
		BuildInfo: component.BuildInfo{Command: "tracescrub", Version: buildVersion().short()},
	}
	for _, s := range []otlpstream.Signal{otlpstream.Traces, otlpstream.Logs, otlpstream.Metrics} {
		if err := o.start(s); err != nil {
			return nil, errors.Join(fmt.Errorf("secret_mask: %w", err), o.stop(ctx))
		}
	}
	return o, nil
}

// batch is an otlpstream.Batch. A parser that panics is broken input.
func (o *otlp) batch(s otlpstream.Signal, request []byte) (out []byte, err error) {
	defer func() {
		if recover() != nil {
			out, err = nil, errNotOTLP
		}
	}()
	return o.masks[s](s, request)
}

func (o *otlp) start(s otlpstream.Signal) error {
	var c component.Component
	var err error
	switch s {
	case otlpstream.Traces:
		c, err = o.traces()
	case otlpstream.Logs:
		c, err = o.logs()
	default:
		c, err = o.metrics()
	}
	if err != nil {
		return err
	}
	// A component that was made is shut down even if it did not start.
	o.started[s] = c
	return c.Start(o.ctx, noExtensions{})
}

// stop ends what was started.
func (o *otlp) stop(ctx context.Context) error {
	var errs []error
	for _, c := range o.started {
		if c != nil {
			errs = append(errs, c.Shutdown(ctx))
		}
	}
	return errors.Join(errs...)
}

// noExtensions is a host without extensions.
type noExtensions struct{}

func (noExtensions) GetExtensions() map[component.ID]component.Component { return nil }

// flow is what the three signals differ in.
type flow[T any] struct {
	decode  func([]byte) (T, error)
	encode  func(T) ([]byte, error)
	consume func(context.Context, T) error
	empty   func() T
	kept    func(T) T // without what was dropped
	got     *T        // what came out of the processor, nil if it dropped everything
}

func (f *flow[T]) mask(ctx context.Context) otlpstream.Batch {
	return func(_ otlpstream.Signal, request []byte) ([]byte, error) {
		in, err := f.decode(request)
		if err != nil {
			return nil, errNotOTLP
		}
		f.got = nil
		if err := f.consume(ctx, in); err != nil {
			return nil, fmt.Errorf("masking: %w", err)
		}
		if f.got == nil {
			return f.encode(f.empty())
		}
		return f.encode(*f.got)
	}
}

// without does what verdict does in a Collector: it takes away what is left of
// what the policy dropped.
func without[B, R, S, U any](sh *shape.Shape[B, R, S, U]) func(B) B {
	return func(batch B) B {
		if len(item.Dropped(sh, batch)) == 0 {
			return batch
		}
		return item.Kept(sh, batch)
	}
}

func (f *flow[T]) sink(_ context.Context, v T) error {
	v = f.kept(v)
	f.got = &v
	return nil
}

func (o *otlp) traces() (component.Component, error) {
	f := &flow[ptrace.Traces]{
		decode: (&ptrace.JSONUnmarshaler{}).UnmarshalTraces,
		encode: (&ptrace.JSONMarshaler{}).MarshalTraces,
		empty:  ptrace.NewTraces,
		kept:   without(shape.Traces),
	}
	if o.proto {
		f.decode, f.encode = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces, (&ptrace.ProtoMarshaler{}).MarshalTraces
	}
	next, err := consumer.NewTraces(f.sink)
	if err != nil {
		return nil, err
	}
	p, err := o.factory.CreateTraces(o.ctx, o.set, o.cfg, next)
	if err != nil {
		return nil, err
	}
	f.consume = p.ConsumeTraces
	o.masks[otlpstream.Traces] = f.mask(o.ctx)
	return p, nil
}

func (o *otlp) logs() (component.Component, error) {
	f := &flow[plog.Logs]{
		decode: (&plog.JSONUnmarshaler{}).UnmarshalLogs,
		encode: (&plog.JSONMarshaler{}).MarshalLogs,
		empty:  plog.NewLogs,
		kept:   without(shape.Logs),
	}
	if o.proto {
		f.decode, f.encode = (&plog.ProtoUnmarshaler{}).UnmarshalLogs, (&plog.ProtoMarshaler{}).MarshalLogs
	}
	next, err := consumer.NewLogs(f.sink)
	if err != nil {
		return nil, err
	}
	p, err := o.factory.CreateLogs(o.ctx, o.set, o.cfg, next)
	if err != nil {
		return nil, err
	}
	f.consume = p.ConsumeLogs
	o.masks[otlpstream.Logs] = f.mask(o.ctx)
	return p, nil
}

func (o *otlp) metrics() (component.Component, error) {
	f := &flow[pmetric.Metrics]{
		decode: (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics,
		encode: (&pmetric.JSONMarshaler{}).MarshalMetrics,
		empty:  pmetric.NewMetrics,
		kept:   without(shape.Metrics),
	}
	if o.proto {
		f.decode, f.encode = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics, (&pmetric.ProtoMarshaler{}).MarshalMetrics
	}
	next, err := consumer.NewMetrics(f.sink)
	if err != nil {
		return nil, err
	}
	p, err := o.factory.CreateMetrics(o.ctx, o.set, o.cfg, next)
	if err != nil {
		return nil, err
	}
	f.consume = p.ConsumeMetrics
	o.masks[otlpstream.Metrics] = f.mask(o.ctx)
	return p, nil
}

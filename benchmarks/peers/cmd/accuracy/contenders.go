package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// contender masks telemetry in place. What it has no way to look at it leaves.
type contender struct {
	name    string
	traces  func(context.Context, ptrace.Traces) (ptrace.Traces, error)
	logs    func(context.Context, plog.Logs) (plog.Logs, error)
	metrics func(context.Context, pmetric.Metrics) (pmetric.Metrics, error)
	// finder: it knows texts and no telemetry, so that it has no places.
	finder bool
}

// The names of those who take part, as the tables have them. Ours is the first.
const (
	oursName      = "`secret_mask`"
	redactionName = "contrib redaction"
	redactionMore = "contrib redaction, all types, blocked keys"
	transformName = "contrib transform"
	gitleaksName  = "gitleaks"
)

// contenders are all who take part. With again, data that has been seen before
// is new to them, as the measuring of speed needs it.
func contenders(ctx context.Context, w *written, dir string, again bool) ([]*contender, error) {
	ours, err := newOurs(ctx, dir, again)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", oursName, err)
	}
	all := []*contender{ours}
	for _, name := range []string{redactionName, redactionMore} {
		c, err := newRedaction(ctx, name, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, c)
	}
	transform, err := newTransform(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", transformName, err)
	}
	leaks, err := newGitleaks()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", gitleaksName, err)
	}
	return append(all, transform, leaks), nil
}

// newOurs is the processor with its default configuration.
func newOurs(ctx context.Context, dir string, again bool) (*contender, error) {
	f := secretmaskprocessor.NewFactory()
	cfg, ok := f.CreateDefaultConfig().(*secretmaskprocessor.Config)
	if !ok {
		return nil, errors.New("unexpected configuration")
	}
	cfg.DataDir = dir
	cfg.Fingerprint.Key = "the key of the benchmarks" // the same masks in every run
	if again {
		cfg.Memory.CleanBytes = 0
	}
	return onData(ctx, oursName, f, cfg)
}

// newRedaction has the expressions as blocked values. With more it also masks
// what is no string, and whatever stands under the name of a credential. It
// says nothing about that in the telemetry.
func newRedaction(ctx context.Context, name string, w *written) (*contender, error) {
	f := redactionprocessor.NewFactory()
	cfg, ok := f.CreateDefaultConfig().(*redactionprocessor.Config)
	if !ok {
		return nil, errors.New("unexpected configuration")
	}
	cfg.AllowAllKeys, cfg.Summary = true, "silent"
	if name == redactionMore {
		cfg.RedactAllTypes, cfg.BlockedKeyPatterns = true, w.keys
	}
	for _, e := range w.all {
		cfg.BlockedValues = append(cfg.BlockedValues, e.whole)
	}
	return onData(ctx, name, f, cfg)
}

// What transform is told to look at: maps, whose values it replaces, and texts.
var (
	traceMaps  = []string{"resource.attributes", "scope.attributes", "span.attributes", "spanevent.attributes"}
	traceTexts = []string{"span.name", "span.status.message", "spanevent.name"}
	logMaps    = []string{"resource.attributes", "scope.attributes", "log.attributes"}
	metricMaps = []string{"resource.attributes", "scope.attributes", "datapoint.attributes"}
)

// newTransform has a statement for each expression and each of those, in a
// group for each path: what is in one group runs in one context.
func newTransform(ctx context.Context, w *written) (*contender, error) {
	f := transformprocessor.NewFactory()
	cfg := f.CreateDefaultConfig()
	body := append(w.statements(`replace_pattern(log.body, %q, %q) where IsString(log.body)`),
		w.statements(`replace_all_patterns(log.body, "value", %q, %q) where IsMap(log.body)`)...)
	conf := confmap.NewFromStringMap(map[string]any{
		"error_mode":        "ignore",
		"trace_statements":  w.groups(traceMaps, traceTexts),
		"log_statements":    append(w.groups(logMaps, nil), group(body)),
		"metric_statements": w.groups(metricMaps, nil),
	})
	if err := conf.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return onData(ctx, transformName, f, cfg)
}

func (w *written) groups(maps, texts []string) (all []any) {
	for _, m := range maps {
		all = append(all, group(w.statements(`replace_all_patterns(`+m+`, "value", %q, %q)`)))
	}
	for _, t := range texts {
		all = append(all, group(w.statements(`replace_pattern(`+t+`, %q, %q)`)))
	}
	return all
}

func group(statements []any) any { return map[string]any{"statements": statements} }

// statements are one for each expression.
func (w *written) statements(format string) (all []any) {
	for _, e := range w.all {
		all = append(all, fmt.Sprintf(format, e.split, e.replacement))
	}
	return all
}

// onData is a processor in memory, for all three signals.
func onData(ctx context.Context, name string, f processor.Factory, cfg component.Config) (*contender, error) {
	set := processor.Settings{ID: component.NewID(f.Type()), TelemetrySettings: component.TelemetrySettings{
		Logger: zap.NewNop(), MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider(),
	}}
	if v, ok := cfg.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return nil, err
		}
	}
	mutates := consumer.WithCapabilities(consumer.Capabilities{MutatesData: true})
	var td ptrace.Traces
	var ld plog.Logs
	var md pmetric.Metrics
	nextTraces, err := consumer.NewTraces(func(_ context.Context, d ptrace.Traces) error { td = d; return nil }, mutates)
	if err != nil {
		return nil, err
	}
	nextLogs, err := consumer.NewLogs(func(_ context.Context, d plog.Logs) error { ld = d; return nil }, mutates)
	if err != nil {
		return nil, err
	}
	nextMetrics, err := consumer.NewMetrics(func(_ context.Context, d pmetric.Metrics) error { md = d; return nil }, mutates)
	if err != nil {
		return nil, err
	}
	traces, err1 := f.CreateTraces(ctx, set, cfg, nextTraces)
	logs, err2 := f.CreateLogs(ctx, set, cfg, nextLogs)
	metrics, err3 := f.CreateMetrics(ctx, set, cfg, nextMetrics)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if err := errors.Join(traces.Start(ctx, nil), logs.Start(ctx, nil), metrics.Start(ctx, nil)); err != nil {
		return nil, err
	}
	return &contender{
		name: name,
		traces: func(ctx context.Context, in ptrace.Traces) (ptrace.Traces, error) {
			td = ptrace.NewTraces()
			err := traces.ConsumeTraces(ctx, in)
			return td, err
		},
		logs: func(ctx context.Context, in plog.Logs) (plog.Logs, error) {
			ld = plog.NewLogs()
			err := logs.ConsumeLogs(ctx, in)
			return ld, err
		},
		metrics: func(ctx context.Context, in pmetric.Metrics) (pmetric.Metrics, error) {
			md = pmetric.NewMetrics()
			err := metrics.ConsumeMetrics(ctx, in)
			return md, err
		},
	}, nil
}

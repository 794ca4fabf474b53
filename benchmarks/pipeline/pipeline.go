// Package pipeline is what the embedded default makes of traces, in one
// process and without a network before it: secret_mask, verdict, the exporter
// quarantine and release_gate, made by their factories and configured as users
// configure them. What goes out and the audit events end in counters.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/connector/verdictconnector"
	"github.com/tracescrub/tracescrub/exporter/quarantineexporter"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver"
)

// Pipeline is all of it, running.
type Pipeline struct {
	// In is what receivers hand batches to.
	In consumer.Traces
	// Events counts audit events.
	Events atomic.Int64

	url     string // of the admin API
	started []component.Component

	// mu guards arrived.
	mu sync.Mutex
	// arrived are the traces that went out.
	arrived map[pcommon.TraceID]ptrace.Traces
	// stalled, if not nil, keeps what is to be held until it is closed.
	stalled atomic.Pointer[chan struct{}]
}

// Start makes keys in dir and starts everything; store is what users set under `store`.
func Start(ctx context.Context, dir string, store map[string]any) (p *Pipeline, err error) {
	if _, err := keyfiles.In(filepath.Join(dir, "keys")).New(time.Now()); err != nil {
		return nil, fmt.Errorf("making keys: %w", err)
	}
	p = &Pipeline{arrived: map[pcommon.TraceID]ptrace.Traces{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Shutdown(ctx))
			p = nil
		}
	}()
	quarantine, err := p.quarantine(ctx, dir, store)
	if err != nil {
		return p, fmt.Errorf("quarantine: %w", err)
	}
	traces, logs, err := p.verdict(ctx, quarantine)
	if err != nil {
		return p, fmt.Errorf("verdict: %w", err)
	}
	events, err := p.mask(ctx, dir, traces, logs)
	if err != nil {
		return p, fmt.Errorf("secret_mask: %w", err)
	}
	if err := p.gate(ctx, dir, store, events); err != nil {
		return p, fmt.Errorf("release_gate: %w", err)
	}
	return p, nil
}

// Shutdown ends everything, what comes first first.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	var errs []error
	for i := len(p.started) - 1; i >= 0; i-- {
		errs = append(errs, p.started[i].Shutdown(ctx))
	}
	p.started = nil
	return errors.Join(errs...)
}

type host struct{}

func (host) GetExtensions() map[component.ID]component.Component { return nil }

func (p *Pipeline) start(ctx context.Context, c component.Component) error {
	p.started = append(p.started, c)
	return c.Start(ctx, host{})
}

func telemetry() component.TelemetrySettings {
	return component.TelemetrySettings{
		Logger: zap.NewNop(), MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider(),
		Resource: pcommon.NewResource(),
	}
}

// configure is what the Collector does with a section of a file.
func configure(cfg component.Config, keys map[string]any) (component.Config, error) {
	if err := confmap.NewFromStringMap(keys).Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func (p *Pipeline) quarantine(ctx context.Context, dir string, store map[string]any) (consumer.Traces, error) {
	f := quarantineexporter.NewFactory()
	cfg, err := configure(f.CreateDefaultConfig(), map[string]any{
		"store": store, "seal": map[string]any{"public_keys": filepath.Join(dir, "keys", "public")}, "timeout": "1m",
	})
	if err != nil {
		return nil, err
	}
	e, err := f.CreateTraces(ctx, exporter.Settings{ID: component.NewID(f.Type()), TelemetrySettings: telemetry()}, cfg)
	if err != nil {
		return nil, err
	}
	held, err := consumer.NewTraces(func(ctx context.Context, td ptrace.Traces) error {
		if wait := p.stalled.Load(); wait != nil {
			<-*wait
		}
		return e.ConsumeTraces(ctx, td)
	})
	return held, errors.Join(err, p.start(ctx, e))
}

var (
	tracesClean = pipeline.NewIDWithName(pipeline.SignalTraces, "clean")
	tracesHeld  = pipeline.NewIDWithName(pipeline.SignalTraces, "held")
	logsClean   = pipeline.NewIDWithName(pipeline.SignalLogs, "clean")
	logsAudit   = pipeline.NewIDWithName(pipeline.SignalLogs, "audit")
)

func (p *Pipeline) verdict(ctx context.Context, quarantine consumer.Traces) (connector.Traces, connector.Logs, error) {
	f := verdictconnector.NewFactory()
	cfg, err := configure(f.CreateDefaultConfig(), map[string]any{
		"clean": []any{tracesClean.String(), logsClean.String()}, "quarantine": []any{tracesHeld.String()},
		"audit": []any{logsAudit.String()}, "annotate": "none",
	})
	if err != nil {
		return nil, nil, err
	}
	out, err := consumer.NewTraces(p.arrive)
	if err != nil {
		return nil, nil, err
	}
	audit, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error {
		p.Events.Add(int64(ld.LogRecordCount()))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	set := connector.Settings{ID: component.NewID(f.Type()), TelemetrySettings: telemetry()}
	toTraces := connector.NewTracesRouter(map[pipeline.ID]consumer.Traces{tracesClean: out, tracesHeld: quarantine})
	toLogs := connector.NewLogsRouter(map[pipeline.ID]consumer.Logs{logsClean: audit, logsAudit: audit})
	traces, err := f.CreateTracesToTraces(ctx, set, cfg, toTraces)
	if err != nil {
		return nil, nil, err
	}
	events, err := f.CreateTracesToLogs(ctx, set, cfg, toLogs)
	if err != nil {
		return nil, nil, err
	}
	logs, err := f.CreateLogsToLogs(ctx, set, cfg, toLogs)
	if err != nil {
		return nil, nil, err
	}
	return traces, logs, errors.Join(p.start(ctx, traces), p.start(ctx, events), p.start(ctx, logs))
}

func (p *Pipeline) mask(ctx context.Context, dir string, traces consumer.Traces, logs consumer.Logs) (consumer.Logs, error) {
	f := secretmaskprocessor.NewFactory()
	cfg, err := configure(f.CreateDefaultConfig(), map[string]any{
		"data_dir": dir, "seal": map[string]any{"public_keys": filepath.Join(dir, "keys", "public")},
	})
	if err != nil {
		return nil, err
	}
	set := processor.Settings{ID: component.NewID(f.Type()), TelemetrySettings: telemetry()}
	in, err := f.CreateTraces(ctx, set, cfg, traces)
	if err != nil {
		return nil, err
	}
	events, err := f.CreateLogs(ctx, set, cfg, logs)
	if err != nil {
		return nil, err
	}
	p.In = in
	return events, errors.Join(p.start(ctx, in), p.start(ctx, events))
}

func (p *Pipeline) gate(ctx context.Context, dir string, store map[string]any, events consumer.Logs) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	p.url = "http://" + address
	f := releasereceiver.NewFactory()
	cfg, err := configure(f.CreateDefaultConfig(), map[string]any{
		"store": store, "keys": map[string]any{"private": filepath.Join(dir, "keys", "private")},
		"fingerprint_key_file": filepath.Join(dir, "fingerprint.key"),
		"quorum":               []any{map[string]any{"severity": "low", "required": 1}},
		"http":                 map[string]any{"endpoint": address},
		"limits":               map[string]any{"requests_per_second": 10_000, "burst": 10_000},
	})
	if err != nil {
		return err
	}
	set := receiver.Settings{ID: component.NewID(f.Type()), TelemetrySettings: telemetry()}
	traces, err := f.CreateTraces(ctx, set, cfg, p.In)
	if err != nil {
		return err
	}
	logs, err := f.CreateLogs(ctx, set, cfg, events)
	if err != nil {
		return err
	}
	return errors.Join(p.start(ctx, traces), p.start(ctx, logs))
}

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// arrive takes what goes out.
func (p *Pipeline) arrive(_ context.Context, td ptrace.Traces) error {
	id := first(td).TraceID()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrived[id] = td
	return nil
}

// take returns what has gone out since the last call.
func (p *Pipeline) take() map[pcommon.TraceID]ptrace.Traces {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.arrived
	p.arrived = map[pcommon.TraceID]ptrace.Traces{}
	return all
}

func (p *Pipeline) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.arrived)
}

// Stall makes the quarantine answer nobody until release is called.
func (p *Pipeline) Stall() (release func()) {
	wait := make(chan struct{})
	p.stalled.Store(&wait)
	return func() {
		p.stalled.Store(nil)
		close(wait)
	}
}

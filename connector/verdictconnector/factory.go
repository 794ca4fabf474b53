package verdictconnector

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
)

var componentType = component.MustNewType("verdict")

// NewFactory returns the factory of the connector `verdict`.
func NewFactory() connector.Factory {
	return connector.NewFactory(componentType, createDefaultConfig,
		connector.WithTracesToTraces(createTraces, component.StabilityLevelAlpha),
		connector.WithLogsToLogs(createLogs, component.StabilityLevelAlpha),
		connector.WithMetricsToMetrics(createMetrics, component.StabilityLevelAlpha),
		connector.WithTracesToLogs(createTracesAudit, component.StabilityLevelAlpha),
		connector.WithMetricsToLogs(createMetricsAudit, component.StabilityLevelAlpha),
	)
}

// router is what the Collector gives a connector: the pipelines it feeds.
type router[C any] interface {
	Consumer(...pipeline.ID) (C, error)
}

// route finds the pipelines of one list and signal. found is false if the list
// names none.
func route[C any](next any, list string, ids []pipeline.ID, signal pipeline.Signal) (to C, found bool, err error) {
	own := of(ids, signal)
	if len(own) == 0 {
		return to, false, nil
	}
	r, ok := next.(router[C])
	if !ok {
		return to, false, fmt.Errorf("%s: the Collector gave no pipelines to choose from", list)
	}
	if to, err = r.Consumer(own...); err != nil {
		return to, false, fmt.Errorf("%s: a pipeline does not exist or does not have this connector as its receiver: %w", list, err)
	}
	return to, true, nil
}

// newWay makes the way of one signal; C is the Collector's interface for it.
func newWay[C, B, R, S, U any](set connector.Settings, cfg *Config, sh *shape.Shape[B, R, S, U], signal pipeline.Signal, next any,
	consume func(C) func(context.Context, B) error,
) (*way[B, R, S, U], *lifecycle, error) {
	clean, found, err := route[C](next, "clean", cfg.Clean, signal)
	if err == nil && !found {
		err = fmt.Errorf("clean: names no pipeline for %s, but the connector gets %s", signal, signal)
	}
	quarantine, holds, quarantineErr := route[C](next, "quarantine", cfg.Quarantine, signal)
	if err = errors.Join(err, quarantineErr); err != nil {
		return nil, nil, err
	}
	s, err := acquire(set, cfg)
	if err != nil {
		return nil, nil, err
	}
	w := &way[B, R, S, U]{shared: s, sh: sh, signal: signal, clean: consume(clean)}
	if holds {
		w.quarantine = consume(quarantine)
	}
	return w, &lifecycle{shared: s, signal: signal}, nil
}

type traces struct {
	*lifecycle
	way *way[ptrace.Traces, ptrace.ResourceSpans, ptrace.ScopeSpans, ptrace.Span]
}

func (t *traces) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	return t.way.consume(ctx, td)
}

func createTraces(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces) (connector.Traces, error) {
	w, l, err := newWay(set, cfg.(*Config), shape.Traces, pipeline.SignalTraces, next,
		func(c consumer.Traces) func(context.Context, ptrace.Traces) error { return c.ConsumeTraces })
	if err != nil {
		return nil, err
	}
	return &traces{lifecycle: l, way: w}, nil
}

type metrics struct {
	*lifecycle
	way *way[pmetric.Metrics, pmetric.ResourceMetrics, pmetric.ScopeMetrics, pmetric.Metric]
}

func (m *metrics) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	return m.way.consume(ctx, md)
}

func createMetrics(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Metrics, error) {
	w, l, err := newWay(set, cfg.(*Config), shape.Metrics, pipeline.SignalMetrics, next,
		func(c consumer.Metrics) func(context.Context, pmetric.Metrics) error { return c.ConsumeMetrics })
	if err != nil {
		return nil, err
	}
	return &metrics{lifecycle: l, way: w}, nil
}

type logs struct {
	*lifecycle
	way *way[plog.Logs, plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord]
}

// ConsumeLogs sends release_gate's events to the audit pipelines only.
func (l *logs) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if release.IsEvent(ctx) {
		return l.way.tell(ctx, ld)
	}
	return l.way.consume(ctx, ld)
}

func createLogs(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Logs, error) {
	w, l, err := newWay(set, cfg.(*Config), shape.Logs, pipeline.SignalLogs, next,
		func(c consumer.Logs) func(context.Context, plog.Logs) error { return c.ConsumeLogs })
	if err != nil {
		return nil, err
	}
	if err := w.findAudit(next, pipeline.SignalLogs); err != nil {
		return nil, errors.Join(err, w.release())
	}
	l.tells = true
	return &logs{lifecycle: l, way: w}, nil
}

// findAudit keeps the way to the audit pipelines for the batches of a signal.
func (s *shared) findAudit(next consumer.Logs, signal pipeline.Signal) error {
	to, found, err := route[consumer.Logs](next, "audit", s.cfg.Audit, pipeline.SignalLogs)
	if err == nil && found {
		s.setAudit(signal, to)
	}
	return err
}

// auditor is the connector of traces or metrics to logs. It is there for its
// pipelines only: the events about a batch go the way of the batch, before it.
type auditor struct{ *lifecycle }

func (*auditor) ConsumeTraces(context.Context, ptrace.Traces) error    { return nil }
func (*auditor) ConsumeMetrics(context.Context, pmetric.Metrics) error { return nil }

func newAuditor(set connector.Settings, cfg component.Config, next consumer.Logs, signal pipeline.Signal) (*auditor, error) {
	s, err := acquire(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	if err := s.findAudit(next, signal); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return &auditor{&lifecycle{shared: s, signal: signal, tells: true}}, nil
}

func createTracesAudit(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Traces, error) {
	return newAuditor(set, cfg, next, pipeline.SignalTraces)
}

func createMetricsAudit(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Metrics, error) {
	return newAuditor(set, cfg, next, pipeline.SignalMetrics)
}

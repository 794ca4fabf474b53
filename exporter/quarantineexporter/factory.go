package quarantineexporter

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/shape"
)

var componentType = component.MustNewType("quarantine")

// NewFactory returns the factory of the exporter `quarantine`.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(componentType, createDefaultConfig,
		exporter.WithTraces(createTraces, component.StabilityLevelAlpha),
		exporter.WithLogs(createLogs, component.StabilityLevelAlpha),
		exporter.WithMetrics(createMetrics, component.StabilityLevelAlpha),
	)
}

type traces struct{ *user }

func (e *traces) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	return e.hold(ctx, "traces", func() ([]item.Item, error) { return item.Of(shape.Traces, td) })
}

func createTraces(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	u, err := newUser(set, cfg)
	return &traces{u}, err
}

type logs struct{ *user }

func (e *logs) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	return e.hold(ctx, "logs", func() ([]item.Item, error) { return item.Of(shape.Logs, ld) })
}

func createLogs(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	u, err := newUser(set, cfg)
	return &logs{u}, err
}

type metrics struct{ *user }

func (e *metrics) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	return e.hold(ctx, "metrics", func() ([]item.Item, error) { return item.Of(shape.Metrics, md) })
}

func createMetrics(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	u, err := newUser(set, cfg)
	return &metrics{u}, err
}

// user is one signal's use of the instance.
type user struct {
	*shared
	once sync.Once // of the release
}

func newUser(set exporter.Settings, cfg component.Config) (*user, error) {
	s, err := acquire(set, cfg.(*Config))
	return &user{shared: s}, err
}

// Start opens the store and reads the keys, unless another signal's has.
func (u *user) Start(ctx context.Context, _ component.Host) error { return u.start(ctx) }

// Shutdown may come without Start, and more than once.
func (u *user) Shutdown(context.Context) (err error) {
	u.once.Do(func() { err = u.release() })
	return err
}

// Capabilities: items are made of copies.
func (*user) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

package verdictconnector

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/seldom"
)

const scopeName = "github.com/tracescrub/tracescrub/connector/verdictconnector"

// telemetry are the connector's own metrics and log lines. Their attributes
// come from bounded sets, never from data. It is safe for concurrent use.
type telemetry struct {
	items   metric.Int64Counter
	refused metric.Int64Counter
	events  metric.Int64Counter
	records metric.Int64Counter
	seconds metric.Float64Histogram

	registration metric.Registration
	log          *seldom.Log
}

func newTelemetry(set component.TelemetrySettings, held func() int64) (*telemetry, error) {
	meter := set.MeterProvider.Meter(scopeName)
	t := &telemetry{log: seldom.New(set.Logger, time.Now)}
	var errs [7]error
	t.items, errs[0] = meter.Int64Counter("otelcol_connector_verdict_items", metric.WithUnit("{items}"),
		metric.WithDescription("Spans, log records and metrics that went on, by outcome."))
	t.refused, errs[1] = meter.Int64Counter("otelcol_connector_verdict_batches_refused", metric.WithUnit("{batches}"),
		metric.WithDescription("Batches that went back to their sender, who can try again, by reason."))
	t.events, errs[2] = meter.Int64Counter("otelcol_connector_verdict_events", metric.WithUnit("{events}"),
		metric.WithDescription("Audit events that the audit pipelines took."))
	t.records, errs[6] = meter.Int64Counter("otelcol_connector_verdict_records", metric.WithUnit("{records}"),
		metric.WithDescription("Parts of batches that events were to carry as masked telemetry, by outcome."))
	t.seconds, errs[3] = meter.Float64Histogram("otelcol_connector_verdict_step_duration", metric.WithUnit("s"),
		metric.WithDescription("Time until the pipelines of a step took a batch, or refused it."),
		metric.WithExplicitBucketBoundaries(.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10, 30))
	gauge, err := meter.Int64ObservableGauge("otelcol_connector_verdict_held_traces", metric.WithUnit("{traces}"),
		metric.WithDescription("Traces that are remembered as held."))
	errs[4] = err
	if err == nil {
		t.registration, errs[5] = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			o.ObserveInt64(gauge, held())
			return nil
		}, gauge)
	}
	return t, errors.Join(errs[:]...)
}

// close ends the observation of the gauge.
func (t *telemetry) close() error { return t.registration.Unregister() }

func (t *telemetry) passed(ctx context.Context, signal, outcome string, n int) {
	if n > 0 {
		t.items.Add(ctx, int64(n), metric.WithAttributes(attribute.String("signal", signal), attribute.String("outcome", outcome)))
	}
}

func (t *telemetry) refuse(ctx context.Context, signal, reason string) {
	t.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("signal", signal), attribute.String("reason", reason)))
	t.log.Warn("refused a batch, its sender can try again", 1, zap.String("reason", reason), zap.String("signal", signal))
}

// recorded counts what became of the parts of a batch. r may be nil.
func (t *telemetry) recorded(ctx context.Context, r *item.Records) {
	if r == nil {
		return
	}
	for _, c := range []struct {
		outcome string
		n       int
	}{{"told", r.Made}, {"clear", r.Clear}, {"too_large", r.Large}} {
		if c.n > 0 {
			t.records.Add(ctx, int64(c.n), metric.WithAttributes(attribute.String("outcome", c.outcome)))
		}
	}
}

// step measures what came of a step.
func (t *telemetry) step(ctx context.Context, name string, took time.Duration) {
	t.seconds.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("step", name)))
}

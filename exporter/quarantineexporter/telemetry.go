package quarantineexporter

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

const scopeName = "github.com/tracescrub/tracescrub/exporter/quarantineexporter"

// The reasons of failures.
const (
	reasonEncode  = "encode"
	reasonSeal    = "seal"
	reasonFull    = "full"
	reasonTimeout = "timeout"
	reasonBusy    = "busy"
	reasonStore   = "store"
)

// telemetry are the exporter's own metrics. Their attributes come from bounded
// sets, never from data. It is safe for concurrent use.
type telemetry struct {
	items    metric.Int64Counter
	bytes    metric.Int64Counter
	failures metric.Int64Counter
	seconds  metric.Float64Histogram
	reloads  metric.Int64Counter

	registration metric.Registration
	failing      atomic.Bool // the last batch was not stored
}

// sizer is a store that knows how large it is.
type sizer interface{ Size() (used, limit int64) }

func newTelemetry(set component.TelemetrySettings, store holdstore.Store) (*telemetry, error) {
	meter := set.MeterProvider.Meter(scopeName)
	t := &telemetry{}
	var errs [8]error
	t.items, errs[0] = meter.Int64Counter("otelcol_exporter_quarantine_items", metric.WithUnit("{items}"),
		metric.WithDescription("Items that were stored, or had been before, by signal and severity."))
	t.bytes, errs[1] = meter.Int64Counter("otelcol_exporter_quarantine_bytes", metric.WithUnit("By"),
		metric.WithDescription("Sealed bytes of those items."))
	t.failures, errs[2] = meter.Int64Counter("otelcol_exporter_quarantine_failures", metric.WithUnit("{items}"),
		metric.WithDescription("Items that were not stored, their sender can try again, by reason."))
	t.seconds, errs[3] = meter.Float64Histogram("otelcol_exporter_quarantine_put_duration", metric.WithUnit("s"),
		metric.WithDescription("Time until the store took an item, or refused it."),
		metric.WithExplicitBucketBoundaries(.0005, .001, .005, .01, .05, .1, .5, 1, 5, 10, 30))
	t.reloads, errs[4] = meter.Int64Counter("otelcol_exporter_quarantine_key_reloads", metric.WithUnit("{reloads}"),
		metric.WithDescription("Changes of the key that items are sealed for, and failures to read the keys, by result."))
	used, err := meter.Int64ObservableGauge("otelcol_exporter_quarantine_store_size", metric.WithUnit("By"),
		metric.WithDescription("Bytes that the store takes on this machine."))
	errs[5] = err
	limit, err := meter.Int64ObservableGauge("otelcol_exporter_quarantine_store_limit", metric.WithUnit("By"),
		metric.WithDescription("Bytes that the store may take on this machine."))
	errs[6] = err
	if s, ok := store.(sizer); ok && errors.Join(errs[:]...) == nil {
		t.registration, errs[7] = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			u, l := s.Size()
			o.ObserveInt64(used, u)
			o.ObserveInt64(limit, l)
			return nil
		}, used, limit)
	}
	return t, errors.Join(errs[:]...)
}

// close ends the observation of the gauges.
func (t *telemetry) close() error {
	if t.registration == nil {
		return nil
	}
	return t.registration.Unregister()
}

// put measures what came of storing an item.
func (t *telemetry) put(ctx context.Context, signal string, it *holdstore.Item, took time.Duration, err error) {
	t.seconds.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("signal", signal)))
	if err != nil {
		t.failed(ctx, signal, reasonOf(err), 1)
		return
	}
	n := 0
	for _, part := range [][][]byte{it.View, it.Restore} {
		for _, c := range part {
			n += len(c)
		}
	}
	t.items.Add(ctx, 1, metric.WithAttributes(attribute.String("signal", signal), attribute.String("severity", it.Severity)))
	t.bytes.Add(ctx, int64(n), metric.WithAttributes(attribute.String("signal", signal)))
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, holdstore.ErrFull):
		return reasonFull
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return reasonTimeout
	}
	return reasonStore
}

func (t *telemetry) failed(ctx context.Context, signal, reason string, n int64) {
	t.failures.Add(ctx, n, metric.WithAttributes(attribute.String("signal", signal), attribute.String("reason", reason)))
}

func (t *telemetry) reloaded(ctx context.Context, err error) {
	result := "success"
	if err != nil {
		result = "failure"
	}
	t.reloads.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

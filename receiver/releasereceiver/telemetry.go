package releasereceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

const scopeName = "github.com/tracescrub/tracescrub/receiver/releasereceiver"

// telemetry are the receiver's own metrics. Their attributes come from bounded
// sets, never from data. It is safe for concurrent use, and a keeper.Observer.
type telemetry struct {
	meter    metric.Meter
	votes    metric.Int64Counter
	views    metric.Int64Counter
	releases metric.Int64Counter
	seconds  metric.Float64Histogram
	ended    metric.Int64Counter
	ignored  metric.Int64Counter
	audit    metric.Int64Counter
	told     metric.Int64Counter

	items   metric.Int64ObservableGauge
	bytes   metric.Int64ObservableGauge
	oldest  metric.Float64ObservableGauge
	failing metric.Int64ObservableGauge
	ready   metric.Int64ObservableGauge
	watcher metric.Registration
}

func newTelemetry(set component.TelemetrySettings) (*telemetry, error) {
	t := &telemetry{meter: set.MeterProvider.Meter(scopeName)}
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := t.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	gauge := func(name, unit, description string) metric.Int64ObservableGauge {
		g, err := t.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return g
	}
	t.votes = counter("otelcol_receiver_release_gate_votes", "{votes}", "Votes, by decision and result.")
	t.views = counter("otelcol_receiver_release_gate_views", "{views}", "Previews that were answered.")
	t.releases = counter("otelcol_receiver_release_gate_releases", "{attempts}", "Attempts to release an approved item, by mode and result.")
	t.ended = counter("otelcol_receiver_release_gate_ended", "{items}", "Items that this gate expired or shredded, by which.")
	t.ignored = counter("otelcol_receiver_release_gate_ignored_records", "{records}", "Entries of the log of decisions that no gate with our key wrote.")
	t.audit = counter("otelcol_receiver_release_gate_audit_failures", "{attempts}", "Things that were not done, or not yet, because they could not be recorded.")
	t.told = counter("otelcol_receiver_release_gate_notifications", "{events}", "Events for the webhook, by result.")
	t.items = gauge("otelcol_receiver_release_gate_items", "{items}", "Items, by state.")
	t.bytes = gauge("otelcol_receiver_release_gate_pending_bytes", "By", "Bytes of masked telemetry that waits for a decision.")
	t.failing = gauge("otelcol_receiver_release_gate_release_failing", "{items}", "Approved items whose last attempt failed.")
	t.ready = gauge("otelcol_receiver_release_gate_ready", "1", "1 if the index of held items is complete, else 0.")
	var err error
	t.oldest, err = t.meter.Float64ObservableGauge("otelcol_receiver_release_gate_oldest_pending", metric.WithUnit("s"),
		metric.WithDescription("Age of the item that has waited longest for a decision."))
	errs = append(errs, err)
	t.seconds, err = t.meter.Float64Histogram("otelcol_receiver_release_gate_release_duration", metric.WithUnit("s"),
		metric.WithDescription("Time of one attempt to release an item."),
		metric.WithExplicitBucketBoundaries(.005, .01, .05, .1, .5, 1, 5, 10, 30, 60))
	return t, errors.Join(append(errs, err)...)
}

// watch has the gauges show the state of g until end.
func (t *telemetry) watch(g gate.Gate) (err error) {
	t.watcher, err = t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s, err := g.Stats()
		if err != nil {
			o.ObserveInt64(t.ready, 0)
			return nil //nolint:nilerr // not ready is what is observed
		}
		o.ObserveInt64(t.ready, 1)
		for state, n := range s.States {
			o.ObserveInt64(t.items, int64(n), metric.WithAttributes(attribute.String("state", string(state))))
		}
		o.ObserveInt64(t.bytes, s.PendingBytes)
		o.ObserveInt64(t.failing, int64(s.ReleaseFailing))
		age := 0.0
		if s.OldestPending != nil {
			age = max(time.Since(*s.OldestPending).Seconds(), 0)
		}
		o.ObserveFloat64(t.oldest, age)
		return nil
	}, t.ready, t.items, t.bytes, t.failing, t.oldest)
	return err
}

func (t *telemetry) end() error {
	if t.watcher == nil {
		return nil
	}
	return t.watcher.Unregister()
}

func add(c metric.Int64Counter, n int, pairs ...string) {
	attrs := make([]attribute.KeyValue, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		attrs = append(attrs, attribute.String(pairs[i], pairs[i+1]))
	}
	c.Add(context.Background(), int64(n), metric.WithAttributes(attrs...))
}

// Voted implements keeper.Observer.
func (t *telemetry) Voted(decision, result string) {
	add(t.votes, 1, "decision", decision, "result", result)
}

// Released implements keeper.Observer.
func (t *telemetry) Released(mode, result string, took time.Duration) {
	add(t.releases, 1, "mode", mode, "result", result)
	t.seconds.Record(context.Background(), took.Seconds())
}

// Ended implements keeper.Observer.
func (t *telemetry) Ended(how string) { add(t.ended, 1, "how", how) }

// Viewed implements keeper.Observer.
func (t *telemetry) Viewed() { add(t.views, 1) }

// Ignored implements keeper.Observer.
func (t *telemetry) Ignored() { add(t.ignored, 1) }

// AuditFailed implements keeper.Observer.
func (t *telemetry) AuditFailed() { add(t.audit, 1) }

func (t *telemetry) notified(result string, n int) { add(t.told, n, "result", result) }

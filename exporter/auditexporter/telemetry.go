package auditexporter

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/event"
)

const scopeName = "github.com/tracescrub/tracescrub/exporter/auditexporter"

// The reasons of failures. The first ones are troubles of the log as well.
const (
	reasonFull     = "full"
	reasonReadOnly = "read_only"
	reasonCorrupt  = "corrupt"
	reasonFailed   = "failed"
	reasonRecord   = "record"

	reasonTimeout = "timeout"
	reasonBuffer  = "buffer_full"
	reasonBusy    = "busy"
	reasonInvalid = "invalid"
	reasonClosed  = "closed"
)

// kinds are those of events that the metric names.
var kinds = map[string]bool{
	event.Masked: true, event.Passed: true, event.Held: true, event.Dropped: true, event.Viewed: true, event.Voted: true, event.Approved: true,
	event.Denied: true, event.Expired: true, event.Released: true, event.Shredded: true, event.PolicyChanged: true,
	event.KeyRotated: true, event.KeyDestroyed: true, event.Started: true, event.Stopped: true,
	event.Releasing: true, event.PolicyLoaded: true, event.KeyCreated: true,
}

// telemetry are the exporter's own metrics. Their attributes come from bounded
// sets, never from data. It is safe for concurrent use.
type telemetry struct {
	meter metric.Meter

	events      metric.Int64Counter
	failures    metric.Int64Counter
	foreign     metric.Int64Counter
	lost        metric.Int64Counter
	recordCount metric.Int64Counter
	recordBytes metric.Int64Counter
	pruned      metric.Int64Counter
	checkpoints metric.Int64Counter
	seconds     metric.Float64Histogram
	problems    metric.Int64Gauge

	registration metric.Registration
}

func newTelemetry(set component.TelemetrySettings) (*telemetry, error) {
	t := &telemetry{meter: set.MeterProvider.Meter(scopeName)}
	var errs []error
	counter := func(c *metric.Int64Counter, name, unit, description string) {
		var err error
		*c, err = t.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
	}
	counter(&t.events, "otelcol_exporter_audit_log_events", "{events}", "Events that have an entry, or had one before, by kind.")
	counter(&t.failures, "otelcol_exporter_audit_log_failures", "{events}", "Events that were not taken, by reason.")
	counter(&t.foreign, "otelcol_exporter_audit_log_foreign", "{records}", "Log records that are no events and were left out.")
	counter(&t.lost, "otelcol_exporter_audit_log_lost", "{events}", "Events that waited in the buffer and will never have an entry.")
	counter(&t.recordCount, "otelcol_exporter_audit_log_records", "{records}", "Records of masked telemetry that are kept, those of a second try included.")
	counter(&t.recordBytes, "otelcol_exporter_audit_log_record_bytes", "By", "Bytes of those records, uncompressed.")
	counter(&t.pruned, "otelcol_exporter_audit_log_pruned", "{files}", "Files that retention removed, by what they were.")
	counter(&t.checkpoints, "otelcol_exporter_audit_log_published", "{checkpoints}", "Attempts to copy a checkpoint elsewhere, by sink and result.")
	var err error
	t.seconds, err = t.meter.Float64Histogram("otelcol_exporter_audit_log_append_duration", metric.WithUnit("s"),
		metric.WithDescription("Time until the entries of a batch were durable, or could not be written."),
		metric.WithExplicitBucketBoundaries(.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10))
	errs = append(errs, err)
	t.problems, err = t.meter.Int64Gauge("otelcol_exporter_audit_log_problems", metric.WithUnit("{problems}"),
		metric.WithDescription("Problems that the last check of the whole log found."))
	return t, errors.Join(append(errs, err)...)
}

// watch observes the log until close.
func (t *telemetry) watch(w *working) error {
	var errs []error
	var all []metric.Observable
	gauge := func(name, unit, description string) metric.Int64ObservableGauge {
		g, err := t.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs, all = append(errs, err), append(all, g)
		return g
	}
	trouble := gauge("otelcol_exporter_audit_log_trouble", "1", "1 for the trouble that the log is in, 0 for all others.")
	size := gauge("otelcol_exporter_audit_log_size", "{entries}", "Entries of the log, pruned ones included.")
	signed := gauge("otelcol_exporter_audit_log_signed", "{entries}", "Entries that the last checkpoint covers.")
	gaps := gauge("otelcol_exporter_audit_log_gaps", "{gaps}", "Interruptions that the log has told since the start.")
	buffered := gauge("otelcol_exporter_audit_log_buffered", "{events}", "Events that wait in memory for their entry.")
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var err error
	t.registration, err = t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := w.writer.State()
		o.ObserveInt64(size, s.Size)
		o.ObserveInt64(signed, s.Signed)
		o.ObserveInt64(gaps, s.Gaps)
		o.ObserveInt64(buffered, int64(w.buffer.len()))
		now, _ := w.state()
		for _, name := range troubles {
			n := int64(0)
			if name == now {
				n = 1
			}
			o.ObserveInt64(trouble, n, metric.WithAttributes(attribute.String("trouble", name)))
		}
		return nil
	}, all...)
	return err
}

// close ends the observation of the gauges.
func (t *telemetry) close() error {
	if t.registration == nil {
		return nil
	}
	return t.registration.Unregister()
}

func (t *telemetry) written(ctx context.Context, events []auditlog.Event) {
	count := map[string]int64{}
	for i := range events {
		kind := events[i].Kind
		if !kinds[kind] {
			kind = "other"
		}
		count[kind]++
	}
	for kind, n := range count {
		t.events.Add(ctx, n, metric.WithAttributes(attribute.String("kind", kind)))
	}
}

func (t *telemetry) failed(ctx context.Context, reason string, n int) {
	t.failures.Add(ctx, int64(n), metric.WithAttributes(attribute.String("reason", reason)))
}

func (t *telemetry) kept(ctx context.Context, bodies [][]byte) {
	n := 0
	for _, b := range bodies {
		n += len(b)
	}
	t.recordCount.Add(ctx, int64(len(bodies)))
	t.recordBytes.Add(ctx, int64(n))
}

func (t *telemetry) prune(ctx context.Context, what string, n int) {
	t.pruned.Add(ctx, int64(n), metric.WithAttributes(attribute.String("what", what)))
}

// published is told of each attempt to copy a checkpoint.
func (t *telemetry) published(ctx context.Context, sink string, _ int64, err error) {
	result := "success"
	if err != nil {
		result = "failure"
	}
	t.checkpoints.Add(ctx, 1, metric.WithAttributes(attribute.String("sink", sink), attribute.String("result", result)))
}

func reasonOf(err error) string {
	if r := (*recordError)(nil); errors.As(err, &r) {
		return reasonRecord
	}
	for _, c := range []struct {
		is     error
		reason string
	}{
		{errBufferFull, reasonBuffer},
		{context.DeadlineExceeded, reasonTimeout},
		{context.Canceled, reasonTimeout},
		{auditlog.Full, reasonFull},
		{auditlog.ReadOnly, reasonReadOnly},
		{auditlog.Corrupt, reasonCorrupt},
		{auditlog.Invalid, reasonInvalid},
		{auditlog.Closed, reasonClosed},
	} {
		if errors.Is(err, c.is) {
			return c.reason
		}
	}
	return reasonFailed
}

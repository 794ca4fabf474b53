package secretmaskprocessor

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/seldom"
	"github.com/tracescrub/tracescrub/internal/walk"
)

const scopeName = "github.com/tracescrub/tracescrub/processor/secretmaskprocessor"

// telemetry are the processor's own metrics and log lines. Their attributes
// come from bounded sets (rules, severities, kinds of field, reasons), never
// from data. It is safe for concurrent use.
type telemetry struct {
	items    metric.Int64Counter
	bytes    metric.Int64Counter
	findings metric.Int64Counter
	withheld metric.Int64Counter
	forged   metric.Int64Counter
	dropped  metric.Int64Counter
	refused  metric.Int64Counter
	seconds  metric.Float64Histogram
	reloads  metric.Int64Counter
	rules    metric.Int64Gauge
	known    metric.Int64Gauge
	refresh  metric.Int64Counter
	held     metric.Int64Counter
	released metric.Int64Counter
	rekeys   metric.Int64Counter

	log *seldom.Log
}

func newTelemetry(set component.TelemetrySettings) (*telemetry, error) {
	meter := set.MeterProvider.Meter(scopeName)
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	t := &telemetry{log: seldom.New(set.Logger, time.Now)}
	t.items = counter("otelcol_processor_secret_mask_items_scanned", "{items}",
		"Spans, log records, data points and profiles that were scanned.")
	t.bytes = counter("otelcol_processor_secret_mask_bytes_scanned", "By",
		"Bytes of text that were scanned.")
	t.findings = counter("otelcol_processor_secret_mask_findings", "{findings}",
		"Secrets that were found, by rule, severity, kind of field, action and evidence.")
	t.withheld = counter("otelcol_processor_secret_mask_withheld", "{texts}",
		"Texts, or parts of texts, that could not be scanned and were replaced, by reason.")
	t.forged = counter("otelcol_processor_secret_mask_forged_stamps", "{attributes}",
		"Attributes with the prefix tracescrub. that were removed from incoming data.")
	t.dropped = counter("otelcol_processor_secret_mask_items_dropped", "{items}",
		"Items that the policy dropped.")
	t.refused = counter("otelcol_processor_secret_mask_batches_refused", "{batches}",
		"Batches that went back to their sender because they could not be scanned, by reason.")
	t.reloads = counter("otelcol_processor_secret_mask_reloads", "{reloads}",
		"Reloads of changed rule packs, by result.")
	t.refresh = counter("otelcol_processor_secret_mask_known_secret_refreshes", "{refreshes}",
		"Refreshes of a changed dictionary of known secrets, by result.")
	t.held = counter("otelcol_processor_secret_mask_items_held", "{items}",
		"What was sealed to be held, by signal and level: item, metric, scope, resource.")
	t.released = counter("otelcol_processor_secret_mask_items_released", "{items}",
		"Items of released telemetry that were scanned again.")
	t.rekeys = counter("otelcol_processor_secret_mask_key_reloads", "{reloads}",
		"Changes of the public key that is sealed for, by result.")
	var err error
	t.seconds, err = meter.Float64Histogram("otelcol_processor_secret_mask_scan_duration", metric.WithUnit("s"),
		metric.WithDescription("Time to scan and mask one batch."),
		metric.WithExplicitBucketBoundaries(.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10))
	errs = append(errs, err)
	t.rules, err = meter.Int64Gauge("otelcol_processor_secret_mask_rules", metric.WithUnit("{rules}"),
		metric.WithDescription("Rules in the engine."))
	errs = append(errs, err)
	t.known, err = meter.Int64Gauge("otelcol_processor_secret_mask_known_secrets", metric.WithUnit("{values}"),
		metric.WithDescription("Values in the dictionary of known secrets."))
	errs = append(errs, err)
	return t, errors.Join(errs...)
}

// record adds what one batch came to.
func (t *telemetry) record(ctx context.Context, s *scan, items, dropped int, took time.Duration) {
	signal := metric.WithAttributeSet(s.signal)
	t.items.Add(ctx, int64(items), signal)
	t.bytes.Add(ctx, int64(s.bytes), signal)
	t.seconds.Record(ctx, took.Seconds(), signal)
	for k, n := range s.counts {
		t.findings.Add(ctx, int64(n), metric.WithAttributes(
			attribute.String("rule", k.rule), attribute.String("severity", k.severity),
			attribute.String("field", k.field), attribute.String("action", k.action),
			attribute.String("evidence", k.evidence)))
	}
	for why, n := range s.reasons {
		if n > 0 {
			t.withheld.Add(ctx, int64(n), metric.WithAttributes(attribute.String("reason", reasonName(why))))
			t.log.Warn("withheld texts that could not be scanned", n, zap.String("reason", reasonName(why)))
		}
	}
	if s.forged > 0 {
		t.forged.Add(ctx, int64(s.forged), signal)
		t.log.Warn("removed attributes of incoming data that are reserved for tracescrub", s.forged)
	}
	for level, n := range s.held {
		if n > 0 && s.failed == nil {
			t.held.Add(ctx, int64(n), metric.WithAttributes(
				attribute.String("signal", signalName(s.signal)), attribute.String("level", levels[level])))
		}
	}
	if s.release != nil {
		t.released.Add(ctx, int64(items), signal)
	}
	if dropped > 0 {
		t.dropped.Add(ctx, int64(dropped), signal)
	}
}

var levels = [...]string{walk.Resource: "resource", walk.Scope: "scope", walk.Metric: "metric", walk.Item: "item"}

func signalName(signal attribute.Set) string {
	name, _ := signal.Value("signal")
	return name.AsString()
}

func (t *telemetry) rekeyed(ctx context.Context, err error)   { count(ctx, t.rekeys, err) }
func (t *telemetry) reloaded(ctx context.Context, err error)  { count(ctx, t.reloads, err) }
func (t *telemetry) refreshed(ctx context.Context, err error) { count(ctx, t.refresh, err) }

// count adds one to a counter by result.
func count(ctx context.Context, c metric.Int64Counter, err error) {
	result := "success"
	if err != nil {
		result = "failure"
	}
	c.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

package collector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// SoakTable has what a long run under a low load came to.
const SoakTable = "collector soak"

// sample is what was seen at a time.
type sample struct {
	at             time.Duration
	resident, heap float64 // MB
	requests       int
}

// What a soak is.
const (
	soakShare   = 0.1 // of one core
	soakReloads = 5   // samples between two reloads of the rules
	growMB      = 8   // what the last third may have more than the first one, beside a share
)

// Soak runs the distribution for a long time at a low load, with secrets and
// reloads, and fails if its memory grows. It looks every interval.
func Soak(ctx context.Context, o Options, total, interval time.Duration) ([]figure.Figure, error) {
	return o.soak(ctx, int(total/interval), interval, 0)
}

// soak takes so many samples. Without a rate it loads the Collector fully at
// first, to see what a low load is.
func (o Options) soak(ctx context.Context, count int, interval time.Duration, rate float64) (all []figure.Figure, err error) {
	r, l, c, end, err := o.withPack(ctx, shipped(o.Binaries), time.Second)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	if rate == 0 {
		cpu, sent, err := r.flood(ctx, l, 5*time.Second)
		if err != nil {
			return nil, err
		}
		rate = soakShare / (cpu.Seconds() / float64(sent.requests))
	}
	o.Progress("soak: %.1f requests a second, %d times %s", rate, count, interval)
	var samples []sample
	began := time.Now()
	for i := range count {
		one, err := r.soak(ctx, l, rate, interval)
		if err != nil {
			return nil, err
		}
		one.at = time.Since(began)
		samples = append(samples, one)
		o.Progress("soak: %s: %.1f MB resident, %.1f MB of heap, %d requests", one.at.Round(time.Second), one.resident, one.heap, one.requests)
		if (i+1)%soakReloads == 0 {
			if err := c.change(); err != nil {
				return nil, err
			}
		}
	}
	n, err := r.reloads(ctx)
	if err != nil {
		return nil, err
	}
	o.Progress("soak: %.0f reloads", n)
	return judge(samples)
}

// soak is one interval. The heap is the least that was seen in it, since
// garbage comes and goes.
func (r *rig) soak(ctx context.Context, l *load, rate float64, interval time.Duration) (sample, error) {
	const looks = 12
	var s sample
	for range looks {
		took, err := r.pace(ctx, l, rate, interval/looks)
		if err != nil {
			return s, err
		}
		s.requests += len(took)
		heap, err := r.metric(ctx, "otelcol_process_runtime_heap_alloc_bytes", "")
		if err != nil {
			return s, err
		}
		if heap == 0 {
			return s, errors.New("the Collector does not tell its heap")
		}
		if heap /= 1e6; s.heap == 0 || heap < s.heap {
			s.heap = heap
		}
	}
	now, _, err := r.resident()
	s.resident = float64(now) / 1e6
	return s, err
}

// judge says what memory came to, and fails if it grew.
func judge(samples []sample) ([]figure.Figure, error) {
	var all []figure.Figure
	var errs []error
	for _, what := range []struct {
		row string
		of  func(sample) float64
	}{
		{"resident", func(s sample) float64 { return s.resident }},
		{"heap", func(s sample) float64 { return s.heap }},
	} {
		values := make([]float64, 0, len(samples))
		for _, s := range samples {
			values = append(values, what.of(s))
		}
		first, last, err := figure.Growth(values, growMB)
		at := func(col, unit string, v float64) figure.Figure {
			return figure.Figure{Table: SoakTable, Row: what.row, Col: col, Unit: unit, Value: v}
		}
		all = append(all, at("last third : first third", "ratio", last/first), at("first third", "MB", first), at("last third", "MB", last))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s memory %w", what.row, err))
		}
	}
	return slices.Clip(all), errors.Join(errs...)
}

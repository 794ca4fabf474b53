package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// Latency measures how long senders wait for a request at half of what the
// Collector can take, with and without secret_mask. What it can take is
// measured right before. Spans with short attributes only are left out: their
// requests take so little that the clock of a busy machine decides.
func Latency(ctx context.Context, o Options) ([]figure.Figure, error) {
	return o.latency(ctx, shapes[1:3])
}

func (o Options) latency(ctx context.Context, shapes []shape) (all []figure.Figure, err error) {
	rigs, err := o.startAll(ctx, without(o.Binaries), with(o.Binaries))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(rigs)) }()
	for _, s := range shapes {
		l, err := newLoad(s, labelMask)
		if err != nil {
			return nil, err
		}
		for round := range o.Rounds {
			for _, r := range rigs {
				took, rate, err := r.atHalf(ctx, l, o.Each, 3*o.Each)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", s.name, err)
				}
				row := s.name + ", " + r.name
				all = append(all, waits(LatencyTable, row, durations(took))...)
				all = append(all, figure.Figure{Table: LatencyTable, Row: row, Col: "capacity", Unit: "requests/s", Value: rate})
				o.Progress("latency, %s, round %d of %d: %.0f requests/s", row, round+1, o.Rounds, rate)
			}
		}
	}
	return all, nil
}

// waits are the usual figures, and what the one is of the other.
func waits(table, row string, took []time.Duration) []figure.Figure {
	fs := figure.Waits(table, row, took)
	return append([]figure.Figure{{Table: table, Row: row, Col: "p99 : p50", Unit: "ratio", Value: fs[1].Value / fs[0].Value}}, fs...)
}

// atHalf floods the Collector to see how many requests it can take in a
// second, then sends half as many, evenly.
func (r *rig) atHalf(ctx context.Context, l *load, flood, pace time.Duration) ([]wait, float64, error) {
	rate, err := r.capacity(ctx, l, flood)
	if err != nil {
		return nil, 0, err
	}
	took, err := r.pace(ctx, l, rate/2, pace)
	return took, rate, err
}

// capacity is how many requests a second the Collector takes from all senders at once.
func (r *rig) capacity(ctx context.Context, l *load, each time.Duration) (float64, error) {
	if _, _, err := r.flood(ctx, l, each/4); err != nil { // warms up
		return 0, err
	}
	began := time.Now()
	_, sent, err := r.flood(ctx, l, each)
	if err != nil {
		return 0, err
	}
	return float64(sent.requests) / time.Since(began).Seconds(), nil
}

// pace sends so many requests a second for a time, and checks what arrives.
func (r *rig) pace(ctx context.Context, l *load, rate float64, each time.Duration) ([]wait, error) {
	n := max(1, int(rate*each.Seconds()))
	return r.paceWhile(ctx, l, rate, func(sent int) bool { return sent < n })
}

func (r *rig) paceWhile(ctx context.Context, l *load, rate float64, more func(sent int) bool) ([]wait, error) {
	waits, sent, err := l.pace(ctx, r.senders, time.Duration(float64(time.Second)/rate), more)
	if err == nil {
		err = r.check(sent)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, errors.Join(err, r.ended()))
	}
	return waits, nil
}

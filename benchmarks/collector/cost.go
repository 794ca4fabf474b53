package collector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// The tables of the figures.
const (
	// CostTable: CPU of the process for each span, by shape of spans.
	CostTable = "collector"
	// LatencyTable: how long a sender waits at half of what the Collector can take.
	LatencyTable = "collector latency"
	// LargeTable: single requests with very much in them.
	LargeTable = "collector large"
	// ReloadTable: waiting while rules are being reloaded.
	ReloadTable = "collector reload"
)

// Options say what is measured and how long.
type Options struct {
	Binaries

	Rounds int
	Each   time.Duration // for how long a case is loaded in a round
	Dir    string        // what the Collectors write is below it
	// Progress is told what was done.
	Progress func(format string, args ...any)
}

// startAll starts a Collector for each setup.
func (o Options) startAll(ctx context.Context, setups ...setup) (rigs []*rig, err error) {
	for _, s := range setups {
		r, err := s.start(ctx, o.Dir)
		if err != nil {
			return nil, errors.Join(err, closeAll(rigs))
		}
		rigs = append(rigs, r)
	}
	return rigs, nil
}

func closeAll(rigs []*rig) error {
	var errs []error
	for _, r := range rigs {
		errs = append(errs, r.close(), os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// Cost measures the CPU time of the process for each span, without a processor,
// with secret_mask, with redaction and two sets of expressions, with secret_mask
// and next to no rules, and of the distribution with secret_mask, in turn. Each round has figures of its own; ratios are of one round.
func Cost(ctx context.Context, o Options) ([]figure.Figure, error) { return o.cost(ctx, shapes) }

func (o Options) cost(ctx context.Context, shapes []shape) (all []figure.Figure, err error) {
	rigs, err := o.startAll(ctx, without(o.Binaries), with(o.Binaries), redacted(o.Binaries), redactedBearer(o.Binaries), withBare(o.Binaries), shipped(o.Binaries))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(rigs)) }()
	for _, s := range shapes {
		l, err := newLoad(s, labelMask, starMask)
		if err != nil {
			return nil, err
		}
		for round := range o.Rounds + 1 { // the first one warms up
			var perSpan []float64
			for _, r := range rigs {
				cpu, sent, err := r.flood(ctx, l, o.Each)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", s.name, err)
				}
				perSpan = append(perSpan, micros(cpu)/float64(sent.spans))
			}
			if round == 0 {
				continue
			}
			all = append(all, costs(s.name, perSpan)...)
			o.Progress("cost, %s, round %d of %d: %.1f µs per span", s.name, round, o.Rounds, perSpan)
		}
	}
	return all, nil
}

// costs makes the figures of one round, ratios first.
func costs(row string, perSpan []float64) []figure.Figure {
	none, mask, redaction, bearer, bare, distribution := perSpan[0], perSpan[1], perSpan[2], perSpan[3], perSpan[4], perSpan[5]
	at := func(col, unit string, v float64) figure.Figure {
		return figure.Figure{Table: CostTable, Row: row, Col: col, Unit: unit, Value: v}
	}
	return []figure.Figure{
		at("secret_mask : none", "ratio", mask/none),
		at("with two rules : none", "ratio", bare/none),
		at("redaction : none", "ratio", redaction/none),
		at("added : added by redaction", "ratio", (mask-none)/(redaction-none)),
		at("added : added by redaction with a bearer token", "ratio", (mask-none)/(bearer-none)),
		at("none", "µs/span", none),
		at("secret_mask", "µs/span", mask),
		at("with two rules", "µs/span", bare),
		at("redaction", "µs/span", redaction),
		at("with a bearer token", "µs/span", bearer),
		at("distribution", "µs/span", distribution),
	}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

package collector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// packOf is a pack of rules of which no two versions are the same.
func packOf(version int) string {
	prefix := fmt.Sprintf("tsbench%d-", version)
	return fmt.Sprintf(`version: 1
name: benchmark
rules:
  - id: benchmark-token
    provider: Benchmark
    description: a token that only the benchmark has
    severity: high
    reference: https://example.org/tokens
    pattern: '%[1]s[a-z]{20}'
    examples: ['{{%[1]s<20*lower>}}']
    near_misses: ['%[1]s<10*lower>']
`, prefix)
}

// Reload measures how long senders wait at half of what the Collector can take
// while its rules are being reloaded: from the change of a pack until the new
// engine is in use. What they wait otherwise is measured in between.
func Reload(ctx context.Context, o Options) (all []figure.Figure, err error) {
	r, l, c, end, err := o.withPack(ctx, with(o.Binaries), 20*time.Millisecond)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	rate, err := r.capacity(ctx, l, o.Each)
	if err != nil {
		return nil, err
	}
	for round := range o.Rounds {
		waits, err := r.reloading(ctx, l, rate/2, o.Each, c)
		if err != nil {
			return nil, err
		}
		some, err := reloadFigures(waits, c.during)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		o.Progress("reload, round %d of %d: p50 %.2f times the quiet one", round+1, o.Rounds, some[0].Value)
	}
	return all, nil
}

// withPack starts a Collector that looks so often whether its file of rules has
// changed, and makes a load for it. end stops it and removes the file.
func (o Options) withPack(ctx context.Context, s setup, interval time.Duration) (r *rig, l *load, c *changes, end func() error, err error) {
	dir, err := os.MkdirTemp(o.Dir, "packs-")
	if err != nil {
		return nil, nil, nil, nil, err
	}
	var rigs []*rig
	end = func() error { return errors.Join(closeAll(rigs), os.RemoveAll(dir)) }
	c = &changes{file: filepath.Join(dir, "rules.yaml")}
	if err := c.change(); err != nil {
		return nil, nil, nil, nil, errors.Join(err, end())
	}
	s.processor = fmt.Sprintf("secret_mask: {rules: {packs: [%q], reload_interval: %s}}", c.file, interval)
	if rigs, err = o.startAll(ctx, s); err != nil {
		return nil, nil, nil, nil, errors.Join(err, end())
	}
	if l, err = newLoad(shapes[1], labelMask); err != nil {
		return nil, nil, nil, nil, errors.Join(err, end())
	}
	return rigs[0], l, c, end, nil
}

// changes are those of a file with rules.
type changes struct {
	file    string
	version int
	during  []span // from each change until it was in use
}

type span struct{ from, to time.Time }

func (c *changes) change() error {
	c.version++
	return replace(c.file, packOf(c.version))
}

// roundReloads is how often the rules are reloaded in a round.
const roundReloads = 3

// keep changes the rules so often, each time after a pause.
func (c *changes) keep(ctx context.Context, r *rig, pause time.Duration) error {
	const look = 50 * time.Millisecond
	c.during = nil
	done, err := r.reloads(ctx)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	next, from := time.Now().Add(pause), time.Time{}
	for len(c.during) < roundReloads {
		if !from.IsZero() && time.Since(from) > patience {
			return fmt.Errorf("waited %s for the rules to be reloaded: %s", patience, r.said.String())
		}
		<-ticker.C
		now, err := r.reloads(ctx) // all the time, so that it costs the same with and without
		if err != nil {
			return err
		}
		switch {
		case !from.IsZero() && now > done:
			c.during = append(c.during, span{from, time.Now()})
			done, from, next = now, time.Time{}, time.Now().Add(pause)
		case from.IsZero() && time.Now().After(next):
			from = time.Now()
			if err := c.change(); err != nil {
				return err
			}
		}
	}
	return nil
}

// reloading sends while the rules are reloaded some times.
func (r *rig) reloading(ctx context.Context, l *load, rate float64, pause time.Duration, c *changes) ([]wait, error) {
	var over atomic.Bool
	changed := make(chan error, 1)
	go func() {
		defer over.Store(true)
		changed <- c.keep(ctx, r, pause)
	}()
	waits, err := r.paceWhile(ctx, l, rate, func(int) bool { return !over.Load() })
	return waits, errors.Join(err, <-changed)
}

// reloadFigures tells requests that met a reload from those that did not.
func reloadFigures(waits []wait, during []span) ([]figure.Figure, error) {
	var quiet, busy []time.Duration
	for _, w := range waits {
		if slices.ContainsFunc(during, func(s span) bool { return w.due.Before(s.to) && w.due.Add(w.took).After(s.from) }) {
			busy = append(busy, w.took)
		} else {
			quiet = append(quiet, w.took)
		}
	}
	if len(busy) == 0 || len(quiet) == 0 {
		return nil, fmt.Errorf("%d requests met a reload, %d did not", len(busy), len(quiet))
	}
	const row = "while rules are reloaded"
	at := func(col, unit string, v float64) figure.Figure {
		return figure.Figure{Table: ReloadTable, Row: row, Col: col, Unit: unit, Value: v}
	}
	ratio := func(q float64) float64 { return float64(figure.Quantile(busy, q)) / float64(figure.Quantile(quiet, q)) }
	all := []figure.Figure{at("p50 : quiet", "ratio", ratio(0.5)), at("p99 : quiet", "ratio", ratio(0.99))}
	all = append(all, figure.Waits(ReloadTable, row, busy)...)
	all = append(all, figure.Waits(ReloadTable, "otherwise", quiet)...)
	var took time.Duration
	for _, s := range during {
		took += s.to.Sub(s.from)
	}
	return append(all, at("a reload", "ms", float64(took.Milliseconds())/float64(len(during)))), nil
}

// reloads is how often the rules were, and no reload may have failed.
func (r *rig) reloads(ctx context.Context) (float64, error) {
	const name = "otelcol_processor_secret_mask_reloads"
	bad, err := r.metric(ctx, name, `result="failure"`)
	if err != nil {
		return 0, err
	}
	if bad > 0 {
		return 0, fmt.Errorf("%.0f reloads failed: %s", bad, r.said.String())
	}
	return r.metric(ctx, name, `result="success"`)
}

// replace writes a file so that a reader sees all of the old one or of the new one.
func replace(file, text string) error {
	fresh := file + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing rules: %w", err)
	}
	if err := os.Rename(fresh, file); err != nil {
		return fmt.Errorf("writing rules: %w", err)
	}
	return nil
}

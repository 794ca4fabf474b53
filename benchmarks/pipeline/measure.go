package pipeline

import (
	"context"
	"errors"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/internal/release"
)

// releases is how many items are approved in a run, each of 10 KB.
const releases = 500

// Measure runs everything once on a pipeline in dir with a store that is new.
// No other seed makes the same traces.
func Measure(ctx context.Context, name, dir string, store map[string]any, seed uint64) (all []figure.Figure, err error) {
	p, err := Start(ctx, dir, store)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Shutdown(ctx)) }()
	seed *= 100
	add := func(some []figure.Figure, failed error) {
		all = append(all, some...)
		err = errors.Join(err, failed)
		seed++
	}
	for _, l := range Loads {
		add(p.Hold(ctx, name, l, seed))
	}
	add(p.Beside(ctx, name, seed)) // before releases, whose keys are destroyed at leisure
	for _, mode := range []string{release.ModeMasked, release.ModeOriginal} {
		add(p.Release(ctx, name, mode, 10_000, releases, seed))
	}
	return all, err
}

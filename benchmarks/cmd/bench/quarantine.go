package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/pipeline"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
	"github.com/tracescrub/tracescrub/internal/holdstore/local"
)

// pendingTable is that of what Go benchmarks measure.
const pendingTable = "pending"

// goBenchmarks are those of packages that only their neighbours may import.
// once: it makes all rounds itself, since what comes before them takes long.
var goBenchmarks = []struct {
	pkg, name string
	once      bool
}{
	{"./receiver/releasereceiver/internal/ledger", "BenchmarkPending", false},
	{"./internal/holdstore/local", "BenchmarkStart", true},
}

// heldFigures measures holding and releasing, round after round.
func heldFigures(ctx context.Context, o options) (all []figure.Figure, _ string, err error) {
	rounds := o.heavy
	dir, err := os.MkdirTemp("", "tracescrub-bench-")
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for round := range rounds {
		for _, part := range []func(context.Context, string, uint64) ([]figure.Figure, error){localStore, localPipeline, kafkaStore} {
			some, err := part(ctx, filepath.Join(dir, strconv.Itoa(round)), uint64(round)+1)
			if err != nil {
				return nil, "", err
			}
			all = append(all, some...)
		}
		fmt.Fprintf(os.Stderr, "quarantine: round %d of %d\n", round+1, rounds)
	}
	for _, b := range goBenchmarks {
		times, count := 1, rounds
		if b.once {
			times, count = rounds, 1
		}
		some, err := goBenchmark(ctx, b.pkg, b.name, times, count)
		if err != nil {
			return nil, "", err
		}
		all = append(all, some...)
		fmt.Fprintf(os.Stderr, "quarantine: %s\n", b.name)
	}
	return all, "", nil
}

// localStore gives each load to a new store.
func localStore(ctx context.Context, dir string, seed uint64) (all []figure.Figure, err error) {
	for i, l := range stores.Loads {
		s, err := local.Open(local.Config{Directory: filepath.Join(dir, fmt.Sprint("store", i))})
		if err != nil {
			return nil, err
		}
		some, err := stores.Put(ctx, "local", s, l, seed)
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, os.RemoveAll(dir)
}

func localPipeline(ctx context.Context, dir string, seed uint64) (all []figure.Figure, err error) {
	store := map[string]any{"local": map[string]any{"directory": filepath.Join(dir, "quarantine")}}
	if all, err = pipeline.Measure(ctx, "local", dir, store, seed); err != nil {
		return nil, err
	}
	return all, os.RemoveAll(dir)
}

// kafkaStore is a program of its own, since the fake broker is not among the
// dependencies of this module.
func kafkaStore(ctx context.Context, dir string, seed uint64) ([]figure.Figure, error) {
	out, err := command(ctx, "go", "-C", filepath.Join("test", "kafka"), "run", "./cmd/bench", "-dir", dir, "-seed", strconv.FormatUint(seed, 10))
	if err != nil {
		return nil, err
	}
	return figure.Read(bytes.NewReader(out))
}

// goBenchmark runs one of them; more are flags of its own.
func goBenchmark(ctx context.Context, pkg, name string, times, count int, more ...string) ([]figure.Figure, error) {
	out, err := command(ctx, "go", append([]string{"test", "-run", "^$", "-bench", "^" + name + "$", "-benchtime", fmt.Sprintf("%dx", times),
		"-count", strconv.Itoa(count), "-timeout", "1h", pkg}, more...)...)
	if err != nil {
		return nil, err
	}
	return parseBenchmark(string(out), name, count)
}

// parseBenchmark reads what go test prints: a name, a count, then pairs of
// value and unit.
func parseBenchmark(out, name string, count int) (all []figure.Figure, err error) {
	lines := 0
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name) {
			continue
		}
		lines++
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, figure.Figure{Table: pendingTable, Row: strings.TrimPrefix(name, "Benchmark"), Col: fields[i+1], Unit: fields[i+1], Value: v})
		}
	}
	if lines != count {
		return nil, fmt.Errorf("%s ran %d times, want %d", name, lines, count)
	}
	return all, nil
}

func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: what to run stands in this file
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, failed.String(), out)
	}
	return out, nil
}

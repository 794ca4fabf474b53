package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// collectorFigures measures whole Collectors, the distribution among them.
func collectorFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	if _, err := command(ctx, "make", "bin/otelcol-tracescrub"); err != nil {
		return nil, "", err
	}
	return program(ctx, nil, []string{"collector", "collector latency", "collector large", "collector reload"},
		"go", "run", "./benchmarks/cmd/collector", "-rounds", strconv.Itoa(o.heavy))
}

// soakFigures lets a Collector run for long. It is measured only when asked for.
func soakFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	if _, err := command(ctx, "make", "bin/otelcol-tracescrub"); err != nil {
		return nil, "", err
	}
	return program(ctx, nil, []string{"collector soak"}, "go", "run", "./benchmarks/cmd/collector", "-soak", o.soak.String())
}

// peerFigures measures the engine beside those of others. Their module has its
// own dependencies, and Vectorscan among them where its library is installed.
func peerFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	args, env := []string{"-C", "benchmarks/peers", "run"}, []string{"CGO_ENABLED=0"}
	if exec.CommandContext(ctx, "pkg-config", "--exists", "libhs").Run() == nil {
		args, env = append(args, "-tags", "vectorscan"), []string{"CGO_ENABLED=1"}
	}
	args = append(args, "./cmd/bench", "-rounds", strconv.Itoa(o.heavy), "-each", min(o.each, 100*time.Millisecond).String())
	return program(ctx, env, []string{"peers", "peers planted", "prefilter"}, "go", args...)
}

// program runs a program that prints figures, and says on standard error how
// far it is. It must have figures of every table.
func program(ctx context.Context, env, tables []string, name string, args ...string) ([]figure.Figure, string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: what to run stands in this file
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	all, err := figure.Read(bytes.NewReader(out))
	if err != nil {
		return nil, "", err
	}
	for _, table := range tables {
		if !slices.ContainsFunc(all, func(f figure.Figure) bool { return f.Table == table }) {
			return nil, "", fmt.Errorf("no figures of table %q", table)
		}
	}
	return all, "", nil
}

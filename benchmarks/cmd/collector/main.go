// Command collector measures whole Collectors: what secret_mask costs of the
// CPU of the process, how long senders wait, very large requests, reloads
// under load, and memory over a long run. It prints figures as lines of JSON
// and what it does on standard error; benchmarks/cmd/bench runs it.
//
//	go run ./benchmarks/cmd/collector                # all but the long run
//	go run ./benchmarks/cmd/collector -only cost
//	go run ./benchmarks/cmd/collector -soak 1h
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/collector"
	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

func main() {
	var c command
	flag.StringVar(&c.Peers, "peers", "", "the Collector of benchmarks/peers; it is built if none is given")
	flag.StringVar(&c.Shipped, "shipped", "bin/otelcol-tracescrub", "the distribution, from `make build`")
	flag.IntVar(&c.Rounds, "rounds", 5, "how many runs of each case the median is taken of")
	flag.DurationVar(&c.Each, "each", time.Second, "how long a run lasts")
	flag.StringVar(&c.only, "only", strings.Join(parts, ","), "what to measure")
	flag.DurationVar(&c.soak, "soak", 0, "measure nothing else, and run for so long at a low load")
	flag.Parse()
	if err := c.run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "collector bench: %v\n", err)
		os.Exit(1)
	}
}

type command struct {
	collector.Options

	only string
	soak time.Duration
}

// parts are what can be measured by itself, in the order in which it is.
var parts = []string{"cost", "latency", "large", "reload"}

var measure = map[string]func(context.Context, collector.Options) ([]figure.Figure, error){
	"cost": collector.Cost, "latency": collector.Latency, "large": collector.Large, "reload": collector.Reload,
}

func (c *command) run(ctx context.Context) (err error) {
	chosen := strings.Split(c.only, ",")
	for _, part := range chosen {
		if measure[part] == nil {
			return fmt.Errorf("-only: there is no part %q, only %s", part, strings.Join(parts, ", "))
		}
	}
	if c.Dir, err = os.MkdirTemp("", "tracescrub-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.Dir)) }()
	debug.SetGCPercent(400) // the cores are for the Collector
	c.Progress = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if c.soak > 0 {
		all, err := collector.Soak(ctx, c.Options, c.soak, min(time.Minute, c.soak/20))
		return errors.Join(figure.Write(os.Stdout, all), err)
	}
	if c.Peers == "" {
		c.Peers = filepath.Join(c.Dir, "peers")
		if err := build(ctx, c.Peers); err != nil {
			return err
		}
	}
	for _, part := range chosen {
		all, err := measure[part](ctx, c.Options)
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		if err := figure.Write(os.Stdout, all); err != nil {
			return err
		}
	}
	return nil
}

// build builds the peers' Collector as the distribution is built.
func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "-C", "benchmarks/peers", "build", "-trimpath", "-buildvcs=false",
		"-tags", "grpcnotrace", "-ldflags=-s -w", "-o", to, "./cmd/collector")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the Collector of benchmarks/peers: %w", err)
	}
	return nil
}

// Command bench measures the store on Kafka against a fake broker in its own
// process, which keeps everything in memory: what the client and the gate do,
// without any disk or network. It prints figures as lines of JSON;
// benchmarks/cmd/bench runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/pipeline"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
)

func main() {
	dir := flag.String("dir", "", "a directory to make for the keys of the pipelines")
	seed := flag.Uint64("seed", 1, "what the items are made of")
	flag.Parse()
	if err := run(context.Background(), *dir, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "kafka bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, seed uint64) error {
	for _, l := range stores.Loads {
		all, err := put(ctx, l, seed)
		if err := errors.Join(err, figure.Write(os.Stdout, all)); err != nil {
			return err
		}
	}
	all, err := throughPipeline(ctx, dir, seed)
	return errors.Join(err, figure.Write(os.Stdout, all))
}

// put gives one load to a cluster of its own.
func put(ctx context.Context, l stores.Load, seed uint64) (all []figure.Figure, err error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		return nil, err
	}
	defer cluster.Close()
	cfg := kafka.DefaultConfig()
	cfg.Brokers = cluster.ListenAddrs()
	cfg.Timeout = time.Minute
	s, err := kafka.Open(ctx, cfg, zap.NewNop())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return stores.Put(ctx, "kafka", s, l, seed)
}

func throughPipeline(ctx context.Context, dir string, seed uint64) ([]figure.Figure, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		return nil, err
	}
	defer cluster.Close()
	var brokers []any
	for _, b := range cluster.ListenAddrs() {
		brokers = append(brokers, b)
	}
	store := map[string]any{"kafka": map[string]any{"brokers": brokers, "timeout": "1m"}}
	return pipeline.Measure(ctx, "kafka", dir, store, seed)
}

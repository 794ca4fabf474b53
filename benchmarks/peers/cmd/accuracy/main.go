// Command accuracy sets secret_mask beside the processors of others and beside
// gitleaks, on the same telemetry: which places they look at, what they leave,
// what they destroy, and what it costs. It prints figures as lines of JSON. A
// run in which secret_mask does not keep what test/corpus holds it to fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/internal/corpus"
)

func main() {
	var o options
	flag.StringVar(&o.corpus, "corpus", "../../testdata/corpus", "the folder of templates")
	flag.Uint64Var(&o.seed, "seed", 1, "what secrets and look-alikes are made of, in the first fill")
	flag.IntVar(&o.fills, "fills", 3, "how often the corpus is filled")
	flag.IntVar(&o.rounds, "rounds", 3, "how often the speed is measured; 0 measures none")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "accuracy: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	corpus        string
	seed          uint64
	fills, rounds int
}

func (o options) seeds() (all []uint64) {
	for i := range o.fills {
		all = append(all, o.seed+uint64(i))
	}
	return all
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "accuracy")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	loaded, err := corpus.Load(os.DirFS(o.corpus))
	if err != nil {
		return err
	}
	w, err := expressions()
	if err != nil {
		return err
	}
	all, err := contenders(ctx, w, dir, false)
	if err != nil {
		return err
	}
	list := w.figures()
	for _, c := range all {
		if c.finder {
			continue
		}
		some, err := c.cover(ctx, o.seed)
		if err != nil {
			return err
		}
		list = append(list, some...)
	}
	scores, err := results(ctx, all, loaded, o.seeds())
	if err != nil {
		return err
	}
	for i, c := range all {
		list = append(list, c.figures(scores[i])...)
	}
	fmt.Fprintln(os.Stderr, "accuracy: places and corpus done")
	speeds, err := measure(ctx, w, dir, loaded, o)
	if err != nil {
		return err
	}
	return figure.Write(out, append(speeds, list...))
}

package main

import (
	"context"
	"fmt"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/packs"
)

const (
	clean   = "clean text"
	planted = "one secret in 200 values"
)

// sizes are the lengths of values, and how many of them are a run.
var sizes = []struct {
	name        string
	size, count int
}{
	{"64 B", 64, 20_000}, {"1 KB", 1 << 10, 2000}, {"16 KB", 16 << 10, 200}, {"256 KB", 256 << 10, 200},
}

func builtin() (*rules.Engine, error) {
	all, err := packs.Builtin()
	if err != nil {
		return nil, err
	}
	return rules.Compile(rules.Limits{}, all...)
}

// allCases makes the texts and everything that is measured on them.
func allCases(ctx context.Context) ([]*bench, error) {
	e, err := builtin()
	if err != nil {
		return nil, err
	}
	var cases []*bench
	for _, s := range sizes {
		values := corpus.Values(1, s.size, s.count)
		cases = append(cases, scan(e, clean, s.name, values, 0))
		values = corpus.Values(2, s.size, s.count)
		n, err := corpus.Plant(3, values, 200)
		if err != nil {
			return nil, err
		}
		cases = append(cases, scan(e, planted, s.name, values, n))
	}
	spans, err := spanCases(ctx)
	return append(cases, spans...), err
}

// scan is the engine alone on values of one size.
func scan(e *rules.Engine, row, col string, values [][]byte, want int) *bench {
	total := 0
	for _, v := range values {
		total += len(v)
	}
	found := make([]rules.Finding, 0, 64)
	return &bench{
		table: "engine", row: row, col: col, unit: "MB/s", scale: float64(total) / 1e6, want: want,
		run: func() (int, error) {
			n := 0
			for _, v := range values {
				found = e.Scan(found[:0], v, rules.Context{})
				for _, f := range found {
					if f.Withheld != rules.None {
						return 0, fmt.Errorf("a text was withheld: %s", f.Withheld)
					}
				}
				n += len(found)
			}
			return n, nil
		},
	}
}

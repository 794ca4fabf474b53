// Command bench measures the engine beside others, and its filter beside other
// ways to find literals: the same texts, one process, in turn. It prints
// figures as lines of JSON, a set for each round; benchmarks/cmd/bench runs it.
//
//	go run ./cmd/bench
//	CGO_ENABLED=1 go run -tags vectorscan ./cmd/bench   (with Vectorscan's C library)
//
// Every pass is checked: who does not find exactly the values in which a secret
// was planted, or the literals that stand in them, ends the run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often everything is measured, in turn")
	each := flag.Duration("each", 150*time.Millisecond, "how long each is measured in a round, at least")
	seed := flag.Uint64("seed", 1, "what the texts are made of")
	flag.Parse()
	if err := run(context.Background(), *seed, *rounds, *each); err != nil {
		fmt.Fprintf(os.Stderr, "peers bench: %v\n", err)
		os.Exit(1)
	}
}

// sizes are the lengths of values, and how many of them are one pass: without
// secrets, with some, and for engines that would need minutes for all.
var sizes = []struct {
	name                       string
	size, clean, planted, slow int
}{
	{"64 B", 64, 20_000, 20_000, 4000},
	{"1 KB", 1 << 10, 2000, 2000, 400},
	{"16 KB", 16 << 10, 200, 200, 40},
	{"256 KB", 256 << 10, 40, 200, 4},
}

// every is how many values have one secret among them.
const every = 200

func run(ctx context.Context, seed uint64, rounds int, each time.Duration) error {
	detectors, err := allDetectors(ctx)
	if err != nil {
		return err
	}
	finders, err := allFinders()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "peers: the filters look for %d literals\n", len(finders[0].list))
	subjects, err := contests(detectors, finders, seed)
	if err != nil {
		return err
	}
	for round := range rounds {
		some, err := measure(subjects, each)
		if err != nil {
			return err
		}
		if err := figure.Write(os.Stdout, append(ratios(some), some...)); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "peers: round %d of %d\n", round+1, rounds)
	}
	return nil
}

// contests are all that is measured: each table and size with all who take part.
func contests(detectors []*detector, finders []*finder, seed uint64) ([]*subject, error) {
	var all []*subject
	for _, s := range sizes {
		for _, share := range []int{0, every} {
			count := s.clean
			if share > 0 {
				count = s.planted
			}
			t, err := newTexts(seed, s.size, count, share)
			if err != nil {
				return nil, err
			}
			for _, d := range detectors {
				sub, err := d.subject(t, s.name, s.slow)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", d.name, s.name, err)
				}
				if sub != nil {
					all = append(all, sub)
				}
			}
			if share != 0 {
				continue
			}
			some, err := filterContest(finders, t, s.name)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

// bench is one thing that is measured.
type bench struct {
	table, row, col string
	unit            string  // of scale over seconds
	scale           float64 // units of work in one run, as in bytes or spans
	want            int     // secrets that one run must find
	run             func() (found int, err error)

	rates  []float64 // units per second, one per round
	allocs float64   // per run, the least of all rounds
	bytes  float64   // allocated per run, the least of all rounds
}

// measure runs all cases in turn, round after round, so that what the machine
// does besides hits all of them alike. A wrong answer ends it.
func measure(cases []*bench, rounds int, each time.Duration) error {
	for round := range rounds {
		for _, c := range cases {
			if err := c.once(each); err != nil {
				return fmt.Errorf("%s, %s, %s: %w", c.table, c.row, c.col, err)
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
	}
	return nil
}

// once runs the case for at least the given time and notes its rate.
func (c *bench) once(each time.Duration) error {
	if err := c.check(); err != nil { // warms up, too
		return err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	runs, start, took := 0, time.Now(), time.Duration(0)
	for ; took < each; took = time.Since(start) {
		if err := c.check(); err != nil {
			return err
		}
		runs++
	}
	runtime.ReadMemStats(&after)
	allocs := float64(after.Mallocs-before.Mallocs) / float64(runs)
	bytes := float64(after.TotalAlloc-before.TotalAlloc) / float64(runs)
	if len(c.rates) == 0 || allocs < c.allocs {
		c.allocs, c.bytes = allocs, bytes
	}
	c.rates = append(c.rates, c.scale*float64(runs)/took.Seconds())
	return nil
}

func (c *bench) check() error {
	found, err := c.run()
	if err == nil && found != c.want {
		err = fmt.Errorf("found %d secrets, want %d", found, c.want)
	}
	return err
}

// rate is the median of the rounds.
func (c *bench) rate() float64 {
	sorted := slices.Sorted(slices.Values(c.rates))
	return sorted[len(sorted)/2]
}

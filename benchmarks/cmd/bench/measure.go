package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// bench is one thing that is measured.
type bench struct {
	name string
	want int // secrets that one run must find
	run  func() (found int, err error)
	note func(sample) []figure.Figure
	// after checks what is too dear to check in each run; nil without.
	after func() error
}

// sample is what one run cost.
type sample struct {
	cpu, wall     float64 // seconds; cpu is that of all threads
	allocs, bytes float64
}

// measure runs all cases in turn, round after round, so that what the machine
// does besides hits all of them alike. A wrong answer ends it.
func measure(what string, cases []*bench, rounds int, each time.Duration) (all []figure.Figure, err error) {
	for round := range rounds {
		for _, c := range cases {
			s, err := c.once(each)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			all = append(all, c.note(s)...)
		}
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", what, round+1, rounds)
	}
	return all, nil
}

// once runs the case until it has used the given CPU time, and says what a run cost.
func (c *bench) once(each time.Duration) (s sample, err error) {
	if err := c.check(); err != nil { // warms up, too
		return s, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	runs, start, from, cpu := 0.0, time.Now(), cpuTime(), time.Duration(0)
	for ; cpu < each || runs == 0; cpu = cpuTime() - from {
		if err := c.check(); err != nil {
			return s, err
		}
		runs++
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if c.after != nil {
		if err := c.after(); err != nil {
			return s, err
		}
	}
	return sample{
		cpu: cpu.Seconds() / runs, wall: took.Seconds() / runs,
		allocs: float64(after.Mallocs-before.Mallocs) / runs, bytes: float64(after.TotalAlloc-before.TotalAlloc) / runs,
	}, nil
}

func (c *bench) check() error {
	found, err := c.run()
	if err == nil && found != c.want {
		err = fmt.Errorf("found %d secrets, want %d", found, c.want)
	}
	return err
}

package main

import (
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// waitTable: how long batches wait for the processor, nothing else, at half of what one sender gets through.
const waitTable = "processor latency"

// waited is how many batches are sent.
const waited = 300

// waitFigures sends the batch of each case again and again, evenly, in twice the time that it
// takes, and notes how long after it was due each came out.
func waitFigures(cases []*bench, rounds int, each time.Duration) (all []figure.Figure, err error) {
	for range rounds {
		for _, c := range cases {
			var took []time.Duration
			began, batches := time.Now(), 0
			for ; time.Since(began) < each; batches++ { // warms up, and says what it takes
				if _, err := c.run(); err != nil {
					return nil, err
				}
			}
			interval := 2 * time.Since(began) / time.Duration(batches)
			began = time.Now()
			for i := range waited {
				due := began.Add(time.Duration(i) * interval)
				time.Sleep(time.Until(due))
				if _, err := c.run(); err != nil {
					return nil, err
				}
				took = append(took, time.Since(due))
			}
			waits := figure.Waits(waitTable, c.name, took)
			all = append(all, cell{waitTable, c.name, "p99 : p50"}.figure(ratioUnit, waits[1].Value/waits[0].Value))
			all = append(all, waits...)
		}
	}
	return all, nil
}

func waitTables(s sheet) string {
	var b strings.Builder
	b.WriteString("\nHow long a batch waits for the processor, nothing else, at half of what one sender gets through, ms:\n")
	s.grid(&b, waitTable, "attributes | p50 | p99", "p50", "p99")
	return b.String()
}

func waitRatios(s sheet) string {
	var b strings.Builder
	b.WriteString("\nWaiting times for the processor alone at half of capacity (aim: p99 at most twice p50):\n")
	s.grid(&b, waitTable, " | p99 : p50", "p99 : p50")
	return b.String()
}

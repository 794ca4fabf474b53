package main

import (
	"fmt"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/pipeline"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
)

// quarantineTables writes the section about what is held.
func quarantineTables(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "A disk's speed is in all figures of the local store, and no disk or network in those of `kafka`, "+
		"whose broker is a fake one in the same process.\n\nStores: puts of sealed items, until they are durable; waiting times in ms:\n")
	s.grid(&b, stores.Table, "store, item | items/s | MB/s | p50 | p99", "items", "bytes", "p50", "p99")
	fmt.Fprintf(&b, "\nHolding: what the sender of a trace waits for `secret_mask`, `verdict`, `quarantine` and the store, in ms:\n")
	s.grid(&b, pipeline.HoldTable, "store, trace | requests/s | MB/s | p50 | p99", "requests", "bytes", "p50", "p99")
	fmt.Fprintf(&b, "\nClean traces of 10 KB while others are held: the sender's waiting time, as a multiple of that alone right before:\n")
	s.without(pipeline.Alone).grid(&b, pipeline.BesideTable, "store, beside | p50 | p90", "p50", "p90")
	fmt.Fprintf(&b, "\nReleasing, from the first request to approve to the last arrival, 10 KB each:\n")
	s.grid(&b, pipeline.ReleaseTable, "store, mode | items/s | MB/s", "items", "bytes")
	pending := func(row, col string) float64 { return s.value(cell{pendingTable, row, col}) }
	fold := pending("Pending", "ns/item") // is ms for a million
	opened, started := pending("Start", "ms/open"), pending("Start", "ms/start")
	fmt.Fprintf(&b, "\n1,000,000 items that wait for approval, local store:\n\n| | |\n|---|---|\n")
	fmt.Fprintf(&b, "| memory for each in `release_gate` | %.0f bytes |\n", pending("Pending", "bytes/item"))
	fmt.Fprintf(&b, "| start: opening the store | %.1f s |\n", opened/1000)
	fmt.Fprintf(&b, "| start: reading what it has | %.1f s |\n", (started-opened)/1000)
	fmt.Fprintf(&b, "| start: building the index | %.1f s |\n", fold/1000)
	fmt.Fprintf(&b, "| start altogether | %.1f s |\n", (started+fold)/1000)
	return b.String()
}

// without leaves out the rows whose name ends so.
func (s sheet) without(row string) (rest sheet) {
	for _, x := range s {
		if !strings.HasSuffix(x.Row, row) {
			rest = append(rest, x)
		}
	}
	return rest
}

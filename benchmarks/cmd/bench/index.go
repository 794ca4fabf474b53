package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// indexItems is how many items wait in the part index.
const indexItems = 10_000_000

// indexFigures fills the gate's index.
func indexFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	all, err := goBenchmark(ctx, "./receiver/releasereceiver/internal/ledger", "BenchmarkIndex", 1, o.heavy, "-items", strconv.Itoa(indexItems))
	return all, "", err
}

// indexTables writes what BenchmarkIndex found.
func indexTables(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "10,000,000 items that wait for approval, one in a hundred with a vote:\n\n| | |\n|---|---|\n")
	for _, row := range []struct {
		what, unit string
		per        float64
		form       string
	}{
		{"memory for each", "bytes/item", 1, "%.0f bytes"},
		{"building the index", "ms/fold", 1000, "%.1f s"},
		{"memory of the process when it is built", "MB/start", 1000, "%.1f GB"},
		{"a list of the newest 50", "ms/list", 1, "%.2f ms"},
		{"a filter that no item passes", "ms/filter", 1, "%.0f ms"},
		{"a search that only the oldest item passes", "ms/search", 1, "%.0f ms"},
		{"an item that comes, the newest", "µs/newest", 1, "%.1f µs"},
		{"an item that comes, the oldest", "µs/oldest", 1000, "%.1f ms"},
	} {
		fmt.Fprintf(&b, "| %s | "+row.form+" |\n", row.what, s.value(cell{pendingTable, "Index", row.unit})/row.per)
	}
	return b.String()
}

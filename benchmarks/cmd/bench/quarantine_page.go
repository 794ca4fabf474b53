package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/pipeline"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
)

// series are the values of one place in a table, one for each run.
type series struct {
	figure.Figure
	values []float64
}

// gather puts the runs of each figure together, in the order of the first run.
func gather(all []figure.Figure) []*series {
	var list []*series
	at := map[figure.Figure]*series{}
	for _, f := range all {
		v := f.Value
		f.Value = 0
		s := at[f]
		if s == nil {
			s = &series{Figure: f}
			at[f] = s
			list = append(list, s)
		}
		s.values = append(s.values, v)
	}
	for _, s := range list {
		sorted := append([]float64(nil), s.values...)
		s.Value = figure.Quantile(sorted, 0.5)
	}
	return list
}

// grid writes the rows of one table with the columns that are named.
func grid(b *strings.Builder, all []*series, table string, head string, cols ...string) {
	fmt.Fprintf(b, "\n| %s |\n|%s\n", head, strings.Repeat("---|", len(cols)+1))
	values := map[[2]string]float64{}
	var rows []string
	for _, s := range all {
		if s.Table != table {
			continue
		}
		if !slices.Contains(rows, s.Row) {
			rows = append(rows, s.Row)
		}
		values[[2]string{s.Row, s.Col}] = s.Value
	}
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |", row)
		for _, col := range cols {
			v, ok := values[[2]string{row, col}]
			if !ok {
				v = math.NaN() // rather than a fine zero
			}
			fmt.Fprintf(b, " %s |", short(v))
		}
		b.WriteString("\n")
	}
}

// short writes two or three digits.
func short(v float64) string {
	if !(v >= 10) {
		return fmt.Sprintf("%.2f", v)
	}
	return number(v)
}

func quarantineHead(rounds int) string {
	return fmt.Sprintf("What follows are medians of %d runs, taken in turn; a disk's speed is in all figures of the local store, "+
		"and no disk or network in those of `kafka`, whose broker is a fake one in the same process.\n", rounds)
}

// quarantineTables writes the page's tables about what is held.
func quarantineTables(all []*series) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nStores: puts of sealed items, until they are durable; waiting times in ms:\n")
	grid(&b, all, stores.Table, "store, item | items/s | MB/s | p50 | p99", "items", "bytes", "p50", "p99")
	fmt.Fprintf(&b, "\nHolding: what the sender of a trace waits for `secret_mask`, `verdict`, `quarantine` and the store, in ms:\n")
	grid(&b, all, pipeline.HoldTable, "store, trace | requests/s | MB/s | p50 | p99", "requests", "bytes", "p50", "p99")
	fmt.Fprintf(&b, "\nClean traces of 10 KB while others are held: the sender's waiting time, as a multiple of that alone right before:\n")
	grid(&b, without(all, pipeline.Alone), pipeline.BesideTable, "store, beside | p50 | p90", "p50", "p90")
	fmt.Fprintf(&b, "\nReleasing, from the first request to approve to the last arrival, 10 KB each:\n")
	grid(&b, all, pipeline.ReleaseTable, "store, mode | items/s | MB/s", "items", "bytes")
	value := map[string]float64{"ns/item": math.NaN(), "bytes/item": math.NaN(), "ms/open": math.NaN(), "ms/start": math.NaN()}
	for _, s := range all {
		if s.Table == pendingTable {
			value[s.Col] = s.Value
		}
	}
	fold := value["ns/item"] // is ms for a million
	fmt.Fprintf(&b, "\n1,000,000 items that wait for approval, local store:\n\n| | |\n|---|---|\n")
	fmt.Fprintf(&b, "| memory for each in `release_gate` | %.0f bytes |\n", value["bytes/item"])
	fmt.Fprintf(&b, "| start: opening the store | %.1f s |\n", value["ms/open"]/1000)
	fmt.Fprintf(&b, "| start: reading what it has | %.1f s |\n", (value["ms/start"]-value["ms/open"])/1000)
	fmt.Fprintf(&b, "| start: building the index | %.1f s |\n", fold/1000)
	fmt.Fprintf(&b, "| start altogether | %.1f s |\n\n", (value["ms/start"]+fold)/1000)
	return b.String()
}

func without(all []*series, row string) (rest []*series) {
	for _, s := range all {
		if !strings.HasSuffix(s.Row, row) {
			rest = append(rest, s)
		}
	}
	return rest
}

// rawFigures writes every single value.
func rawFigures(all []*series) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "%s | %s | %s | %s |", s.Table, s.Row, s.Col, s.Unit)
		for _, v := range s.values {
			fmt.Fprintf(&b, " %.4g", v)
		}
		b.WriteString("\n")
	}
	return b.String()
}

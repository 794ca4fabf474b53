package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/record"
)

// captions say what the tables of other programs mean, which stand in their
// order. One that is missing here comes last under its own name: nothing that
// was measured is left out.
var captions = []struct{ table, text string }{
	{"peers", "Whole detectors on clean text, MB per second of CPU; allocations per value in brackets:"},
	{"peers planted", "The same with a secret in one value of 200:"},
	{"peers ratio", "Our speed on clean text, as a multiple of theirs (aim: 100 times gitleaks, twice Vectorscan):"},
	{"peers planted ratio", "Our speed on text with one secret in 200 values, as a multiple of theirs:"},
	{"prefilter", "Finding the literals of the built-in rules, nothing else, MB per second of CPU; all report the same ones:"},
	{"prefilter ratio", "The speed of our filter, as a multiple of that of other ways to find the same literals:"},
	{"collector", "OTLP/gRPC in, OTLP/gRPC out on loopback: CPU of the whole process for each span, µs:"},
	{"collector latency", "How long the sender of a batch waits while the Collector has half of what it can take:"},
	{"collector large", "Very large requests through the whole Collector:"},
	{"collector reload", "The sender's waiting time while the rules are reloaded and otherwise, and how long a reload takes, ms:"},
	{"collector soak", "A Collector under a low load for long: memory in the first and in the last third, MB:"},
}

func captionOf(table string) string {
	for _, c := range captions {
		if c.table == table {
			return c.text
		}
	}
	return ""
}

// ratioCaptions are those of the columns of a table that are ratios.
var ratioCaptions = map[string]string{
	"collector": "CPU of the whole Collector for each span: with `secret_mask` to without (aim: at most 1.30, with 16 KB 1.40), " +
		"with `secret_mask` and two rules to without, with contrib's redaction and five regexes to without, and what `secret_mask` adds " +
		"to what redaction adds (aim: at most 0.50), also where the last of the five is that of a bearer token:",
	"collector latency": "Waiting times at half of capacity (aim: p99 at most twice p50):",
	"collector large":   "Very large requests: time for each byte as a multiple of that in the smallest of the kind (aim: linear), and with to without:",
	"collector reload":  "The sender's waiting time while the rules are reloaded, as a multiple of that otherwise (aim: p50 at most twice):",
	"collector soak":    "A Collector under a low load for long: memory in the last third to that in the first (aim: no growth):",
}

const (
	ratioSuffix = " ratio" // of tables whose figures are ratios
	allocSuffix = " allocations"
	ratioUnit   = "ratio" // of columns that are
	absent      = "not installed"
)

func isRatio(x *record.Series) bool {
	return x.Unit == ratioUnit || strings.HasSuffix(x.Table, ratioSuffix)
}

// otherTables writes all that is no ratio.
func otherTables(s sheet) string {
	return s.generic(captionOf, func(x *record.Series) bool { return !isRatio(x) })
}

// otherRatios writes the ratios.
func otherRatios(s sheet) string {
	return s.generic(func(table string) string { return cmp.Or(ratioCaptions[table], captionOf(table)) }, isRatio)
}

// generic writes each table with those of its figures that are wanted, with a
// column for each name.
func (s sheet) generic(caption func(table string) string, want func(*record.Series) bool) string {
	rest := slices.DeleteFunc(slices.Clone(s), func(x *record.Series) bool { return !want(x) })
	var names []string
	for _, c := range captions {
		names = append(names, c.table)
	}
	for _, x := range rest {
		if !slices.Contains(names, x.Table) && !strings.HasSuffix(x.Table, allocSuffix) {
			names = append(names, x.Table)
		}
	}
	var b strings.Builder
	for _, table := range names {
		if cols := rest.cols(table); len(cols) > 0 {
			rest.write(&b, table, caption(table), cols)
		}
	}
	return b.String()
}

func (s sheet) write(b *strings.Builder, table, caption string, cols []string) {
	fmt.Fprintf(b, "\n%s\n", cmp.Or(caption, strings.ToUpper(table[:1])+table[1:]+":"))
	head := ""
	for _, col := range cols {
		head += " | " + col + s.unit(table, col, caption != "")
	}
	heading(b, head)
	for _, row := range s.rows(table) {
		fmt.Fprintf(b, "| %s |", row)
		for _, col := range cols {
			fmt.Fprintf(b, " %s |", s.entry(cell{table, row, col}))
		}
		b.WriteString("\n")
	}
}

// unit is that of a column, for its head. In tables whose columns all have the
// same one, it stands in the caption if there is one.
func (s sheet) unit(table, col string, caption bool) string {
	units := s.distinct(table, func(x *record.Series) string { return x.Unit })
	units = slices.DeleteFunc(units, func(u string) bool { return u == absent })
	if caption && len(units) < 2 {
		return ""
	}
	for _, x := range s {
		if x.Table == table && x.Col == col && x.Unit != ratioUnit && x.Unit != absent {
			return ", " + x.Unit
		}
	}
	return ""
}

// entry writes a cell, with the allocations that a table of its own has.
func (s sheet) entry(c cell) string {
	x := s.find(c)
	switch {
	case x == nil:
		return "–"
	case x.Unit == absent:
		return absent
	case isRatio(x):
		return times(x.Value)
	}
	text := short(x.Value)
	c.table += allocSuffix
	if s.find(c) != nil {
		text += " (" + perItem(s.least(c)) + ")"
	}
	return text
}

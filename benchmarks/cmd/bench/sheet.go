package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/record"
)

// sheet is what the tables of a part are made of.
type sheet []*record.Series

// cell is a place in a table.
type cell struct{ table, row, col string }

func (c cell) name() string { return c.table + ", " + c.row + ", " + c.col }

// at is another column of the same row.
func (c cell) at(col string) cell { return cell{c.table, c.row, col} }

func (c cell) figure(unit string, v float64) figure.Figure {
	return figure.Figure{Table: c.table, Row: c.row, Col: c.col, Unit: unit, Value: v}
}

func (s sheet) find(c cell) *record.Series {
	for _, x := range s {
		if x.Table == c.table && x.Row == c.row && x.Col == c.col {
			return x
		}
	}
	return nil
}

// value is the median in a cell; of nothing it is NaN, rather than a fine zero.
func (s sheet) value(c cell) float64 {
	if x := s.find(c); x != nil {
		return x.Value
	}
	return math.NaN()
}

// least is the smallest value in a cell.
func (s sheet) least(c cell) float64 {
	if x := s.find(c); x != nil {
		return slices.Min(x.Values)
	}
	return math.NaN()
}

// ratio is the median of the quotients of two cells, run by run: the two were
// measured one after the other in each run, so what the machine did besides is
// in both.
func (s sheet) ratio(over, under cell) float64 {
	a, b := s.find(over), s.find(under)
	if a == nil || b == nil || len(a.Values) != len(b.Values) {
		return s.value(over) / s.value(under)
	}
	all := make([]float64, len(a.Values))
	for i := range all {
		all[i] = a.Values[i] / b.Values[i]
	}
	return figure.Quantile(all, 0.5)
}

// rows are those of a table, in the order in which they were measured.
func (s sheet) rows(table string) []string {
	return s.distinct(table, func(x *record.Series) string { return x.Row })
}

func (s sheet) cols(table string) []string {
	return s.distinct(table, func(x *record.Series) string { return x.Col })
}

func (s sheet) distinct(table string, of func(*record.Series) string) (all []string) {
	for _, x := range s {
		if x.Table == table && !slices.Contains(all, of(x)) {
			all = append(all, of(x))
		}
	}
	return all
}

// heading writes the first two lines of a table. "a | b" are two columns.
func heading(b *strings.Builder, head string) {
	fmt.Fprintf(b, "\n| %s |\n|%s\n", head, strings.Repeat("---|", strings.Count(head, "|")+1))
}

// grid writes the rows of one table with the columns that are named.
func (s sheet) grid(b *strings.Builder, table, head string, cols ...string) {
	heading(b, head)
	for _, row := range s.rows(table) {
		fmt.Fprintf(b, "| %s |", row)
		for _, col := range cols {
			fmt.Fprintf(b, " %s |", short(s.value(cell{table, row, col})))
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

// number writes three digits of a rate, which is more than it is worth.
func number(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f million", v/1e6)
	case v >= 10_000:
		return fmt.Sprintf("%d,%d00", int(v)/1000, int(v)%1000/100)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// times writes a ratio; what was not measured is a dash.
func times(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// perItem writes a small number of allocations; what the clock and the
// collector of garbage do besides is no allocation per item.
func perItem(v float64) string {
	switch {
	case v < 0.001:
		return "0"
	case v >= 10:
		return number(v)
	}
	return fmt.Sprintf("%.2g", v)
}

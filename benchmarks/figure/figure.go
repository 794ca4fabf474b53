// Package figure is one measured number and the place it has in a table. The
// parts of the benchmark that run as programs of their own print figures as
// lines of JSON.
package figure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Figure is one number.
type Figure struct {
	Table string  `json:"table"`
	Row   string  `json:"row"`
	Col   string  `json:"col"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// Read reads what Write wrote.
func Read(r io.Reader) ([]Figure, error) {
	var all []Figure
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var f Figure
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return nil, fmt.Errorf("reading a figure: %w", err)
		}
		all = append(all, f)
	}
	return all, lines.Err()
}

// Write writes a line for each figure.
func Write(w io.Writer, all []Figure) error {
	enc := json.NewEncoder(w)
	for _, f := range all {
		if err := enc.Encode(f); err != nil {
			return fmt.Errorf("writing a figure: %w", err)
		}
	}
	return nil
}

// Quantile returns the value below which the share q of all lies, which it
// sorts. Of nothing it is zero.
func Quantile[T ~int64 | ~float64](all []T, q float64) T {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// Growth compares the median of the first third of a series with that of the
// last one, without the first fifth, which warms up. More than a tenth and slack
// above it is an error.
func Growth(values []float64, slack float64) (first, last float64, err error) {
	values = values[len(values)/5:]
	third := len(values) / 3
	if third == 0 {
		return 0, 0, errors.New("the run was too short to say anything about growth")
	}
	first, last = Quantile(slices.Clone(values[:third]), 0.5), Quantile(slices.Clone(values[len(values)-third:]), 0.5)
	if last > first*1.10+slack {
		err = fmt.Errorf("grew from %.1f to %.1f", first, last)
	}
	return first, last, err
}

// Waits makes the median and the 99th percentile of how long callers waited,
// in milliseconds.
func Waits(table, row string, each []time.Duration) []Figure {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return []Figure{
		{Table: table, Row: row, Col: "p50", Unit: "ms", Value: ms(Quantile(each, 0.5))},
		{Table: table, Row: row, Col: "p99", Unit: "ms", Value: ms(Quantile(each, 0.99))},
	}
}

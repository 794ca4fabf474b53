package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/peers/internal/cputime"
)

// The tables. Each has one of ratios beside it: how many times the rate of the
// row the first row of the table has.
const (
	peersTable   = "peers"
	plantedTable = "peers planted"
	filterTable  = "prefilter"
	ratioSuffix  = " ratio"
	allocSuffix  = " allocations"
)

// absent is the unit of what this build cannot measure. Its value means nothing.
const absent = "not installed"

// subject is one who takes part, on one set of texts.
type subject struct {
	table, row, col string
	bytes           float64 // of a pass
	values          int     // of a pass
	want            int     // what a pass must find
	// prepare makes ready what a pass spoils, if there is any. It is not measured.
	prepare func()
	pass    func() (found int, err error) // nil where the engine is not installed
	// found counts what a pass has found, where counting is no part of it.
	found func() (int, error)
}

// measure takes all in turn and gives a figure for each.
func measure(all []*subject, each time.Duration) ([]figure.Figure, error) {
	var out []figure.Figure
	for _, s := range all {
		if s.pass == nil {
			out = append(out, figure.Figure{Table: s.table, Row: s.row, Col: s.col, Unit: absent})
			continue
		}
		rate, allocs, err := s.measure(each)
		if err != nil {
			return nil, fmt.Errorf("%s, %s, %s: %w", s.table, s.row, s.col, err)
		}
		out = append(out, figure.Figure{Table: s.table, Row: s.row, Col: s.col, Unit: "MB/s", Value: rate},
			figure.Figure{Table: s.table + allocSuffix, Row: s.row, Col: s.col, Unit: "allocations/value", Value: allocs})
	}
	return out, nil
}

// measure is one round: passes until each of processor time is used, by all
// threads together, the garbage collector's too. The rate is in MB of 10^6
// bytes for a second of processor time.
func (s *subject) measure(each time.Duration) (rate, allocs float64, err error) {
	var used time.Duration
	var made uint64
	var before, after runtime.MemStats
	runtime.GC()
	passes := 0
	for ; used < each; passes++ {
		if s.prepare != nil {
			s.prepare()
			if passes%collectEvery == 0 {
				runtime.GC()
			}
		}
		runtime.ReadMemStats(&before)
		from := cputime.Used()
		found, err := s.pass()
		used += cputime.Used() - from
		runtime.ReadMemStats(&after)
		made += after.Mallocs - before.Mallocs
		if err == nil && s.found != nil {
			found, err = s.found()
		}
		if err != nil {
			return 0, 0, err
		}
		if found != s.want {
			return 0, 0, fmt.Errorf("found %d, want %d", found, s.want)
		}
	}
	n := float64(passes)
	return s.bytes * n / 1e6 / used.Seconds(), float64(made) / n / float64(s.values), nil
}

// collectEvery is after how many preparations their garbage is collected, so
// that it is not left to those who are measured.
const collectEvery = 16

// ratios compares all rows of a table and column with the first of them, which
// is ours.
func ratios(some []figure.Figure) []figure.Figure {
	type place struct{ table, col string }
	first := map[place]figure.Figure{}
	var out []figure.Figure
	for _, f := range some {
		if strings.HasSuffix(f.Table, allocSuffix) || f.Unit == absent {
			continue
		}
		at := place{f.Table, f.Col}
		ours, ok := first[at]
		if !ok {
			first[at] = f
			continue
		}
		out = append(out, figure.Figure{Table: f.Table + ratioSuffix, Row: f.Row, Col: f.Col, Unit: "x", Value: ours.Value / f.Value})
	}
	return out
}

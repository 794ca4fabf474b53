package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// The tables of the part about kinds of text. Each has a row for ordinary
// text, measured with the others.
const (
	kindTable    = "kinds"
	denseTable   = "dense"
	hostileTable = "hostile"

	ordinary = "all kinds together"
)

// textSizes are the lengths of values of one kind, hostileSize that of hostile texts.
var textSizes = []struct {
	name string
	size int
}{{"1 KB", 1 << 10}, {"16 KB", 16 << 10}}

const (
	hostileSize = 64 << 10
	hostileCol  = "64 KB"
	textBytes   = 1 << 20 // of a run
)

func textFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	cases, err := textCases()
	if err != nil {
		return nil, "", err
	}
	all, err := measure("texts", cases, o.rounds, o.each)
	if err != nil {
		return nil, "", err
	}
	profiles, err := profileSlowest(ctx, cases, all)
	return all, profiles, err
}

func textCases() (cases []*bench, err error) {
	e, err := builtin()
	if err != nil {
		return nil, err
	}
	for _, s := range textSizes {
		count := textBytes / s.size
		mixed := corpus.Values(1, s.size, count)
		cases = append(cases, scan(e, cell{kindTable, ordinary, s.name}, mixed, 0))
		for _, kind := range corpus.Kinds() {
			cases = append(cases, scan(e, cell{kindTable, kind, s.name}, corpus.Of(kind, 1, s.size, count), 0))
		}
		cases = append(cases, scan(e, cell{denseTable, ordinary, s.name}, mixed, 0))
		for _, kind := range corpus.DenseKinds() {
			values, n, err := corpus.Dense(kind, 1, s.size, count/4)
			if err != nil {
				return nil, err
			}
			cases = append(cases, scan(e, cell{denseTable, kind, s.name}, values, n))
		}
	}
	cases = append(cases, scan(e, cell{hostileTable, ordinary, hostileCol}, corpus.Values(1, hostileSize, textBytes/hostileSize), 0))
	for _, kind := range corpus.HostileKinds() {
		cases = append(cases, scan(e, cell{hostileTable, kind, hostileCol}, [][]byte{corpus.Hostile(kind, hostileSize)}, 0))
	}
	return cases, nil
}

func textTables(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nClean text of one kind, MB per second of CPU:\n")
	s.grid(&b, kindTable, "kind | "+strings.Join(s.cols(kindTable), " | "), s.cols(kindTable)...)
	fmt.Fprintf(&b, "\nText with a secret in nearly every line, MB per second of CPU (aim: at least 50):\n")
	s.grid(&b, denseTable, "kind | "+strings.Join(s.cols(denseTable), " | "), s.cols(denseTable)...)
	fmt.Fprintf(&b, "\nText that is meant to cost much, 64 KB, MB per second of CPU (aim: at least a twentieth of ordinary text):\n")
	heading(&b, "kind | MB/s | as a share of ordinary text")
	for _, row := range s.rows(hostileTable) {
		c := cell{hostileTable, row, hostileCol}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row, number(s.value(c)), share(s.ratio(c, cell{hostileTable, ordinary, hostileCol})))
	}
	return b.String()
}

func textRatios(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nTime for the same bytes, as a multiple of that for ordinary text of the same size:\n")
	heading(&b, "slowest of | kind, size | times | aim")
	for _, t := range []struct{ name, of, aim string }{
		{kindTable, "clean texts", ""}, {denseTable, "texts full of secrets", "50 MB/s"}, {hostileTable, "texts meant to cost much", "at most 20"},
	} {
		c, worst := s.slowest(t.name)
		fmt.Fprintf(&b, "| %s | %s, %s | %s | %s |\n", t.of, c.row, c.col, times(worst), t.aim)
	}
	return b.String()
}

// slowest is the cell of a table that is the most times slower than ordinary
// text of its size.
func (s sheet) slowest(table string) (slowest cell, worst float64) {
	worst = math.NaN()
	for _, row := range s.rows(table) {
		for _, col := range s.cols(table) {
			c := cell{table, row, col}
			v := s.ratio(cell{table, ordinary, col}, c)
			if row != ordinary && !math.IsNaN(v) && !(v <= worst) {
				slowest, worst = c, v
			}
		}
	}
	return slowest, worst
}

// share writes a part of one: a half, or how many times less.
func share(v float64) string {
	if v >= 0.1 || math.IsNaN(v) {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("1/%.0f", 1/v)
}

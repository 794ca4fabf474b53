package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// The tables of the part about the engine, and their rows.
const (
	engineTable = "engine"
	allocTable  = "engine allocations"
	buildTable  = "engine build"

	clean   = "clean text"
	planted = "one secret in 200 values"
	doubled = "clean text, twice as many rules"
	unnamed = "clean text, without names"
	formed  = "clean text, without names and words near a token"
	shaped  = "clean text, 240 rules of forms alone"
)

// fewRules is how many rules the prototype had that the aims come from.
const fewRules = 240

// sizes are the lengths of values, and how many of them are a run.
var sizes = []struct {
	name        string
	size, count int
}{
	{"64 B", 64, 20_000}, {"1 KB", 1 << 10, 2000}, {"16 KB", 16 << 10, 200}, {"256 KB", 256 << 10, 200},
}

// ruleSets are the built-in rules, and with as many again.
func ruleSets() (once, twice []*pack.Pack, err error) {
	if once, err = packs.Builtin(); err != nil {
		return nil, nil, err
	}
	return once, append(once[:len(once):len(once)], corpus.Double(1, once)), nil
}

// without leaves out what names give away and, if near is set, what only a word near it does.
func without(all []*pack.Pack, near bool) (some []*pack.Pack) {
	for _, p := range all {
		few := *p
		few.Names = nil
		few.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r pack.Rule) bool { return near && len(r.Near) > 0 })
		some = append(some, &few)
	}
	return some
}

// first leaves out all rules but so many.
func first(all []*pack.Pack, n int) (some []*pack.Pack) {
	for _, p := range all {
		few := *p
		few.Rules = p.Rules[:min(n, len(p.Rules))]
		n -= len(few.Rules)
		some = append(some, &few)
	}
	return some
}

func builtin() (*rules.Engine, error) {
	all, err := packs.Builtin()
	if err != nil {
		return nil, err
	}
	return rules.Compile(rules.Limits{}, all...)
}

func engineFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	cases, err := engineCases()
	if err != nil {
		return nil, "", err
	}
	all, err := measure("engine", cases, o.rounds, o.each)
	if err != nil {
		return nil, "", err
	}
	for range o.rounds {
		some, err := builds()
		if err != nil {
			return nil, "", err
		}
		all = append(all, some...)
	}
	profiles, err := profileSlowest(ctx, cases, all)
	return all, profiles, err
}

func engineCases() ([]*bench, error) {
	once, twice, err := ruleSets()
	if err != nil {
		return nil, err
	}
	engines := map[string]*rules.Engine{}
	for row, all := range map[string][]*pack.Pack{clean: once, doubled: twice, unnamed: without(once, false), formed: without(once, true), shaped: first(without(once, true), fewRules)} {
		if engines[row], err = rules.Compile(rules.Limits{}, all...); err != nil {
			return nil, fmt.Errorf("%s: %w", row, err)
		}
	}
	var cases []*bench
	for _, s := range sizes {
		values := corpus.Values(1, s.size, s.count)
		with := corpus.Values(2, s.size, s.count)
		n, err := corpus.Plant(3, with, 200)
		if err != nil {
			return nil, err
		}
		for _, row := range []string{clean, doubled, unnamed, formed, shaped} {
			cases = append(cases, scan(engines[row], cell{engineTable, row, s.name}, values, 0))
		}
		cases = append(cases, scan(engines[clean], cell{engineTable, planted, s.name}, with, n))
	}
	return cases, nil
}

// scan is the engine alone on values.
func scan(e *rules.Engine, in cell, values [][]byte, want int) *bench {
	total := 0
	for _, v := range values {
		total += len(v)
	}
	found := make([]rules.Finding, 0, 64)
	return &bench{
		name: in.name(), want: want,
		run: func() (int, error) {
			n := 0
			for _, v := range values {
				found = e.Scan(found[:0], v, rules.Context{})
				for _, f := range found {
					if f.Withheld != rules.None {
						return 0, fmt.Errorf("a text was withheld: %s", f.Withheld)
					}
				}
				n += len(found)
			}
			return n, nil
		},
		note: func(s sample) []figure.Figure {
			all := []figure.Figure{in.figure("MB/s", float64(total)/1e6/s.cpu)}
			if in.table == engineTable {
				in := in
				in.table = allocTable
				all = append(all, in.figure("allocations/value", s.allocs/float64(len(values))))
			}
			return all
		},
	}
}

// builds makes both engines anew, and says how long it took and what they hold.
func builds() (all []figure.Figure, err error) {
	once, twice, err := ruleSets()
	if err != nil {
		return nil, err
	}
	for _, set := range []struct {
		name  string
		packs []*pack.Pack
	}{{"built-in rules", once}, {"and as many again", twice}} {
		before, began := heap(), cpuTime()
		e, err := rules.Compile(rules.Limits{}, set.packs...)
		took := cpuTime() - began
		if err != nil {
			return nil, err
		}
		// Some tables are made by the first scan.
		if found := e.Scan(nil, corpus.Values(1, 16<<10, 1)[0], rules.Context{}); len(found) > 0 {
			return nil, fmt.Errorf("found %d secrets in a clean text", len(found))
		}
		held := heap() - before
		in := cell{table: buildTable, row: set.name}
		all = append(all, in.at("rules").figure("rules", float64(len(e.Rules()))),
			in.at("time").figure("ms", float64(took)/float64(time.Millisecond)), in.at("heap").figure("MB", held/1e6))
		runtime.KeepAlive(e)
	}
	return all, nil
}

// heap is how many bytes are in use.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what pools kept survives the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func engineTables(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nScanning with the built-in rules, one core, MB (10^6 bytes) per second of CPU; allocations per value in brackets:\n")
	cols := s.cols(engineTable)
	heading(&b, " | "+strings.Join(cols, " | "))
	for _, row := range s.rows(engineTable) {
		fmt.Fprintf(&b, "| %s |", row)
		for _, col := range cols {
			fmt.Fprintf(&b, " %s (%s) |", number(s.value(cell{engineTable, row, col})), perItem(s.least(cell{allocTable, row, col})))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nMaking an engine:\n")
	s.grid(&b, buildTable, " | rules | CPU, ms | heap, MB", "rules", "time", "heap")
	return b.String()
}

func engineRatios(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nTime for the same bytes, as a multiple of that for clean text of the same size:\n")
	cols := s.cols(engineTable)
	heading(&b, " | "+strings.Join(cols, " | ")+" | aim")
	for _, r := range []struct{ row, aim string }{{planted, "at most 1.30"}, {doubled, "at most 1.15"}, {unnamed, ""}, {formed, ""}, {shaped, ""}} {
		fmt.Fprintf(&b, "| %s |", r.row)
		for _, col := range cols {
			fmt.Fprintf(&b, " %s |", times(s.ratio(cell{engineTable, clean, col}, cell{engineTable, r.row, col})))
		}
		fmt.Fprintf(&b, " %s |\n", r.aim)
	}
	return b.String()
}

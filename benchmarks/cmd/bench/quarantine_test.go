package main

import (
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/pipeline"
	"github.com/tracescrub/tracescrub/benchmarks/record"
)

const printed = `goos: linux
BenchmarkPending-2   	       1	2200413006 ns/op	       213.2 bytes/item	      2200 ns/item
BenchmarkPending-2   	       1	1601408596 ns/op	       213.3 bytes/item	      1601 ns/item
PASS
`

func TestParseBenchmark(t *testing.T) {
	all, err := parseBenchmark(printed, "BenchmarkPending", 2)
	if err != nil || len(all) != 6 {
		t.Fatalf("%d figures, %v", len(all), err)
	}
	if f := all[4]; f.Row != "Pending" || f.Col != "bytes/item" || f.Value != 213.3 {
		t.Errorf("got %+v", f)
	}
	for name, out := range map[string]string{"one is missing": printed[:len(printed)/2], "no number": strings.ReplaceAll(printed, "213.2", "x")} {
		if _, err := parseBenchmark(out, "BenchmarkPending", 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestQuarantineTables(t *testing.T) {
	var all []figure.Figure
	for _, v := range []float64{3, 1, 2} {
		all = append(all,
			figure.Figure{Table: pipeline.ReleaseTable, Row: "local, masked", Col: "items", Unit: "items/s", Value: 100 * v},
			figure.Figure{Table: pipeline.BesideTable, Row: "local, " + pipeline.Alone, Col: "p50", Unit: "ms", Value: v},
			figure.Figure{Table: pendingTable, Row: "Pending", Col: "ns/item", Unit: "ns/item", Value: 1000 * v},
			figure.Figure{Table: pendingTable, Row: "Start", Col: "ms/start", Unit: "ms/start", Value: 500 * v},
		)
	}
	held := sheet(record.Gather(all))
	text := quarantineTables(held)
	for _, want := range []string{"| local, masked | 200 | NaN |", "| start altogether | 3.0 s |", "| start: opening the store | NaN s |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "local, alone") {
		t.Error("what the others are compared with has a row of its own")
	}
}

func TestAuditTables(t *testing.T) {
	var all []figure.Figure
	for _, v := range []float64{3, 1, 2} {
		all = append(all,
			figure.Figure{Table: auditTable, Row: "one", Col: "entries", Unit: "entries/s", Value: 10_000 * v},
			figure.Figure{Table: auditCheckTable, Row: "two", Col: "bytes", Unit: "bytes/entry", Value: 100 * v},
		)
	}
	text := auditTables(record.Gather(all))
	for _, want := range []string{"| one | 20,000 | NaN | NaN |", "| two | NaN | NaN | 200 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestIndexTables(t *testing.T) {
	all, err := parseBenchmark("BenchmarkIndex-2 1 9 ns/op 203.6 bytes/item 28212 ms/fold 9817 µs/oldest\n", "BenchmarkIndex", 1)
	if err != nil {
		t.Fatal(err)
	}
	text := indexTables(record.Gather(all))
	for _, want := range []string{"| memory for each | 204 bytes |", "| building the index | 28.2 s |", "| an item that comes, the oldest | 9.8 ms |", "| a list of the newest 50 | NaN ms |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/record"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		in   float64
		want string
	}{{3.14159, "3.1"}, {123.4, "123"}, {9999, "9999"}, {12_345, "12,300"}, {999_999, "999,900"}, {1_234_567, "1.23 million"}} {
		require.Equal(t, c.want, number(c.in))
	}
	require.Equal(t, []string{"0.50", "–", "1.05", "137"}, []string{share(0.5), times(sheet{}.value(cell{})), times(1.049), times(137.2)})
	require.Equal(t, "1/40", share(0.025))
	require.Equal(t, []string{"0", "0.0052", "6.7", "485", "11,600"}, []string{perItem(0.0009), perItem(0.00518), perItem(6.7), perItem(485.2), perItem(11_611)})
}

// TestPageIsOfItsRecords: every figure of the page comes from the records beside
// it, and nothing between the markers was written by hand.
func TestPageIsOfItsRecords(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	text, err := tables("../../records")
	require.NoError(t, err)
	made, err := between(string(page), text)
	require.NoError(t, err)
	require.Equal(t, string(page), made, "make it again by `go run ./benchmarks/cmd/bench -page`")
	twice, err := between(made, text)
	require.NoError(t, err)
	require.Equal(t, made, twice)
	_, err = between("no markers", "x")
	require.Error(t, err)
	_, err = tables(t.TempDir())
	require.ErrorContains(t, err, "no record")
}

// TestRatio: the quotients are those of one run each, and what is missing is no number.
func TestRatio(t *testing.T) {
	a, b := cell{"t", "a", "c"}, cell{"t", "b", "c"}
	var all []figure.Figure
	for _, v := range [][2]float64{{6, 2}, {10, 10}, {40, 20}} { // the machine got faster meanwhile
		all = append(all, a.figure("x", v[0]), b.figure("x", v[1]))
	}
	s := sheet(record.Gather(all))
	require.InDelta(t, 2, s.ratio(a, b), 1e-9)
	require.InDelta(t, 6, s.least(a), 0)
	require.Equal(t, "–", times(s.ratio(a, cell{"t", "none", "c"})))
	s = sheet(record.Gather(all[:5]))
	require.InDelta(t, 1, s.ratio(a, b), 1e-9, "of medians, where the runs do not pair")
}

func engineSheet() sheet {
	var all []figure.Figure
	for _, v := range []float64{3, 1, 2} {
		all = append(all,
			cell{engineTable, clean, "64 B"}.figure("MB/s", 100*v), cell{engineTable, planted, "64 B"}.figure("MB/s", 80*v),
			cell{allocTable, clean, "64 B"}.figure("allocations/value", v/1e4),
			cell{buildTable, "built-in rules", "heap"}.figure("MB", v))
	}
	return record.Gather(all)
}

func TestEngineTables(t *testing.T) {
	s := engineSheet()
	text := engineTables(s)
	require.Contains(t, text, "|  | 64 B |\n|---|---|\n| clean text | 200 (0) |\n")
	require.Contains(t, text, "| built-in rules | NaN | NaN | 2.00 |")
	text = engineRatios(s)
	require.Contains(t, text, "| one secret in 200 values | 1.25 | at most 1.30 |")
	require.Contains(t, text, "| clean text, twice as many rules | – | at most 1.15 |")
}

func TestTextTables(t *testing.T) {
	hostile := corpus.HostileKinds()
	s := sheet(record.Gather([]figure.Figure{
		cell{kindTable, ordinary, "1 KB"}.figure("MB/s", 160), cell{kindTable, "prose", "1 KB"}.figure("MB/s", 40),
		cell{denseTable, ordinary, "1 KB"}.figure("MB/s", 160), cell{denseTable, ".env files", "1 KB"}.figure("MB/s", 8),
		cell{hostileTable, ordinary, hostileCol}.figure("MB/s", 160),
		cell{hostileTable, hostile[0], hostileCol}.figure("MB/s", 4), cell{hostileTable, hostile[1], hostileCol}.figure("MB/s", 2),
	}))
	text := textTables(s)
	for _, want := range []string{"| prose | 40.0 |", "| .env files | 8.00 |", "| " + hostile[0] + " | 4.0 | 1/40 |"} {
		require.Contains(t, text, want)
	}
	text = textRatios(s)
	require.Contains(t, text, "| texts full of secrets | .env files, 1 KB | 20.00 | 50 MB/s |")
	require.Contains(t, text, "| texts meant to cost much | "+hostile[1]+", 64 KB | 80.00 | at most 20 |")
}

// TestOtherTables: what programs of their own print is on the page, ratios by
// themselves, and what is not installed says so.
func TestOtherTables(t *testing.T) {
	s := sheet(record.Gather([]figure.Figure{
		cell{"peers", "ours", "64 B"}.figure("MB/s", 300), cell{"peers allocations", "ours", "64 B"}.figure("allocations/value", 0.25),
		cell{"peers", "Vectorscan", "64 B"}.figure(absent, 0),
		cell{"peers ratio", "gitleaks", "64 B"}.figure("x", 101.4),
		cell{"collector", "short", "secret_mask : none"}.figure(ratioUnit, 1.2), cell{"collector", "short", "none"}.figure("µs/span", 9),
		cell{"surprise", "a", "b"}.figure("spans/s", 5), cell{"surprise", "c", "d"}.figure("ms", 6),
	}))
	text := otherTables(s)
	for _, want := range []string{
		captionOf("peers") + "\n\n|  | 64 B |\n|---|---|\n| ours | 300 (0.25) |\n| Vectorscan | not installed |\n",
		"\n|  | none |\n|---|---|\n| short | 9.00 |\n", "\nSurprise:\n\n|  | b, spans/s | d, ms |\n|---|---|---|\n| a | 5.00 | – |\n",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "101")
	text = otherRatios(s)
	require.Contains(t, text, "| gitleaks | 101 |")
	require.Contains(t, text, "|  | secret_mask : none |\n|---|---|\n| short | 1.20 |")
	require.Equal(t, 2, strings.Count(text, "|---|---|\n"))
}

// TestAccuracyTables: counts say of how many, what is no count has its digits,
// and who was not asked has a dash.
func TestAccuracyTables(t *testing.T) {
	count := func(table, row, col string, n, of float64) []figure.Figure {
		return []figure.Figure{cell{table, row, col}.figure("count", n), cell{table + ofSuffix, row, col}.figure("count", of)}
	}
	s := sheet(record.Gather(slices.Concat(
		[]figure.Figure{
			cell{accuracySpeed, "ours", "speed"}.figure("MB/s", 29.4), cell{accuracySpeed, "theirs", "speed"}.figure("MB/s", 0.283),
			cell{accuracyRules, "left out", "rules"}.figure("count", 300),
		},
		count(accuracyPlaces, "ours", "all", 199, 199), count(accuracyPlaces, "ours", "spans", 43, 43),
		count(accuracyKinds, "keys", "ours", 48, 48),
		count(accuracyLeaked, "ours", "all", 0, 1914), count(accuracyLeaked, "theirs", "all", 12345, 19140),
		count(accuracyDamaged, "ours", "types", 0, 3),
	)))
	text := accuracyTables(s)
	for _, want := range []string{
		"| ours | 199 of 199 | 0 of 1914 | – | – | – | – | 29.4 |\n| theirs | – | 12345 of 19140 | – | – | – | – | 0.28 |\n",
		"| ours | – | – | 0 of 3 |\n", "| ours | 43 of 43 | – | – |\n", "| keys | 48 of 48 |\n", "| left out | 300 |\n",
	} {
		require.Contains(t, text, want)
	}
}

// TestSectionSaysWhere: commit and date of each part, and the machine if it is another.
func TestSectionSaysWhere(t *testing.T) {
	here := record.Place{Machine: "m, 2 cores", Go: "go1", Commit: "abc", Date: "2026-01-02"}
	r := &record.Record{Part: "engine", Place: here, Series: record.Gather([]figure.Figure{{Table: engineTable, Row: clean, Col: "64 B"}})}
	require.Contains(t, section(parts[0], r, here), "\n## Engine by size\n\nCommit abc, 2026-01-02; runs: 1.\n\n")
	r.Machine = "n, 4 cores"
	require.Contains(t, section(parts[0], r, here), "Commit abc, 2026-01-02, on n, 4 cores, go1; runs: 1.\n\n")
}

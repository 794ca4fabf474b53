package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

func some() *Record {
	var all []figure.Figure
	for _, v := range []float64{3, 1, 2.5} {
		all = append(all,
			figure.Figure{Table: "audit check", Row: "`audit_log`, 100 % a/b", Col: "p50", Unit: "ms", Value: v},
			figure.Figure{Table: "audit check", Row: "", Col: "64 B", Unit: "MB/s", Value: 1e6 * v},
			figure.Figure{Table: "t", Row: "µ-2", Col: "c", Unit: "", Value: v},
		)
	}
	return &Record{Part: "audit", Place: Place{Machine: "a machine, 2 cores", Go: "go1", Commit: "abc with changes", Date: "2026-01-02"}, Series: Gather(all)}
}

func TestReadsWhatItWrote(t *testing.T) {
	r := some()
	require.Len(t, r.Series, 3)
	require.InDelta(t, 2.5, r.Series[0].Value, 0)
	require.Equal(t, []float64{3, 1, 2.5}, r.Series[0].Values)
	var b strings.Builder
	require.NoError(t, r.Write(&b))
	back, err := Read(strings.NewReader(b.String()))
	require.NoError(t, err)
	require.Equal(t, r, back)
	require.Contains(t, b.String(), "BenchmarkAudit_check/`audit%5Flog`,_100_%25_a%2Fb/p50 1 2.5 ms\n")
	require.Contains(t, b.String(), "Unit MB/s better=higher\n")
	require.Contains(t, b.String(), "Unit ms better=lower\n")
}

func TestMistakes(t *testing.T) {
	const head = "part: a\nmachine: b\ngo: c\ncommit: d\ndate: e\n"
	for name, text := range map[string]string{
		"a key is missing":  "part: a\nmachine: b\ngo: c\ncommit: d\n",
		"an unknown key":    head + "colour: red\n",
		"no figure":         head + "some words\n",
		"no number":         head + "BenchmarkT/r/c 1 x ms\n",
		"no column":         head + "BenchmarkT/r 1 1 ms\n",
		"no unit":           head + "BenchmarkT/r/c 1 1\n",
		"no table":          head + "Benchmark/r/c 1 1 ms\n",
		"a broken encoding": head + "BenchmarkT/r%zz/c 1 1 ms\n",
	} {
		_, err := Read(strings.NewReader(text))
		require.Error(t, err, name)
	}
	r, err := Read(strings.NewReader(head + "BenchmarkT/r/c 1 1 ms\n"))
	require.NoError(t, err)
	require.Len(t, r.Series, 1)
	for _, table := range []string{"", "Capital"} {
		r.Series[0].Table = table
		require.ErrorContains(t, r.Write(&strings.Builder{}), "small letter")
	}
}

func TestLatest(t *testing.T) {
	dir := t.TempDir()
	r, err := Latest(dir, "audit")
	require.NoError(t, err)
	require.Nil(t, r)
	old := some()
	for _, date := range []string{"2026-01-02", "2026-03-01", "2025-12-31"} {
		old.Date = date
		file, err := old.Save(dir)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, "audit", date+".txt"), file)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "audit", "compared.txt"), []byte("no record"), 0o600))
	r, err = Latest(dir, "audit")
	require.NoError(t, err)
	require.Equal(t, "2026-03-01", r.Date)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "audit", "2027-01-01.txt"), []byte("no record"), 0o600))
	_, err = Latest(dir, "audit")
	require.ErrorContains(t, err, "2027-01-01.txt: line 1")
}

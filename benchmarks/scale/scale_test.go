package scale

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocuments: the tables of the documents are those of the records beside
// them; nobody wrote a figure by hand.
func TestDocuments(t *testing.T) {
	c, err := Read("../records")
	require.NoError(t, err)
	for file, tables := range Documents(Usual, c) {
		text, err := os.ReadFile(filepath.Join("../..", file))
		require.NoError(t, err)
		for name, table := range tables {
			made, err := Put(string(text), name, table)
			require.NoError(t, err, file)
			require.Equal(t, string(text), made, "%s: make it again by `go run ./benchmarks/cmd/scale`", file)
			require.NotContains(t, table, "NaN")
			changed := strings.Replace(string(text), table, strings.Replace(table, "1", "2", 1), 1)
			made, err = Put(changed, name, table)
			require.NoError(t, err)
			require.NotEqual(t, changed, made, "%s, %s: a figure that was changed is not noticed", file, name)
		}
	}
	_, err = Read(t.TempDir())
	require.ErrorContains(t, err, "collector has no")
	_, err = Put("no markers", "rates", "x")
	require.Error(t, err)
}

// TestPlan: what a rate takes, computed by hand for costs that make it easy.
func TestPlan(t *testing.T) {
	c := &Costs{
		Span: []float64{1e-5, 2e-5, 1e-4}, Holds: 2000, Releases: 500, ItemMemory: 200, StartMemory: 2.5e9,
		Fold: 1e-6, Entries: 100_000, EntryBytes: 650,
	}
	p := Usual.Plan(c, 100_000)
	require.InDelta(t, 4, p.Cores, 1e-9)         // 100,000 x 20 µs, at half
	require.InDelta(t, 2, p.Gateways, 1e-9)      // never one alone
	require.InDelta(t, 0.5, p.HeldRate, 1e-9)    // 5000 traces/s, 1 of 10,000
	require.InDelta(t, 302_400, p.Waiting, 1e-6) // a week of them
	require.InDelta(t, 1, p.Clusters, 1e-9)      //
	require.InDelta(t, 12, p.Partitions, 1e-9)   // never less
	require.InDelta(t, 18.144e9, p.Topics, 1)    // 20 KB each, three times
	require.InDelta(t, 75.6e6, p.GateMemory, 1)  // 250 bytes each while it starts
	require.InDelta(t, 0.3024, p.Start, 1e-9)    //
	require.InDelta(t, 100.5, p.Entries, 1e-9)   // 2 % and what is held
	require.InDelta(t, 1, p.Logs, 1e-9)          //
	require.InDelta(t, 5_644_080_000, p.LogBytes, 1)
	require.InDelta(t, 90, p.People, 1e-9) // 43,200 items a day, 480 for one person
	large := Usual.Plan(c, 1e9)
	require.Greater(t, large.Clusters, 1.0)
	require.LessOrEqual(t, large.Waiting/large.Clusters, Usual.ItemsPerCluster)
	require.LessOrEqual(t, large.HeldRate/large.Clusters, c.Releases)
	require.Zero(t, math.Mod(large.Partitions, 12))
}

func TestNumbers(t *testing.T) {
	require.Equal(t, []string{"1", "999", "12,300", "1,240,000"}, []string{count(0.2), count(999), count(12_345), count(1_235_000)})
	require.Equal(t, []string{"10 KB", "3.3 MB", "950 B", "1.5 GB"}, []string{bytes(10_000), bytes(3.33e6), bytes(950), bytes(1.49e9)})
	require.Equal(t, []string{"43,200 a day", "51/s"}, []string{rate(0.5), rate(50.5)})
	require.Equal(t, []string{"10 M", "100 k"}, []string{short(1e7), short(1e5)})
}

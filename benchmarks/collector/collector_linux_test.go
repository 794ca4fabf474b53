package collector

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// small has everything that the shapes of the page have.
var small = []shape{{name: "small", long: 128, spans: 25}}

// relays are options with the test's own binary for all Collectors.
func relays(t *testing.T, how string) Options {
	t.Helper()
	t.Setenv(relayVariable, how)
	return Options{
		Binaries: Binaries{Peers: "/proc/self/exe", Shipped: "/proc/self/exe"}, Rounds: 2, Each: 40 * time.Millisecond, Dir: t.TempDir(),
		Progress: t.Logf,
	}
}

// columns are those of a row, sorted, with how often each is there.
func columns(all []figure.Figure, table, row string) map[string]int {
	n := map[string]int{}
	for _, f := range all {
		if f.Table == table && f.Row == row {
			n[f.Col]++
		}
	}
	return n
}

// TestAnswers: whatever a Collector does wrong ends the measuring.
func TestAnswers(t *testing.T) {
	for how, want := range map[string]string{
		"loses":          "spans arrived",
		"leaks":          "in the clear",
		"masks too much": "masks arrived for",
		"masks unasked":  "without a processor 0 secrets arrived",
	} {
		t.Run(how, func(t *testing.T) {
			o := relays(t, how)
			_, err := o.cost(t.Context(), small)
			require.ErrorContains(t, err, want)
			_, err = o.latency(t.Context(), small)
			require.ErrorContains(t, err, want)
		})
	}
	t.Run("a Collector that ends", func(t *testing.T) {
		o := relays(t, "honest")
		o.Peers = "/bin/false"
		_, err := o.cost(t.Context(), small)
		require.ErrorContains(t, err, "has ended")
	})
}

// TestCost: every Collector is measured in every round.
func TestCost(t *testing.T) {
	all, err := relays(t, "honest").cost(t.Context(), small)
	require.NoError(t, err)
	require.Equal(t, map[string]int{
		"secret_mask : none": 2, "with two rules : none": 2, "redaction : none": 2,
		"added : added by redaction": 2, "added : added by redaction with a bearer token": 2,
		"none": 2, "secret_mask": 2, "with two rules": 2, "redaction": 2, "with a bearer token": 2, "distribution": 2,
	}, columns(all, CostTable, "small"))
	require.Len(t, all, 22)
	require.Equal(t, "ratio", all[0].Unit, "ratios first")
}

func TestCosts(t *testing.T) {
	got := map[string]float64{}
	for _, f := range costs("row", []float64{10, 13, 20, 40, 12, 14}) {
		got[f.Col] = f.Value
	}
	require.Equal(t, map[string]float64{
		"secret_mask : none": 1.3, "with two rules : none": 1.2, "redaction : none": 2,
		"added : added by redaction": 0.3, "added : added by redaction with a bearer token": 0.1,
		"none": 10, "secret_mask": 13, "with two rules": 12, "redaction": 20, "with a bearer token": 40, "distribution": 14,
	}, got)
}

func TestLatency(t *testing.T) {
	all, err := relays(t, "honest").latency(t.Context(), small)
	require.NoError(t, err)
	for _, row := range []string{"small, no processor", "small, secret_mask"} {
		require.Equal(t, map[string]int{"p99 : p50": 2, "p50": 2, "p99": 2, "capacity": 2}, columns(all, LatencyTable, row))
	}
}

func TestLarge(t *testing.T) {
	list := []large{{"a", "value", 1, 1000, 3}, {"b", "value", 1, 10_000, 2}, {"c", "attributes", 500, 32, 2}}
	all, err := relays(t, "honest").large(t.Context(), list)
	require.NoError(t, err)
	for _, g := range list {
		require.Len(t, columns(all, LargeTable, g.name), 6)
	}
	_, err = relays(t, "leaks").large(t.Context(), list)
	require.ErrorContains(t, err, "in the clear")
}

// TestReload: the rules are reloaded while requests go on.
func TestReload(t *testing.T) {
	measure := func(how string) error {
		o := relays(t, how)
		c := &changes{file: filepath.Join(t.TempDir(), "rules.yaml")}
		require.NoError(t, c.change())
		s := with(o.Binaries)
		s.processor = `secret_mask: {rules: {packs: ["` + c.file + `"]}}`
		rigs, err := o.startAll(t.Context(), s)
		require.NoError(t, err)
		defer func() { require.NoError(t, closeAll(rigs)) }()
		l, err := newLoad(small[0], labelMask)
		require.NoError(t, err)
		waits, err := rigs[0].reloading(t.Context(), l, 50, 50*time.Millisecond, c)
		if err == nil {
			require.NotEmpty(t, waits)
			require.Len(t, c.during, roundReloads)
			require.Equal(t, 1+roundReloads, c.version)
		}
		return err
	}
	require.NoError(t, measure("honest"))
	require.ErrorContains(t, measure("fails reloads"), "reloads failed")
}

// TestSoak: a Collector that grows does not pass.
func TestSoak(t *testing.T) {
	all, err := relays(t, "honest").soak(t.Context(), 15, 60*time.Millisecond, 200)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(all, func(f figure.Figure) bool { return f.Row == "heap" && f.Value == 50 }))
	_, err = relays(t, "grows").soak(t.Context(), 15, 60*time.Millisecond, 200)
	require.ErrorContains(t, err, "heap memory grew")
}

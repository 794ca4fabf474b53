//go:build !race

// Under the race detector sync.Pool forgets at random, so allocations say nothing there.

package secretmaskprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCleanDataCostNoAllocationPerItem compares batches of one and of many
// spans: what is left is per batch.
func TestCleanDataCostNoAllocationPerItem(t *testing.T) {
	t.Run("masking", func(t *testing.T) { allocationsPerItem(t, testConfig(t)) })
	t.Run("holding", func(t *testing.T) {
		cfg := testConfig(t)
		newVault(t, cfg)
		allocationsPerItem(t, cfg)
	})
}

func allocationsPerItem(t *testing.T, cfg *Config) {
	t.Helper()
	h := start(t, cfg)
	p := &instance{core: h.core}
	allocs := func(spans int) float64 {
		td := cleanBatch(spans)
		return testing.AllocsPerRun(50, func() {
			if _, err := p.traces(context.Background(), td); err != nil {
				t.Error(err)
			}
		})
	}
	one, many := allocs(1), allocs(1000)
	require.InDelta(t, one, many, 2, "%v allocations for a span, %v for 1000", one, many)
	require.Less(t, one, 25.0)
}

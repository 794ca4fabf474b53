package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// million is how many items wait in the benchmark.
const million = 1_000_000

// BenchmarkStart opens a store with a million items, which are in the system's
// cache, and follows it until it has told of all: the medians of all runs. What an item's telemetry is does not count, so it is two
// bytes; its capsule and its metadata are as large as any.
// benchmarks/cmd/bench runs it.
func BenchmarkStart(b *testing.B) {
	cfg := Config{Directory: filepath.Join(b.TempDir(), "store")}
	fillStore(b, cfg, million)
	var opening, starting []float64
	for b.Loop() {
		began := time.Now()
		s, err := Open(cfg)
		require.NoError(b, err)
		opening = append(opening, float64(time.Since(began).Milliseconds()))
		n := 0
		errEnough := errors.New("enough")
		err = s.Follow(context.Background(), func(e holdstore.Event) error {
			switch {
			case e.CaughtUp:
				return errEnough
			case e.Held != nil:
				n++
			}
			return nil
		})
		starting = append(starting, float64(time.Since(began).Milliseconds()))
		require.ErrorIs(b, err, errEnough)
		require.Equal(b, million, n)
		require.NoError(b, s.Close())
	}
	b.ReportMetric(median(opening), "ms/open")
	b.ReportMetric(median(starting), "ms/start")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// fillStore puts n items as many callers would.
func fillStore(b *testing.B, cfg Config, n int) {
	b.Helper()
	s, err := Open(cfg)
	require.NoError(b, err)
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // G404: the bytes of a benchmark
	for i := 0; i < n; i += maxBatch {
		batch := make([]*request, min(maxBatch, n-i))
		for j := range batch {
			batch[j] = &request{item: benchItem(rng, i+j), done: make(chan struct{})}
		}
		store := s.(*handle).shared.store
		require.NoError(b, store.do(context.Background(), &request{job: func() error { store.commit(batch); return nil }}))
		for _, q := range batch {
			require.NoError(b, q.err)
		}
	}
	require.NoError(b, s.Close())
}

func benchItem(rng *rand.Rand, i int) *holdstore.Item {
	it := &holdstore.Item{Meta: holdstore.Meta{
		Signal: "traces", Service: fmt.Sprintf("agent-%02d", i%40), Severity: "critical",
		Rules:    []string{fmt.Sprintf("rule-%03d", i%200), fmt.Sprintf("rule-%03d", 200+i%3)},
		Findings: 3, Secrets: 2, Spans: 12, Bytes: 10_000, HeldAt: time.Now().Add(-time.Duration(i%4) * 24 * time.Hour),
		Policy: "0123456789abcdef", Producer: fmt.Sprintf("producer %02d", i%60),
	}, View: [][]byte{{1}}, Restore: [][]byte{{2}}}
	it.Capsule.Enc = make([]byte, 1120)
	for _, b := range [][]byte{it.ID[:], it.Trace[:], it.Sum[:], it.Capsule.Enc} {
		for k := 0; k < len(b); k += 8 {
			binary.BigEndian.PutUint64(b[k:], rng.Uint64())
		}
	}
	// A few thousand at a time are near each other, or filling the store
	// would take ten times as long: random pages, each written a hundred times.
	binary.BigEndian.PutUint32(it.ID[:], uint32(i>>13)) //nolint:gosec // G115: less than a million
	return it
}

package auditlog

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkAppend measures entries of about 500 bytes from one caller and from
// many, each of which waits until its entry is durable.
func BenchmarkAppend(b *testing.B) {
	for name, callers := range map[string]int{"1": 1, "256": 256} {
		b.Run(name, func(b *testing.B) {
			cfg := config(b.TempDir())
			cfg.SegmentBytes = 1 << 40 // the log adds entries of its own where a segment begins
			w, err := Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			var next atomic.Int64
			pad := strings.Repeat("x", 150)
			took := make([]time.Duration, b.N)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
						ev := masked(n)
						ev.Attributes["tracescrub.service"] = pad
						at := time.Now()
						if _, err := w.Append(context.Background(), ev); err != nil {
							b.Error(err)
						}
						took[n] = time.Since(at)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			if got := w.State().Size; got != int64(b.N)+1 {
				b.Fatalf("%d entries, and %d were appended", got, b.N)
			}
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
		})
	}
}

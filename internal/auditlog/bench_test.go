package auditlog

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkAppend measures entries of about 500 bytes from one caller and from many.
func BenchmarkAppend(b *testing.B) {
	for name, callers := range map[string]int{"1": 1, "256": 256} {
		b.Run(name, func(b *testing.B) {
			w, err := Open(config(b.TempDir()))
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			var n atomic.Int64
			pad := strings.Repeat("x", 150)
			b.SetParallelism(callers)
			b.ResetTimer()
			work := func() {
				ev := masked(int(n.Add(1)))
				ev.Attributes["tracescrub.service"] = pad
				if _, err := w.Append(context.Background(), ev); err != nil {
					b.Error(err)
				}
			}
			if callers == 1 {
				for range b.N {
					work()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						work()
					}
				})
			}
			b.ReportMetric(float64(w.State().Size)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

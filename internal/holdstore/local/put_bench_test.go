package local

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

func openBench(b *testing.B) *handle {
	b.Helper()
	s, err := openWith(Config{Directory: filepath.Join(b.TempDir(), "store"), MaxBytes: 1 << 40}, options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s.(*handle)
}

// BenchmarkPut is what a sender waits for, by how many there are: 10 KB items.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := openBench(b)
			template := storetest.Item(1, 9500, 500)
			took := make([][]time.Duration, callers)
			var n atomic.Int64
			var wg sync.WaitGroup
			b.SetBytes(10_000)
			b.ResetTimer()
			for c := range callers {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						it := *template
						binary.BigEndian.PutUint64(it.ID[:], uint64(i)*0x9e3779b97f4a7c15)
						began := time.Now()
						if err := s.Put(b.Context(), &it); err != nil {
							b.Error(err)
							return
						}
						took[c] = append(took[c], time.Since(began))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(took...)
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// BenchmarkShred destroys items one after the other, each with its bytes.
func BenchmarkShred(b *testing.B) {
	s := openBench(b)
	var ids []envelope.ID
	for i := range 5000 + b.N {
		it := storetest.Item(uint64(i), 100, 0)
		ids = append(ids, it.ID)
		if err := s.Put(b.Context(), it); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		if err := s.Shred(b.Context(), ids[i], [16]byte{}); err != nil {
			b.Fatal(err)
		}
		for {
			done, err := s.Shredded(b.Context(), ids[i], holdstore.Ref{})
			if err != nil {
				b.Fatal(err)
			}
			if done {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

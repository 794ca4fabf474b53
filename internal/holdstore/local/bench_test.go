package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

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

// fillIndex writes an index of n items, without chunks and capsules.
func fillIndex(b *testing.B, s *handle, n int) {
	b.Helper()
	it := storetest.Item(1, 1, 1)
	for i := 0; i < n; {
		err := s.shared.state.update(func(tx *bolt.Tx) error {
			tx.Bucket(bucketEvents).FillPercent = 1
			for j := 0; j < 20_000 && i < n; i, j = i+1, j+1 {
				binary.BigEndian.PutUint64(it.ID[:], uint64(i)*0x9e3779b97f4a7c15)
				binary.BigEndian.PutUint64(it.Trace[:], uint64(i))
				it.Service = fmt.Sprint("service-", i%100)
				p := place{day: 20260101, keys: 1}
				seq, err := addEvent(tx, encodeHeld(it, p))
				if err != nil {
					return err
				}
				p.seq = seq
				if err := tx.Bucket(bucketIDs).Put(it.ID[:], p.encode()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.shared.refresh(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkStart opens a store of a million items and reads its index.
func BenchmarkStart(b *testing.B) {
	const items = 1_000_000
	s := openBench(b)
	fillIndex(b, s, items)
	dir := s.shared.dir
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	enough := errors.New("enough")
	b.ResetTimer()
	var opened time.Duration
	var kept []*holdstore.Meta
	var before, after runtime.MemStats
	for range b.N {
		kept = nil
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		s := start1B(b, dir)
		opened += time.Since(began)
		kept = make([]*holdstore.Meta, 0, items)
		if err := s.Follow(b.Context(), func(e holdstore.Event) error {
			if e.CaughtUp {
				return enough
			}
			kept = append(kept, e.Held)
			return nil
		}); !errors.Is(err, enough) {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if len(kept) != items {
			b.Fatalf("%d items", len(kept))
		}
		s.Close()
	}
	b.ReportMetric(opened.Seconds()/float64(b.N), "open-s")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/items, "B/item")
	runtime.KeepAlive(kept)
}

func start1B(b *testing.B, dir string) holdstore.Store {
	b.Helper()
	s, err := openWith(Config{Directory: dir, MaxBytes: 1 << 40}, options{})
	if err != nil {
		b.Fatal(err)
	}
	return s
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

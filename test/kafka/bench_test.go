package kafka_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// BenchmarkPut puts items from many callers; every item is read back at the end.
func BenchmarkPut(b *testing.B) {
	for _, bench := range []struct{ size, callers int }{{10_000, 1}, {10_000, 64}, {1_000_000, 16}, {50_000_000, 1}} {
		b.Run(fmt.Sprintf("%dB/%d_callers", bench.size, bench.callers), func(b *testing.B) {
			br := newBroker(b, kfake.DataDir(b.TempDir()))
			s := open(b, br.config(""))
			b.SetBytes(int64(bench.size))
			var n atomic.Int64
			var wg sync.WaitGroup
			template := storetest.Item(1, bench.size, 0)
			b.ResetTimer()
			for range bench.callers {
				wg.Go(func() {
					for {
						i := n.Add(1)
						if i > int64(b.N) {
							return
						}
						it := *template
						it.ID = envelope.ID(numbered(i))
						it.Trace = numbered(-i)
						if err := s.Put(b.Context(), &it); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			require.Len(b, replay(b, s).refs, b.N)
		})
	}
}

// numbered is a different 16 bytes for each number, spread like ids are.
func numbered(n int64) [16]byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // G115: the same bits
	return [16]byte(sum[:16])
}

// BenchmarkReplay reads an index of 1,000,000 entries (or what REPLAY says),
// each a batch of its own with a capsule of full size.
func BenchmarkReplay(b *testing.B) {
	count := 1_000_000
	if text := os.Getenv("REPLAY"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	br := newBroker(b, kfake.DataDir(b.TempDir()))
	cfg := br.config("")
	cfg.Topics.Partitions = 12
	s := open(b, cfg)
	began := time.Now()
	br.fill(b, s, count, cfg.Topics.Partitions)
	b.Logf("written in %v", time.Since(began).Round(time.Second))
	b.ResetTimer()
	for range b.N {
		seen := 0
		enough := errors.New("enough")
		err := s.Follow(b.Context(), func(e holdstore.Event) error {
			if e.Held != nil {
				seen++
			}
			if e.CaughtUp {
				return enough
			}
			return nil
		})
		require.ErrorIs(b, err, enough)
		require.Equal(b, count, seen)
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB_sys")
}

// fill writes entries as the store does, only faster: a real entry with other ids.
func (br *broker) fill(b *testing.B, s holdstore.Store, count, partitions int) {
	b.Helper()
	it := storetest.Item(1, 10_000, 1000)
	_, _, value := br.entryOf(b, s, it)
	cl, err := kgo.NewClient(kgo.SeedBrokers(br.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(int32(len(value))+300), kgo.ProducerBatchCompression(kgo.NoCompression()), //nolint:gosec // G115: a small number
		kgo.MaxBufferedRecords(20_000), kgo.ProducerLinger(0))
	require.NoError(b, err)
	defer cl.Close()
	var failed atomic.Pointer[error]
	for n := 1; n < count; n++ {
		id, trace := numbered(int64(n)), numbered(int64(-n))
		v := bytes.Clone(value)
		copy(v[1:], id[:])
		copy(v[17:], trace[:])
		sum := sha256.Sum256(trace[:])
		p := int32(binary.BigEndian.Uint64(sum[:8]) % uint64(partitions)) //nolint:gosec // G115: below partitions
		cl.Produce(context.Background(), &kgo.Record{Topic: "tracescrub.index", Partition: p, Key: id[:], Value: v}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	require.NoError(b, cl.Flush(b.Context()))
	require.Nil(b, failed.Load())
}

package ledger

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// million is how million items wait in the benchmarks.
const million = 1_000_000

// texts returns n different ones.
func texts(what string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%03d", what, i)
	}
	return all
}

var (
	services  = texts("agent", 40)
	producers = texts("producer", 60)
	rulesOf   = func() (all [][]string) {
		for i, r := range texts("rule", 200) {
			all = append(all, []string{r, fmt.Sprintf("rule-%03d", 200+i%3)})
		}
		return all
	}()
)

// told is item i as a store tells of it: ids and sums are of a hash, services,
// rules and producers are few.
func told(i uint64, at time.Time) holdstore.Meta {
	m := holdstore.Meta{
		Signal: "traces", Service: services[i%40], Severity: severities[3+i%2], Rules: rulesOf[i%200],
		Findings: 3, Secrets: 2, Spans: 12, Bytes: 10_000, HeldAt: at.Add(time.Duration(i) * time.Millisecond),
		Policy: "0123456789abcdef", Producer: producers[i%60],
	}
	scatter(m.ID[:], i)
	scatter(m.Trace[:], i+1<<40)
	scatter(m.Sum[:], i+1<<41)
	return m
}

// scatter fills b with bytes that differ for every i (splitmix64).
func scatter(b []byte, i uint64) {
	for ; len(b) >= 8; b = b[8:] {
		i += 0x9e3779b97f4a7c15
		z := (i ^ i>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.BigEndian.PutUint64(b, z^z>>31)
	}
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkPending folds a million items, of which one in a hundred has a
// vote: how much memory each takes, and how fast it goes. benchmarks/cmd/bench runs it.
func BenchmarkPending(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		before := heap()
		l := New(testKey, testRules())
		b.StartTimer()
		for i := range uint64(million) {
			m := told(i, at)
			_, err := l.Apply(holdstore.Event{Held: &m, Ref: holdstore.Ref{Index: int64(i), View: 1, Restore: 1}})
			require.NoError(b, err)
			if i%100 == 0 {
				_, err := l.Apply(vote(m, int64(i)))
				require.NoError(b, err)
			}
		}
		_, err := l.Apply(holdstore.Event{CaughtUp: true})
		require.NoError(b, err)
		b.StopTimer()
		b.ReportMetric((heap()-before)/million, "bytes/item")
		checkPending(b, l, at)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/item")
}

// vote is one of two that the item needs.
func vote(m holdstore.Meta, offset int64) holdstore.Event {
	rec := Record{Item: m.ID, Trace: m.Trace, Kind: Approve, Expect: 1, At: m.HeldAt, By: "issuer somebody", Reason: "a good one", Mode: "masked", Required: 2}
	scatter(rec.Nonce[:], uint64(offset))
	entry := rec.Encode(testKey)
	return holdstore.Event{Record: &entry, At: holdstore.Position{Offset: offset}}
}

// checkPending sees that the ledger knows all of them, not only that it is fast.
func checkPending(b *testing.B, l *Ledger, at time.Time) {
	b.Helper()
	require.Equal(b, million, l.Stats().States[gate.Pending])
	last := told(million-1, at)
	page, err := l.List(gate.Query{PageSize: 1})
	require.NoError(b, err)
	require.Equal(b, last.ID.String(), page.Items[0].ID)
	e, ok := l.Get(told(0, at).ID)
	require.True(b, ok)
	require.Len(b, e.Votes, 1)
}

package local

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

func newReader() *reader { return &reader{words: map[string]string{}, lists: map[string][]string{}} }

// FuzzHeld: what was encoded is what is decoded.
func FuzzHeld(f *testing.F) {
	f.Add(uint64(1), "traces", "critical", "checkout", "rule", int64(1), int64(1<<40), int32(1), int32(0))
	f.Add(uint64(2), "", "odd", "", "", int64(-1), int64(-5), int32(70), int32(3))
	f.Fuzz(func(t *testing.T, seed uint64, signal, severity, service, rule string, n, size int64, view, restore int32) {
		it := storetest.Item(seed, 1, 0)
		it.Signal, it.Severity, it.Service, it.Producer = signal, severity, service, rule
		it.Rules = []string{rule, service}
		it.Findings, it.Secrets, it.Spans, it.Bytes = int(n), int(size), int(n), size
		it.View, it.Restore = make([][]byte, view&0xff), make([][]byte, restore&0xff)
		key := seqKey(seed)
		e, err := newReader().decode(key, withSum(key, encodeHeld(it, place{day: 20260102})))
		require.NoError(t, err)
		require.Equal(t, it.Meta, *e.Held)
		require.Equal(t, holdstore.Ref{Index: int64(seed), Items: 20260102, View: view & 0xff, Restore: restore & 0xff}, e.Ref)
	})
}

// FuzzDecode: any bytes under a right checksum are an event or an error, and
// with one bit changed they are an error.
func FuzzDecode(f *testing.F) {
	it := storetest.Item(1, 1, 1)
	f.Add(encodeHeld(it, place{}), 5)
	f.Add(encodeGone(it.ID), 30)
	f.Add([]byte{kindRecord}, 0)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, value []byte, bit int) {
		key := seqKey(7)
		stored := withSum(key, value)
		if _, err := newReader().decode(key, stored); err != nil {
			require.ErrorIs(t, err, holdstore.ErrCorrupt)
		}
		if bit >= 0 && bit/8 < len(stored) {
			stored[bit/8] ^= 1 << (bit % 8)
			_, err := newReader().decode(key, stored)
			require.ErrorIs(t, err, holdstore.ErrCorrupt)
		}
	})
}

// TestReaderShares: a million items have few different strings.
func TestReaderShares(t *testing.T) {
	r := newReader()
	key := seqKey(1)
	stored := withSum(key, encodeHeld(storetest.Item(1, 1, 1), place{}))
	_, err := r.decode(key, stored)
	require.NoError(t, err)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = r.decode(key, stored) }), 1.0)
}

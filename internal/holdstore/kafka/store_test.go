package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// TestConformance runs what every store must do. Damage is to what is stored,
// where the real protocol's checksums are right again.
func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Helper()
		f := newFake()
		cfg := testConfig()
		var fault atomic.Pointer[func(topic string) (before, after error)]
		f.before = func(topic string, _ []record) error {
			if plan := fault.Load(); plan != nil && topic != "" {
				err, _ := (*plan)(topic)
				return err
			}
			return nil
		}
		f.after = func(topic string, _ []record) error {
			if plan := fault.Load(); plan != nil {
				_, err := (*plan)(topic)
				return err
			}
			return nil
		}
		inject := func(plan func(topic string) (before, after error)) func(*testing.T) func() {
			return func(*testing.T) func() {
				fault.Store(&plan)
				return func() { fault.Store(nil) }
			}
		}
		h := storetest.Harness{
			Open:   func(t *testing.T) holdstore.Store { t.Helper(); s, _ := openFake(t, cfg, f); return s },
			Settle: func(*testing.T) { f.compact(cfg.topic(indexTopic)) },
			Corrupt: func(_ *testing.T, it *holdstore.Item) {
				l := f.topics[cfg.topic(itemsTopic)].partitions[partition(it.ID, it.Trace, 3)]
				for i := range l.records {
					if string(l.records[i].value) == string(it.View[0]) {
						l.records[i].value[17] ^= 1
					}
				}
			},
		}
		for _, topic := range []string{itemsTopic, indexTopic, decisionsTopic} {
			h.Faults = append(h.Faults,
				storetest.Fault{Name: topic + ": not written", Inject: inject(func(at string) (error, error) {
					if is(at, topic) {
						return errFake, nil
					}
					return nil, nil
				})},
				storetest.Fault{Name: topic + ": written, and failed", Inject: inject(func(at string) (error, error) {
					if is(at, topic) {
						return nil, errFake
					}
					return nil, nil
				})})
		}
		return h
	})
}

func randomItem(n int) *holdstore.Item {
	it := storetest.Item(uint64(n), 3000, 500)
	_, _ = rand.Read(it.ID[:])
	_, _ = rand.Read(it.Trace[:])
	return it
}

// told reads what a store has.
func told(t *testing.T, s *Store) (held map[envelope.ID]holdstore.Ref, gone map[envelope.ID]bool, log []string) {
	t.Helper()
	held, gone = map[envelope.ID]holdstore.Ref{}, map[envelope.ID]bool{}
	enough := errors.New("enough")
	var done int64
	err := s.Follow(t.Context(), func(e holdstore.Event) error {
		require.GreaterOrEqual(t, e.Done, done, "progress went backwards")
		require.LessOrEqual(t, e.Done, e.Total)
		done = e.Done
		switch {
		case e.Held != nil:
			held[e.Held.ID] = e.Ref
		case e.Gone != nil:
			gone[*e.Gone] = true
		case e.Record != nil:
			log = append(log, string(e.Record.Data))
		case e.CaughtUp:
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	return held, gone, log
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.Now().Add(time.Minute)
	for !ok() {
		require.True(t, time.Now().Before(late), what)
		time.Sleep(5 * time.Millisecond)
	}
}

func TestSpoolWhileAway(t *testing.T) {
	f, cfg := newFake(), testConfig()
	cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
	var away atomic.Bool
	away.Store(true)
	var writes atomic.Int64
	f.before = func(topic string, _ []record) error {
		if away.Load() {
			return errUnavailable
		}
		if is(topic, indexTopic) {
			writes.Add(1)
		}
		return nil
	}
	// The brokers are away when it starts.
	s, logs := openFake(t, cfg, f)
	require.Equal(t, 1, logs.FilterMessageSnippet("do not answer").Len())
	var items []*holdstore.Item
	for i := range 10 {
		it := randomItem(i)
		items = append(items, it)
		require.NoError(t, s.Put(t.Context(), it))
		require.NoError(t, s.Put(t.Context(), it), "again")
	}
	n, size := s.Spooled()
	require.Equal(t, 10, n)
	require.Positive(t, size)
	require.Zero(t, writes.Load())

	// A restart while they are away, and a retry after it.
	require.NoError(t, s.Close())
	s, _ = openFake(t, cfg, f)
	require.NoError(t, s.Put(t.Context(), items[3]))
	n, _ = s.Spooled()
	require.Equal(t, 10, n)

	away.Store(false)
	eventually(t, "the spool is brought to Kafka", func() bool { n, _ := s.Spooled(); return n == 0 })
	require.EqualValues(t, 10, writes.Load(), "each item once")
	held, _, _ := told(t, s)
	require.Len(t, held, 10)
	var last [3]int64
	for i, it := range items {
		ref := held[it.ID]
		if i > 0 {
			require.GreaterOrEqual(t, ref.Index, last[ref.Partition], "in the order of arrival")
		}
		last[ref.Partition] = ref.Index
		chunks, err := s.Chunks(t.Context(), it.ID, ref, envelope.Restore)
		require.NoError(t, err)
		require.Equal(t, it.Restore, chunks)
	}
	_, size = s.Spooled()
	require.Zero(t, size)
}

func TestSpoolFull(t *testing.T) {
	f, cfg := newFake(), testConfig()
	cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
	cfg.Spool.MaxBytes = 2 * maxChunk
	var away atomic.Bool
	f.before = func(string, []record) error {
		if away.Load() {
			return errUnavailable
		}
		return nil
	}
	s, _ := openFake(t, cfg, f)
	away.Store(true)
	big := func(n int) *holdstore.Item {
		it := storetest.Item(uint64(n), 800<<10, 0)
		return it
	}
	require.NoError(t, s.Put(t.Context(), big(1)))
	require.NoError(t, s.Put(t.Context(), big(2)))
	require.ErrorIs(t, s.Put(t.Context(), big(3)), holdstore.ErrFull)
	away.Store(false)
	eventually(t, "there is room again", func() bool { return s.Put(t.Context(), big(3)) == nil })
}

// TestRefusedItem sees that an item which brokers refuse does not hold back the next ones.
func TestRefusedItem(t *testing.T) {
	f, cfg := newFake(), testConfig()
	cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
	bad, good := randomItem(1), randomItem(2)
	var fixed atomic.Bool
	f.before = func(_ string, records []record) error {
		key := route(bad.ID, bad.Trace)
		if !fixed.Load() && len(records) > 0 && string(records[0].key) == string(key[:]) {
			return errRefused
		}
		return nil
	}
	s, _ := openFake(t, cfg, f)
	require.NoError(t, s.Put(t.Context(), bad))
	require.NoError(t, s.Put(t.Context(), good))
	eventually(t, "only the refused one is left", func() bool { n, _ := s.Spooled(); return n == 1 })
	held, _, _ := told(t, s)
	require.Contains(t, held, good.ID)
	require.NotContains(t, held, bad.ID)
	fixed.Store(true)
	eventually(t, "it is taken later", func() bool { n, _ := s.Spooled(); return n == 0 })
}

// TestDeadline sees that the spool comes before the sender's patience ends.
func TestDeadline(t *testing.T) {
	f, cfg := newFake(), testConfig()
	cfg.Timeout = time.Minute
	cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
	var stuck atomic.Bool
	f.before = func(string, []record) error {
		if stuck.Load() {
			return errUnavailable // and it is tried again, for a minute
		}
		return nil
	}
	s, _ := openFake(t, cfg, f)
	stuck.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	require.NoError(t, s.Put(ctx, randomItem(1)))
	n, _ := s.Spooled()
	require.Equal(t, 1, n)
}

func TestAppendIsNotRepeatedInDoubt(t *testing.T) {
	f, cfg := newFake(), testConfig()
	s, _ := openFake(t, cfg, f)
	fail := errUnavailable
	left := 3
	f.before = func(string, []record) error {
		if left--; left >= 0 {
			return fail
		}
		return nil
	}
	it := randomItem(1)
	_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("a")})
	require.NoError(t, err, "a refusal is repeated")
	fail, left = errFake, 1
	_, err = s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("b")})
	require.ErrorIs(t, err, errFake, "a doubt is not")
	_, _, log := told(t, s)
	require.Equal(t, []string{"a"}, log)
}

// TestQuietPartition sees that the index is written to while a capsule waits to be compacted away.
func TestQuietPartition(t *testing.T) {
	f, cfg := newFake(), testConfig()
	s, _ := openFake(t, cfg, f)
	it := randomItem(1)
	require.NoError(t, s.Put(t.Context(), it))
	held, _, _ := told(t, s)
	ref := held[it.ID]
	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	l := f.topics[cfg.topic(indexTopic)].partitions[ref.Partition]
	for range 3 {
		done, err := s.Shredded(t.Context(), it.ID, ref)
		require.NoError(t, err)
		require.False(t, done)
	}
	require.Len(t, l.records, 3, "the entry, the tombstone, and one that says nothing")
	_, gone, _ := told(t, s)
	require.Equal(t, map[envelope.ID]bool{it.ID: true}, gone)
	f.compact(cfg.topic(indexTopic))
	done, err := s.Shredded(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.True(t, done)
}

// TestShredAgain: an item that is gone needs no second tombstone, unless it has come again.
func TestShredAgain(t *testing.T) {
	f, cfg := newFake(), testConfig()
	gate, _ := openFake(t, cfg, f)
	it := randomItem(1)
	index := func() int {
		return len(f.topics[cfg.topic(indexTopic)].partitions[partition(it.ID, it.Trace, 3)].records)
	}
	require.NoError(t, gate.Put(t.Context(), it))
	for range 5 {
		require.NoError(t, gate.Shred(t.Context(), it.ID, it.Trace))
	}
	require.Equal(t, 2, index(), "one entry, one tombstone")

	sealer, _ := openFake(t, cfg, f)
	require.NoError(t, sealer.Put(t.Context(), it), "a retry from elsewhere")
	held, _, _ := told(t, gate)
	ref := held[it.ID]
	require.EqualValues(t, 2, ref.Index)
	_, err := gate.Capsule(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.NoError(t, gate.Shred(t.Context(), it.ID, it.Trace))
	require.Equal(t, 4, index())
	_, err = gate.Capsule(t.Context(), it.ID, ref)
	require.ErrorIs(t, err, holdstore.ErrGone)
	told(t, gate) // from the beginning, where the entries are before the tombstones
	_, err = gate.Capsule(t.Context(), it.ID, ref)
	require.ErrorIs(t, err, holdstore.ErrGone)
}

func TestIDSet(t *testing.T) {
	now := time.Now()
	s := newIDSet(time.Hour, 4)
	s.now = func() time.Time { return now }
	id := func(n byte) envelope.ID { return envelope.ID{n} }
	for n := range byte(4) {
		s.add(id(n), int64(n))
	}
	require.True(t, s.has(id(3)))
	require.True(t, s.has(id(0)))
	s.add(id(4), 9)
	s.add(id(4), 7)
	at, _ := s.get(id(4))
	require.EqualValues(t, 9, at, "the highest")
	require.False(t, s.has(id(0)), "there is no more room for it")
	require.True(t, s.has(id(2)))
	now = now.Add(61 * time.Minute)
	require.True(t, s.has(id(4)))
	now = now.Add(61 * time.Minute)
	require.False(t, s.has(id(4)), "it is too old")
	s.add(id(5), 1)
	s.remove(id(5))
	require.False(t, s.has(id(5)))
}

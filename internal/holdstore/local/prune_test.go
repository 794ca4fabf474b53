package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// told counts what a replay tells of each item.
func told(t *testing.T, s holdstore.Store) map[envelope.ID]int {
	t.Helper()
	n := map[envelope.ID]int{}
	enough := errors.New("enough")
	require.ErrorIs(t, s.Follow(t.Context(), func(e holdstore.Event) error {
		switch {
		case e.CaughtUp:
			return enough
		case e.Held != nil:
			n[e.Held.ID]++
		case e.Gone != nil:
			n[*e.Gone]++
		case e.Record != nil:
			n[e.Record.Item]++
		}
		return nil
	}), enough)
	return n
}

func TestPrune(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := start1(t, dir, options{})
	now := time.Now().UTC()
	put := func(seed uint64, days int) *holdstore.Item {
		it := storetest.Item(seed, 1000, 100)
		it.HeldAt = now.AddDate(0, 0, -days)
		require.NoError(t, s.Put(t.Context(), it))
		_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Data: []byte("vote")})
		require.NoError(t, err)
		return it
	}
	oldGone, oldGone2 := put(1, 9), put(2, 9)
	mixedGone, mixedHeld := put(3, 8), put(4, 8)
	recentGone, recent := put(5, 0), put(6, 0)
	other := storetest.Item(7, 1, 1)
	for _, id := range []envelope.ID{other.ID, {}} { // of no item that is there, of none at all
		_, err := s.Append(t.Context(), holdstore.Record{Item: id, Data: []byte("x")})
		require.NoError(t, err)
	}
	for _, it := range []*holdstore.Item{oldGone, oldGone2, mixedGone, recentGone} {
		require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
		awaitShredded(t, s, it.ID)
	}
	require.NoError(t, s.Prune(t.Context(), now.AddDate(0, 0, -7)))

	for range 2 {
		require.Equal(t, map[envelope.ID]int{
			mixedHeld.ID: 2, recentGone.ID: 3, recent.ID: 2, other.ID: 1, {}: 1,
		}, told(t, s))
		_, err := os.Stat(filepath.Join(dir, itemsName(dayOf(oldGone.HeldAt))))
		require.ErrorIs(t, err, os.ErrNotExist, "the file of a day without items")
		for _, it := range []*holdstore.Item{mixedHeld, recent} {
			requireWhole(t, s, it, refOf(it))
		}
		_, err = s.Chunks(t.Context(), oldGone.ID, refOf(oldGone), envelope.View)
		require.ErrorIs(t, err, holdstore.ErrGone)
		done, err := s.Shredded(t.Context(), oldGone.ID, holdstore.Ref{})
		require.NoError(t, err)
		require.True(t, done)
		require.NoError(t, s.Close())
		s = start1(t, dir, options{})
	}
	// A log entry of an unknown item goes when it is old itself.
	require.NoError(t, s.Prune(t.Context(), now.AddDate(0, 0, 3)))
	require.Equal(t, map[envelope.ID]int{mixedHeld.ID: 2, recent.ID: 2, {}: 1}, told(t, s))
}

// TestPruneCompacts gives back the room of a day most of whose items are gone.
func TestPruneCompacts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := start1(t, dir, options{})
	held := time.Now().AddDate(0, 0, -9)
	var items []*holdstore.Item
	for i := range uint64(6) {
		it := storetest.Item(i, 12_000_000, 0)
		it.HeldAt = held
		items = append(items, it)
		require.NoError(t, s.Put(t.Context(), it))
	}
	for _, it := range items[1:] {
		require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	}
	for _, it := range items[1:] {
		awaitShredded(t, s, it.ID)
	}
	path := filepath.Join(dir, itemsName(dayOf(held)))
	require.Eventually(t, func() bool { // chunks go after capsules
		require.NoError(t, s.Prune(t.Context(), time.Now()))
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Size() < 40_000_000
	}, time.Minute, 10*time.Millisecond)
	requireWhole(t, s, items[0], refOf(items[0]))
	late := storetest.Item(99, 1000, 0)
	late.HeldAt = held
	require.NoError(t, s.Put(t.Context(), late))
	requireWhole(t, s, late, refOf(late))
}

// TestPruneInterrupted fails in the middle; the next one finishes.
func TestPruneInterrupted(t *testing.T) {
	var sw switchable
	s := start1(t, filepath.Join(t.TempDir(), "store"), options{step: sw.step})
	it := storetest.Item(1, 1000, 0)
	it.HeldAt = time.Now().AddDate(0, 0, -9)
	require.NoError(t, s.Put(t.Context(), it))
	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	awaitShredded(t, s, it.ID)
	at := "forget"
	sw.failing.Store(&at)
	require.ErrorIs(t, s.Prune(t.Context(), time.Now()), errInjected)
	sw.failing.Store(nil)
	_, err := s.Capsule(t.Context(), it.ID, holdstore.Ref{})
	require.ErrorIs(t, err, holdstore.ErrGone)
	require.NoError(t, s.Prune(t.Context(), time.Now()))
	require.Empty(t, told(t, s))
}

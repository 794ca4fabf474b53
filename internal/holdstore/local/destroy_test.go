package local

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// requireNoOrphans wants every chunk and capsule to belong to an item, there.
func requireNoOrphans(t *testing.T, s *store) {
	t.Helper()
	require.Eventually(t, func() bool {
		doomed, err := s.doomed()
		return err == nil && len(doomed) == 0
	}, time.Minute, time.Millisecond)
	check := func(f *file, bucket []byte, here func(place) bool) {
		require.NoError(t, f.view(func(tx *bolt.Tx) error {
			return tx.Bucket(bucket).ForEach(func(k, _ []byte) error {
				p, ok, err := s.lookup(envelope.ID(k[:16]))
				require.True(t, ok && here(p), "an orphan in %s", filepath.Base(f.path))
				return err
			})
		}))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, f := range s.days {
		check(f, bucketChunks, func(p place) bool { return p.day == d })
	}
	for n, f := range s.keys {
		check(f, bucketCapsules, func(p place) bool { return p.keys == n && !p.gone })
	}
}

func start1(t *testing.T, dir string, opt options) *handle {
	t.Helper()
	s, err := openWith(Config{Directory: dir}, opt)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s.(*handle)
}

func enc(items ...*holdstore.Item) map[string]bool {
	all := map[string]bool{}
	for _, it := range items {
		all[string(it.Capsule.Enc[:64])] = true
	}
	return all
}

func TestShreddedCapsuleLeavesNoBytes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := start1(t, dir, options{keysSize: 60 << 10})
	var keep, drop []*holdstore.Item
	for i := range uint64(200) {
		it := storetest.Item(i, 500, 100)
		require.NoError(t, s.Put(t.Context(), it))
		if i%7 == 0 {
			drop = append(drop, it)
		} else {
			keep = append(keep, it)
		}
	}
	require.NotEmpty(t, filesWith(t, dir, enc(drop...)), "the search finds what is there")
	for _, it := range drop {
		require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	}
	for _, it := range drop {
		awaitShredded(t, s, it.ID)
	}
	require.Empty(t, filesWith(t, dir, enc(drop...)))
	for _, it := range keep {
		requireWhole(t, s, it, refOf(it))
	}
	requireNoOrphans(t, s.shared.store)
}

func refOf(it *holdstore.Item) holdstore.Ref {
	return holdstore.Ref{View: int32(len(it.View)), Restore: int32(len(it.Restore))}
}

// TestShreddedAtClose destroys on the way out what was asked for just before.
func TestShreddedAtClose(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := start1(t, dir, options{})
	it := storetest.Item(1, 500, 100)
	require.NoError(t, s.Put(t.Context(), it))
	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	require.NoError(t, s.Close())
	require.Empty(t, filesWith(t, dir, enc(it)))
}

// TestFailedPutLeavesNoCapsule: a put fails after its capsule was written, the
// retry is sealed anew, and the item is then destroyed. The first capsule
// must not outlive it.
func TestFailedPutLeavesNoCapsule(t *testing.T) {
	for _, step := range []string{"payload", "payload done", "capsule done", "index"} {
		t.Run(step, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			var sw switchable
			s := start1(t, dir, options{step: sw.step, keysSize: 10 << 10})
			first, again := storetest.Item(1, 500, 100), storetest.Item(2, 500, 100)
			again.ID = first.ID
			sw.failing.Store(&step)
			require.ErrorIs(t, s.Put(t.Context(), first), errInjected)
			sw.failing.Store(nil)
			for i := range uint64(20) { // until new capsules go to another file
				require.NoError(t, s.Put(t.Context(), storetest.Item(10+i, 10, 0)))
			}
			require.Empty(t, filesWith(t, dir, enc(first)))
			require.NoError(t, s.Put(t.Context(), again))
			requireWhole(t, s, again, refOf(again))
			requireNoOrphans(t, s.shared.store)
			require.NoError(t, s.Shred(t.Context(), again.ID, again.Trace))
			awaitShredded(t, s, again.ID)
			require.Empty(t, filesWith(t, dir, enc(first, again)))
		})
	}
}

// TestDestructionThatFails is told, tried again, and survives a reopening.
func TestDestructionThatFails(t *testing.T) {
	for _, step := range []string{"rewrite copied", "rewrite renamed", "undoom"} {
		t.Run(step, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			var sw switchable
			s := start1(t, dir, options{step: sw.step})
			it, other := storetest.Item(1, 500, 100), storetest.Item(2, 500, 100)
			require.NoError(t, s.Put(t.Context(), it))
			require.NoError(t, s.Put(t.Context(), other))
			sw.failing.Store(&step)
			require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
			require.Eventually(t, func() bool {
				done, err := s.Shredded(t.Context(), it.ID, holdstore.Ref{})
				return !done && err != nil
			}, time.Minute, time.Millisecond)
			_, err := s.Capsule(t.Context(), it.ID, holdstore.Ref{})
			require.ErrorIs(t, err, holdstore.ErrGone, "nobody gets it meanwhile")
			requireWhole(t, s, other, refOf(other))
			require.NoError(t, s.Close())

			sw.failing.Store(nil)
			s = start1(t, dir, options{})
			awaitShredded(t, s, it.ID)
			require.Empty(t, filesWith(t, dir, enc(it)))
			requireWhole(t, s, other, refOf(other))
		})
	}
}

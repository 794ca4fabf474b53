package conformance

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/tracescrub/tracescrub/internal/auditlog/tiles"
)

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// workers are more than any log here has tiles: with fewer, fsck waits for
// ever when all of them have found something wrong.
const workers = 512

// leaves are the hashes of the entries of a bundle.
func leaves(b []byte) ([][]byte, error) {
	var eb api.EntryBundle
	if err := eb.UnmarshalText(b); err != nil {
		return nil, err
	}
	all := make([][]byte, len(eb.Entries))
	for i, e := range eb.Entries {
		all[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return all, nil
}

// check is Tessera's fsck. Its errors have whole tiles in them; the beginning is enough.
func check(ctx context.Context, f fsck.Fetcher, v note.Verifier) error {
	err := fsck.New(origin, v, f, leaves, fsck.Opts{N: workers}).Check(ctx)
	if err == nil {
		return nil
	}
	s := err.Error()
	return errors.New(s[:min(len(s), 200)])
}

func overHTTP(t *testing.T, dir string) client.HTTPFetcher {
	t.Helper()
	s := httptest.NewServer(tiles.Handler(dir))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/")
	require.NoError(t, err)
	f, err := client.NewHTTPFetcher(u, s.Client())
	require.NoError(t, err)
	return *f
}

// size is what a checkpoint says that the key has signed.
func size(t *testing.T, f fsck.Fetcher, v note.Verifier) uint64 {
	t.Helper()
	c, _, _, err := client.FetchCheckpoint(t.Context(), f.ReadCheckpoint, v, origin)
	require.NoError(t, err)
	return c.Size
}

// TestFsck: an independent checker takes every shape of a log, as files and
// over HTTP.
func TestFsck(t *testing.T) {
	l := newLog(t, t.TempDir())
	over := overHTTP(t, l.dir)
	for _, n := range []int64{1, 2, 255, 256, 257, 513, 5000, 70_001} {
		n = l.grow(n)
		for name, f := range map[string]fsck.Fetcher{"files": client.FileFetcher{Root: l.exported(t)}, "HTTP": over} {
			require.NoError(t, check(t.Context(), f, l.verifier()), "%d entries as %s", n, name)
			require.Equal(t, uint64(n), size(t, f, l.verifier()))
		}
	}
}

// TestFsckFinds: it is the content that the checker takes, not anything.
func TestFsckFinds(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(1000)
	other := newLog(t, t.TempDir())
	for _, c := range []struct {
		name, want string
		do         func(t *testing.T, out string)
	}{
		{"an entry", "", flip("tile/entries/001", 700)},
		{"a leaf", "tile/0/002", flip("tile/0/002", 5000)},
		{"an inner hash", "tile/1/000.p/3", flip("tile/1/000.p/3", 40)},
		{"a partial bundle", "", flip("tile/entries/003.p/232", 9)},
		{"the signature", "verify", flip("checkpoint", -9)},
		{"the size", "verify", flip("checkpoint", len(origin)+1)},
		{"tiles swapped", "tile/0/00", func(t *testing.T, out string) {
			t.Helper()
			swap(t, filepath.Join(out, "tile/0/000"), filepath.Join(out, "tile/0/001"))
		}},
		{"a bundle is missing", "no such file", func(t *testing.T, out string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(out, "tile/entries/002")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := l.exported(t)
			c.do(t, out)
			require.ErrorContains(t, check(t.Context(), client.FileFetcher{Root: out}, l.verifier()), c.want)
		})
	}
	err := check(t.Context(), client.FileFetcher{Root: l.exported(t)}, other.verifier())
	require.ErrorContains(t, err, "verify", "another key")
}

func flip(name string, at int) func(*testing.T, string) {
	return func(t *testing.T, out string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		b[(at+len(b))%len(b)] ^= 1
		require.NoError(t, os.WriteFile(filepath.Join(out, name), b, 0o600))
	}
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	require.NoError(t, os.Rename(a, a+".x"))
	require.NoError(t, os.Rename(b, a))
	require.NoError(t, os.Rename(a+".x", b))
}

// TestTracker: an independent client follows the log while it is written, and
// tells a fork. That a log became smaller it does not: who uses it compares sizes.
func TestTracker(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(300)
	early := l.copied()
	f := overHTTP(t, l.dir)
	v := l.verifier()
	tracker, err := client.NewLogStateTracker(t.Context(), f.ReadTile, nil, v, origin, client.UnilateralConsensus(f.ReadCheckpoint))
	require.NoError(t, err)
	for _, n := range []int64{301, 512, 3000, 3001} {
		l.grow(n)
		_, path, _, err := tracker.Update(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, path)
		require.Equal(t, uint64(n), tracker.Latest().Size)
	}
	latest, err := f.ReadCheckpoint(t.Context())
	require.NoError(t, err)

	// follow is a client that knows the latest checkpoint, and meets another log.
	follow := func(dir string) (uint64, error) {
		f := overHTTP(t, dir)
		tr, err := client.NewLogStateTracker(t.Context(), f.ReadTile, latest, v, origin, client.UnilateralConsensus(f.ReadCheckpoint))
		require.NoError(t, err)
		_, _, _, err = tr.Update(t.Context())
		return size(t, f, v), err
	}
	smaller, err := follow(early)
	require.NoError(t, err, "this says nothing about a log that was rolled back")
	require.Less(t, smaller, tracker.Latest().Size, "the sizes do")

	fork := newLog(t, early)
	fork.grow(4000)
	require.NoError(t, check(t.Context(), client.FileFetcher{Root: fork.exported(t)}, v), "alone it is a fine log")
	_, err = follow(early)
	var forked client.ErrInconsistency
	require.ErrorAs(t, err, &forked)
}

// TestWhileWritten: each checkpoint that a client sees is of a log that it can check.
func TestWhileWritten(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(10)
	f, v := overHTTP(t, l.dir), l.verifier()
	done := make(chan struct{})
	var wg sync.WaitGroup
	checked := 0
	wg.Go(func() {
		for ; checked == 0 || !closed(done); checked++ {
			if err := check(t.Context(), f, v); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for n := int64(20); n < 4000; n += 117 {
		l.grow(n)
	}
	close(done)
	wg.Wait()
	require.Positive(t, checked)
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// included checks the proof of one entry.
func included(t *testing.T, f fsck.Fetcher, v note.Verifier, index uint64, leaf []byte) {
	t.Helper()
	c, _, _, err := client.FetchCheckpoint(t.Context(), f.ReadCheckpoint, v, origin)
	require.NoError(t, err)
	pb, err := client.NewProofBuilder(t.Context(), c.Size, f.ReadTile)
	require.NoError(t, err)
	path, err := pb.InclusionProof(t.Context(), index)
	require.NoError(t, err)
	require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, index, c.Size, leaf, path, c.Hash))
}

// TestPruned: what is left of a log that was pruned can be read from the
// minimum index on, and proven as before; the checker, which wants all
// entries, does not take it. An export from before that is continued, it does.
func TestPruned(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(6000)
	archive := l.exported(t)
	before := client.FileFetcher{Root: archive}
	v := l.verifier()
	b, err := before.ReadEntryBundle(t.Context(), 0, 0)
	require.NoError(t, err)
	gone, err := leaves(b)
	require.NoError(t, err)
	old, oldRaw, _, err := client.FetchCheckpoint(t.Context(), before.ReadCheckpoint, v, origin)
	require.NoError(t, err)

	l.prune()
	l.grow(9000)
	out := l.exported(t)
	least, err := tiles.Minimum(out)
	require.NoError(t, err)
	require.Positive(t, least)
	require.Less(t, least, int64(9000))
	from := uint64(least)
	for name, f := range map[string]fsck.Fetcher{"files": client.FileFetcher{Root: out}, "HTTP": overHTTP(t, l.dir)} {
		t.Run(name, func(t *testing.T) {
			err := check(t.Context(), f, v)
			require.ErrorContains(t, err, "error while streaming bundles")
			_, err = f.ReadEntryBundle(t.Context(), from/256-1, 0)
			require.ErrorIs(t, err, os.ErrNotExist)

			n := size(t, f, v)
			at := from
			all := func(context.Context) (uint64, error) { return n, nil }
			for b, err := range client.EntryBundles(t.Context(), 4, all, f.ReadEntryBundle, from, n-from) {
				require.NoError(t, err)
				hashes, err := leaves(b.Data)
				require.NoError(t, err)
				want, err := client.FetchLeafHashes(t.Context(), f.ReadTile, at, uint64(len(hashes)), n)
				require.NoError(t, err)
				require.Equal(t, want, hashes)
				included(t, f, v, at, hashes[0])
				at += uint64(len(hashes))
			}
			require.Equal(t, n, at)
			included(t, f, v, 7, gone[7]) // who kept an entry can still prove it

			tr, err := client.NewLogStateTracker(t.Context(), f.ReadTile, oldRaw, v, origin, client.UnilateralConsensus(f.ReadCheckpoint))
			require.NoError(t, err)
			_, path, _, err := tr.Update(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, path)
			require.Greater(t, tr.Latest().Size, old.Size)
		})
	}

	require.NoError(t, tiles.Export(t.Context(), l.dir, archive, nil))
	require.NoError(t, check(t.Context(), before, v))
	require.Equal(t, uint64(l.w.State().Signed), size(t, before, v))
}

// TestRotated: after a rotation the new key signs what is exported; the tree is the same.
func TestRotated(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(300)
	out := l.exported(t)
	old := l.verifier()
	require.NoError(t, l.w.RotateKey(t.Context()))
	l.grow(600)
	require.NoError(t, tiles.Export(t.Context(), l.dir, out, nil))
	require.NoError(t, check(t.Context(), client.FileFetcher{Root: out}, l.verifier()))
	require.ErrorContains(t, check(t.Context(), client.FileFetcher{Root: out}, old), "verify")
}

package tiles

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a log that is written in a test, at a time that the test sets.
type log struct {
	*auditlog.Writer
	t   *testing.T
	dir string
	now time.Time
	n   int
	// batch is how many entries are appended at once; a segment has about twice as many.
	batch int64
}

func newLog(t *testing.T) *log {
	t.Helper()
	return newLogOf(t, 50)
}

func newLogOf(t *testing.T, batch int64) *log {
	t.Helper()
	l := &log{t: t, batch: batch, dir: t.TempDir(), now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	l.reopen()
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// reopen opens the log, for the first time or again.
func (l *log) reopen() {
	l.t.Helper()
	var err error
	l.Writer, err = auditlog.Open(auditlog.Config{
		Directory: l.dir, Origin: "example.com/audit", SegmentBytes: 400 * l.batch, Heartbeat: -1, Interval: -1,
		Now: func() time.Time { return l.now },
	})
	require.NoError(l.t, err)
}

// grow appends entries until there are so many, and signs them.
func (l *log) grow(size int64) {
	l.t.Helper()
	for l.State().Size < size {
		n := min(l.batch, size-l.State().Size) // a new segment may add one
		evs := make([]auditlog.Event, 0, n)
		for range max(1, n-1) {
			l.n++
			evs = append(evs, auditlog.Event{Kind: "tracescrub.masked", Time: l.now, Attributes: map[string]any{"tracescrub.item.id": fmt.Sprintf("%032x", l.n)}})
		}
		_, err := l.Append(l.t.Context(), evs...)
		require.NoError(l.t, err)
	}
	_, err := l.Checkpoint(l.t.Context())
	require.NoError(l.t, err)
}

// prune lets all segments but the last two or so go.
func (l *log) prune() int64 {
	l.t.Helper()
	l.now = l.now.AddDate(0, 0, 1)
	before := l.now
	l.grow(l.State().Size + 3)
	n, err := l.Prune(l.t.Context(), before)
	require.NoError(l.t, err)
	require.Positive(l.t, n)
	ns, err := files.Segments(l.dir)
	require.NoError(l.t, err)
	e, err := read.First(filepath.Join(l.dir, files.Segment(ns[0])))
	require.NoError(l.t, err)
	return e.Seq
}

// below reads tiles from an export, as a client of package tlog does.
type below string

func (below) Height() int { return height }

func (b below) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(ts))
	for i, t := range ts {
		data, err := os.ReadFile(filepath.Join(string(b), path(t)))
		if err != nil && t.W < width {
			data, err = os.ReadFile(filepath.Join(string(b), path(tlog.Tile{H: height, L: t.L, N: t.N, W: width})))
			data = data[:min(len(data), t.W*tlog.HashSize)]
		}
		if err != nil {
			return nil, err
		}
		all[i] = data
	}
	return all, nil
}

func (below) SaveTiles([]tlog.Tile, [][]byte) {}

// intact checks every tile and every entry from an index on; it returns how
// many entries there are altogether.
func intact(t *testing.T, l *log, out string, from int64) int64 {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join(out, files.Checkpoint))
	require.NoError(t, err)
	keys, err := files.PublicKeys(l.dir)
	require.NoError(t, err)
	c, _, err := proof.Open(signed, keys)
	require.NoError(t, err)
	r := tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, below(out))
	for _, tile := range tlog.NewTiles(height, 0, c.Size) {
		at := make([]int64, tile.W)
		for i := range at {
			at[i] = tlog.StoredHashIndex(height*tile.L, tile.N<<height+int64(i))
		}
		hashes, err := r.ReadHashes(at)
		require.NoError(t, err)
		if tile.L > 0 || tile.N<<height+int64(tile.W) <= from {
			continue
		}
		b, err := os.ReadFile(filepath.Join(out, path(bundle(tile))))
		require.NoError(t, err)
		lines, err := split(b)
		require.NoError(t, err)
		require.Len(t, lines, tile.W)
		for i, line := range lines {
			require.Equal(t, hashes[i], tlog.RecordHash(line))
		}
	}
	least, err := Minimum(out)
	require.NoError(t, err)
	require.Equal(t, from, least)
	return c.Size
}

func exported(t *testing.T, l *log, out string) {
	t.Helper()
	require.NoError(t, Export(context.Background(), l.dir, out, nil))
}

// paths are the examples of C2SP tlog-tiles, and what must not be taken.
var paths = []struct {
	path string
	want tlog.Tile
	ok   bool
}{
	{"tile/0/x001/x234/067", tlog.Tile{H: 8, L: 0, N: 1234067, W: 256}, true},
	{"tile/0/x001/x234/067.p/8", tlog.Tile{H: 8, L: 0, N: 1234067, W: 8}, true},
	{"tile/63/000", tlog.Tile{H: 8, L: 63, N: 0, W: 256}, true},
	{"tile/entries/273.p/112", tlog.Tile{H: 8, L: -1, N: 273, W: 112}, true},
	{"tile/entries/x999/999", tlog.Tile{H: 8, L: -1, N: 999999, W: 256}, true},
	{path: "tile/64/000"},
	{path: "tile/9223372036854775807/000"},
	{path: "tile/-1/000"},
	{path: "tile/01/000"},
	{path: "tile/data/000"},
	{path: "tile/8/0/000"},
	{path: "tile/entries/entries/000"},
	{path: "tile/entries/data/000"},
	{path: "tile/0/0"},
	{path: "tile/0/x000/001"},
	{path: "tile/0/001/x234"},
	{path: "tile/0/1234"},
	{path: "tile/0/000.p/0"},
	{path: "tile/0/000.p/256"},
	{path: "tile/0/000.p/08"},
	{path: "tile/0/000.p"},
	{path: "tile/0/../../log.key"},
	{path: "tile/0/x999" + strings.Repeat("/x999", 9) + "/999"},
	{path: "tile/0"},
	{path: "tile/"},
	{path: ""},
	{path: "log.key"},
}

func TestPaths(t *testing.T) {
	for _, c := range paths {
		got, ok := parse(c.path)
		require.Equal(t, c.ok, ok, c.path)
		if ok {
			require.Equal(t, c.want, got, c.path)
			require.Equal(t, c.path, path(got))
		}
	}
}

// FuzzPaths: what is read is written as it was, and no tree that can be has a
// part of it that cannot.
func FuzzPaths(f *testing.F) {
	for _, c := range paths {
		f.Add(c.path, int64(70_000))
	}
	f.Fuzz(func(t *testing.T, p string, size int64) {
		tile, ok := parse(p)
		if !ok {
			return
		}
		if path(tile) != p || tile.N < 0 || tile.W < 1 || tile.W > width {
			t.Errorf("%q is read as another path", p)
		}
		if size < 0 || size > 1<<40 || !covers(size, tile) {
			return
		}
		if last := tile.N<<height + int64(tile.W) - 1; last >= size {
			t.Errorf("a log of %d entries has no %q", size, p)
		}
	})
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		path string
		size int64
		want bool
	}{
		// The example of C2SP tlog-tiles.
		{"tile/0/272", 70_000, true},
		{"tile/0/273", 70_000, false},
		{"tile/0/273.p/112", 70_000, true},
		{"tile/0/273.p/113", 70_000, false},
		{"tile/1/000", 70_000, true},
		{"tile/1/001.p/17", 70_000, true},
		{"tile/1/001.p/18", 70_000, false},
		{"tile/2/000.p/1", 70_000, true},
		{"tile/2/000.p/2", 70_000, false},
		{"tile/3/000.p/1", 70_000, false},
		{"tile/63/000.p/1", 1<<62 - 1, false},
		{"tile/entries/273.p/112", 70_000, true},
		{"tile/entries/274.p/1", 70_000, false},
		{"tile/0/000", 256, true},
		{"tile/1/000.p/1", 256, true},
		{"tile/0/000.p/1", 0, false},
		{"tile/0/x009/x223/x372/x036/x854/x775/807", 70_000, false},
	} {
		tile, ok := parse(c.path)
		require.True(t, ok, c.path)
		require.Equal(t, c.want, covers(c.size, tile), c.path)
	}
}

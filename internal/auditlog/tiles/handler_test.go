package tiles

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return b
}

// TestHandler: what is served is what is exported, and all of it.
func TestHandler(t *testing.T) {
	l := newLog(t)
	l.grow(1100)
	out := t.TempDir()
	exported(t, l, out)
	h := Handler(l.dir)
	n := 0
	for _, tile := range tlog.NewTiles(height, 0, l.State().Signed) {
		for _, tile := range []tlog.Tile{tile, bundle(tile)} {
			if tile.L == entries && tile.N<<height >= l.State().Signed {
				continue
			}
			want, err := os.ReadFile(filepath.Join(out, path(tile)))
			if tile.L == entries && err != nil {
				continue // of a tile above level 0
			}
			require.NoError(t, err)
			r := get(t, h, "/"+path(tile))
			require.Equal(t, http.StatusOK, r.StatusCode)
			require.Equal(t, "application/octet-stream", r.Header.Get("Content-Type"))
			require.Contains(t, r.Header.Get("Cache-Control"), "immutable")
			require.Equal(t, want, body(t, r), path(tile))
			n++
		}
	}
	require.Equal(t, 11, n)
	r := get(t, h, "/checkpoint")
	require.Equal(t, "text/plain; charset=utf-8", r.Header.Get("Content-Type"))
	want, err := os.ReadFile(filepath.Join(l.dir, files.Checkpoint))
	require.NoError(t, err)
	require.Equal(t, want, body(t, r))

	narrow := body(t, get(t, h, "/tile/entries/000.p/7"))
	lines, err := split(narrow)
	require.NoError(t, err)
	require.Len(t, lines, 7, "of any size that there was")

	r = get(t, h, "/tile/entries/000.p/7", "Accept-Encoding", "br, gzip")
	require.Equal(t, "gzip", r.Header.Get("Content-Encoding"))
	z, err := gzip.NewReader(r.Body)
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, narrow, plain)
}

func TestHandlerRefuses(t *testing.T) {
	l := newLog(t)
	l.grow(300)
	h := Handler(l.dir)
	for _, p := range []string{
		"/", "/log.key", "/subjects.jsonl", "/hashes", "/segment-0001.jsonl", "/tile/", "/tile/0/001", "/tile/entries/001", "/tile/2/000.p/1",
		"/tile/0/000.p/256", "/tile/data/000", "/tile/entries/x999/x999/x999/x999/x999/x999/999", "/tile/0/..%2f..%2flog.key", "/checkpoint/x",
	} {
		r := get(t, h, p)
		require.Equal(t, http.StatusNotFound, r.StatusCode, p)
		require.Empty(t, r.Header.Get("Cache-Control"), p)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/checkpoint", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)

	empty := Handler(filepath.Join(t.TempDir(), "none"))
	for _, p := range []string{"/checkpoint", "/tile/0/000.p/1"} {
		require.Equal(t, http.StatusNotFound, get(t, empty, p).StatusCode, "a log that is not there yet")
	}
}

func TestHandlerPruned(t *testing.T) {
	l := newLog(t)
	l.grow(700)
	h := Handler(l.dir)
	require.Equal(t, http.StatusOK, get(t, h, "/tile/entries/000").StatusCode)
	first := l.prune()
	l.grow(1300)
	r := get(t, h, "/tile/entries/000")
	require.Equal(t, http.StatusNotFound, r.StatusCode)
	require.Equal(t, "pruned\n", string(body(t, r)))
	for n := range int64(5) {
		want := http.StatusOK
		if n<<height < first {
			want = http.StatusNotFound
		}
		p := path(tlog.Tile{H: height, L: entries, N: n, W: width})
		require.Equal(t, want, get(t, h, "/"+p).StatusCode, p)
		require.Equal(t, http.StatusOK, get(t, h, "/"+path(tlog.Tile{H: height, L: 0, N: n, W: width})).StatusCode, "hashes stay")
	}
}

// TestHandlerDamaged: what is not what was signed is not served, and what is
// mended is, without a restart.
func TestHandlerDamaged(t *testing.T) {
	l := newLog(t)
	l.grow(300)
	h := Handler(l.dir)
	p := filepath.Join(l.dir, files.Segment(1))
	good, err := os.ReadFile(p)
	require.NoError(t, err)
	bad := append([]byte(nil), good...)
	bad[len(bad)-20] ^= 1
	require.NoError(t, os.WriteFile(p, bad, 0o600))
	r := get(t, h, "/tile/entries/000")
	require.Equal(t, http.StatusInternalServerError, r.StatusCode)
	require.Equal(t, "the log cannot be read\n", string(body(t, r)))
	require.NoError(t, os.WriteFile(p, good, 0o600))
	require.Equal(t, http.StatusOK, get(t, h, "/tile/entries/000").StatusCode)
}

// TestHandlerWhileWritten: many read what a checkpoint covers while entries,
// segments and checkpoints are added.
func TestHandlerWhileWritten(t *testing.T) {
	l := newLog(t)
	l.grow(2)
	h := Handler(l.dir)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for last := int64(0); ; {
				c, err := proof.Read(body(t, get(t, h, "/checkpoint")))
				if err != nil || c.Size < last {
					t.Errorf("checkpoint of %d entries after one of %d: %v", c.Size, last, err)
					return
				}
				last = c.Size
				for _, tile := range tlog.NewTiles(height, max(0, c.Size-1), c.Size) {
					b := body(t, get(t, h, "/"+path(tile)))
					if len(b) != tile.W*tlog.HashSize {
						t.Errorf("%s of a log of %d entries has %d bytes", path(tile), c.Size, len(b))
						return
					}
					if tile.L > 0 {
						continue
					}
					lines, err := split(body(t, get(t, h, "/"+path(bundle(tile)))))
					if err != nil || len(lines) != tile.W {
						t.Errorf("bundle of %s has %d entries: %v", path(tile), len(lines), err)
						return
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for size := int64(10); size < 1000; size += 37 {
		l.grow(size)
	}
	close(done)
	wg.Wait()
}

// TestHandlerUnsigned: what is not signed yet is not looked at. A crash may
// cut it off, and other entries may take its place.
func TestHandlerUnsigned(t *testing.T) {
	l := newLog(t)
	l.grow(200)
	signed := t.TempDir()
	require.NoError(t, os.CopyFS(signed, os.DirFS(l.dir)))
	evs := make([]auditlog.Event, 200)
	for i := range evs {
		evs[i] = auditlog.Event{Kind: "tracescrub.masked", Time: l.now, Attributes: map[string]any{"n": i}}
	}
	_, err := l.Append(t.Context(), evs...)
	require.NoError(t, err)
	h := Handler(l.dir)
	require.Equal(t, http.StatusOK, get(t, h, "/tile/entries/000.p/200").StatusCode)

	require.NoError(t, l.Close())
	require.NoError(t, os.RemoveAll(l.dir))
	require.NoError(t, os.CopyFS(l.dir, os.DirFS(signed)))
	l.reopen()
	l.grow(700)
	for _, p := range []string{"/tile/entries/000", "/tile/entries/001"} {
		require.Equal(t, http.StatusOK, get(t, h, p).StatusCode, p)
	}
}

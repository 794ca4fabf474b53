package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/tiles"
)

const origin = "example.com/audit"

// log is a log of ours.
type log struct {
	t   *testing.T
	dir string
	now time.Time
	n   int
	w   *auditlog.Writer
}

func newLog(t *testing.T, dir string) *log {
	t.Helper()
	l := &log{t: t, dir: dir, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	var err error
	l.w, err = auditlog.Open(auditlog.Config{
		Directory: dir, Origin: origin, SegmentBytes: 1 << 20, Heartbeat: -1, Interval: -1,
		Now: func() time.Time { return l.now },
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.w.Close() })
	return l
}

// odd are strings that JSON can be written of in more than one way.
var odd = []string{
	"plain", "", `quote " and \ back`, "a/b </script>", "\x00\x01\x1f\x7f", "\b\t\n\f\r", "\u0080\u00e9\u2028\u2029\ufeff\uffff",
	"\U0001f600\U0010ffff", "e\u0301 and \u00e9", "\xff is no UTF-8",
}

// grow adds entries, until there are so many, and signs them.
func (l *log) grow(size int64) int64 {
	l.t.Helper()
	for l.w.State().Size < size {
		evs := make([]auditlog.Event, min(500, size-l.w.State().Size))
		for i := range evs {
			l.n++
			evs[i] = auditlog.Event{
				Kind: "tracescrub.masked", Time: l.now.Add(time.Duration(l.n)), Severity: 1 + l.n%24, Trace: fmt.Sprintf("%032x", l.n),
				Attributes: map[string]any{
					"n": l.n, "least": int64(-(1<<53 - 1)), "most": int64(1<<53 - 1), "none": 0, "yes": true, "no": false, "dir": l.dir,
					"text": odd[l.n%len(odd)], "z": []any{}, "a": map[string]any{}, "b_1.x": []any{odd[l.n%len(odd)], map[string]any{"y": 1, "x": false}},
					"user.id": fmt.Sprint("user ", l.n%7),
				},
			}
		}
		_, err := l.w.Append(l.t.Context(), evs...)
		require.NoError(l.t, err)
	}
	_, err := l.w.Checkpoint(l.t.Context())
	require.NoError(l.t, err)
	return l.w.State().Signed
}

// prune removes all segments that are full.
func (l *log) prune() {
	l.t.Helper()
	l.now = l.now.AddDate(0, 0, 1)
	l.grow(l.w.State().Size + 10)
	n, err := l.w.Prune(l.t.Context(), l.now)
	require.NoError(l.t, err)
	require.Positive(l.t, n)
}

// copied is a copy of the directory as it is now.
func (l *log) copied() string {
	l.t.Helper()
	dir := filepath.Join(l.t.TempDir(), "copy")
	require.NoError(l.t, os.CopyFS(dir, os.DirFS(l.dir)))
	return dir
}

func (l *log) exported(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	require.NoError(t, tiles.Export(t.Context(), l.dir, out, nil))
	return out
}

// verifier is that of the key in use.
func (l *log) verifier() note.Verifier {
	l.t.Helper()
	keys, err := files.PublicKeys(l.dir)
	require.NoError(l.t, err)
	v, err := note.NewVerifier(keys[len(keys)-1])
	require.NoError(l.t, err)
	return v
}

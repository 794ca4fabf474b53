package auditlog

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// TestBitRot changes what was signed: the next start refuses.
func TestBitRot(t *testing.T) {
	for _, name := range []string{files.Segment(1), files.Hashes, files.Checkpoint} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			w := open(t, cfg)
			for i := range 10 {
				_, err := w.Append(context.Background(), masked(i))
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			path := filepath.Join(cfg.Directory, name)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b[len(b)-40] ^= 4
			require.NoError(t, os.WriteFile(path, b, 0o600))
			_, err = Open(cfg)
			require.ErrorIs(t, err, Corrupt)
		})
	}
}

// TestTornTail keeps what it cuts off.
func TestTornTail(t *testing.T) {
	cfg := config(t.TempDir())
	w := open(t, cfg)
	require.NoError(t, w.Close())
	f, err := os.OpenFile(filepath.Join(cfg.Directory, files.Segment(1)), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"attributes":{"half`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	w = open(t, cfg)
	require.NoError(t, w.Close())
	r := intact(t, cfg.Directory)
	require.Equal(t, "torn", r.Gaps[0].Reason)
	kept, err := filepath.Glob(filepath.Join(cfg.Directory, "torn-2-*"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, int64(1), r.Kinds[entry.Gap])
	require.WithinDuration(t, r.Last, r.Gaps[0].At, time.Hour)
}

package auditlog

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// TestLeftovers: a crash while a file was replaced leaves another copy of it
// with names, or with a private key. Who is erased later must not live on there.
func TestLeftovers(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.KeyFile = filepath.Join(t.TempDir(), "audit.key")
	w := open(t, cfg)
	_, err := w.Append(context.Background(), voted("alice", "because"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var left []string
	for _, path := range []string{filepath.Join(cfg.Directory, files.Subjects), cfg.KeyFile, filepath.Join(cfg.Directory, files.Checkpoint)} {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp-LEFTBYACRASH")
		require.NoError(t, os.WriteFile(tmp, b, 0o600))
		left = append(left, tmp)
	}
	w = open(t, cfg)
	_, err = w.EraseSubject(context.Background(), "alice")
	require.NoError(t, err)
	for _, tmp := range left {
		require.NoFileExists(t, tmp)
	}
}

// TestEraseLong: what was cut before it was committed to is found by the whole.
func TestEraseLong(t *testing.T) {
	for name, subject := range map[string]string{
		"long": strings.Repeat("ä", maxValue), "no UTF-8": "alice\xff", "both": "\xff" + strings.Repeat("a", 2*maxValue),
	} {
		w := open(t, config(t.TempDir()))
		_, err := w.Append(context.Background(), voted(subject, "why"))
		require.NoError(t, err)
		n, err := w.EraseSubject(context.Background(), subject)
		require.NoError(t, err)
		require.Equal(t, 2, n, name)
	}
}

//go:build unix

package verify_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// TestHostileFiles: whatever stands in a directory under the names of a log,
// to check it ends, and with an error: nothing is waited for that never comes.
func TestHostileFiles(t *testing.T) {
	base := t.TempDir()
	w, err := auditlog.Open(auditlog.Config{Directory: base, Heartbeat: -1, Interval: -1})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	kinds := map[string]func(path string) error{
		"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"endless":   func(path string) error { return os.Symlink("/dev/zero", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	}
	for _, name := range []files.Name{files.Checkpoint, files.Public, files.Hashes, files.Subjects, files.Handover(1), files.Segment(1), files.Segment(2)} {
		for kind, put := range kinds {
			t.Run(name+" is a "+kind, func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.CopyFS(dir, os.DirFS(base)))
				path := filepath.Join(dir, name)
				require.NoError(t, os.RemoveAll(path))
				require.NoError(t, put(path))
				done := make(chan error, 1)
				go func() {
					_, err := verify.Run(context.Background(), verify.Options{Directory: dir})
					done <- err
				}()
				select {
				case err := <-done:
					require.Error(t, err)
				case <-time.After(20 * time.Second):
					require.Fail(t, "it does not end")
				}
			})
		}
	}
	for _, name := range []files.Name{files.Checkpoint, files.Public, files.Handover(1)} {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(base)))
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		require.NoError(t, os.Truncate(filepath.Join(dir, name), 1<<40)) // takes no room, until it is read
		_, err := verify.Run(context.Background(), verify.Options{Directory: dir})
		require.ErrorContains(t, err, "more than", name)
	}
}

// TestHostileHashes: a hash file of any length does not keep verify from being interrupted.
func TestHostileHashes(t *testing.T) {
	dir := t.TempDir()
	w, err := auditlog.Open(auditlog.Config{Directory: dir, Heartbeat: -1, Interval: -1})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.Truncate(filepath.Join(dir, files.Hashes), 1<<42))
	path := filepath.Join(dir, files.Segment(1))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b = bytes.Replace(b, []byte(`"seq":1,`), []byte(`"seq":9007199254740991,`), 1)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = verify.Run(ctx, verify.Options{Directory: dir})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

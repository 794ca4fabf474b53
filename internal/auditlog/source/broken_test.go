package source

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// What cannot be proven is an error, and never a receipt.
func TestBrokenLog(t *testing.T) {
	flip := func(name string, at int) func(*log) {
		return func(l *log) {
			path := filepath.Join(l.dir, name)
			b, err := os.ReadFile(path)
			require.NoError(l.t, err)
			b[(len(b)+at)%len(b)] ^= 1
			require.NoError(l.t, os.WriteFile(path, b, 0o600))
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(*log)
	}{
		{"an entry", func(l *log) {
			path := filepath.Join(l.dir, files.Segment(1))
			b, err := os.ReadFile(path)
			require.NoError(l.t, err)
			changed := bytes.Replace(b, []byte(`"tracescrub.version":1}`), []byte(`"tracescrub.version":2}`), 1)
			require.NotEqual(l.t, b, changed)
			require.NoError(l.t, os.WriteFile(path, changed, 0o600))
		}},
		{"the end of a segment", func(l *log) { require.NoError(l.t, os.Truncate(filepath.Join(l.dir, files.Segment(1)), 450)) }},
		{"a segment", func(l *log) { require.NoError(l.t, os.Truncate(filepath.Join(l.dir, files.Segment(1)), 0)) }},
		{"no segment", func(l *log) { require.NoError(l.t, os.Remove(filepath.Join(l.dir, files.Segment(1)))) }},
		{"the hashes", func(l *log) { // all of them: which are in the path is the tree's affair
			path := filepath.Join(l.dir, files.Hashes)
			b, err := os.ReadFile(path)
			require.NoError(l.t, err)
			for i := range b {
				b[i] ^= 1
			}
			require.NoError(l.t, os.WriteFile(path, b, 0o600))
		}},
		{"no hashes", func(l *log) { require.NoError(l.t, os.Truncate(filepath.Join(l.dir, files.Hashes), 10)) }},
		{"the checkpoint", flip(files.Checkpoint, 25)},
		{"the signature", flip(files.Checkpoint, -10)},
		{"no checkpoint", func(l *log) { require.NoError(l.t, os.Remove(filepath.Join(l.dir, files.Checkpoint))) }},
		{"another key", func(l *log) {
			_, public, err := proof.NewKey("example.com/audit", nil)
			require.NoError(l.t, err)
			require.NoError(l.t, os.WriteFile(filepath.Join(l.dir, files.Public), []byte(public+"\n"), 0o600))
		}},
		{"no log", func(l *log) { require.NoError(l.t, os.RemoveAll(l.dir)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := start(t, t.TempDir())
			l.tell("denied", id(0))
			l.sign()
			before := Directory(l.dir)
			require.Positive(t, decision(t, before, l.dir, id(0)))
			tt.damage(l)
			for _, s := range []Source{before, Directory(l.dir)} {
				b, err := s.Decision(context.Background(), id(0))
				require.Error(t, err)
				require.NotErrorIs(t, err, ErrNone)
				require.Nil(t, b)
			}
		})
	}
}

// Another copy of the log, or another log, may stand there from one question to the next.
func TestReplacedLog(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "other")
	l := start(t, dir)
	l.fill(30)
	older := filepath.Join(t.TempDir(), "older")
	require.NoError(t, os.CopyFS(older, os.DirFS(dir)))
	l.fill(60)
	require.NoError(t, l.w.Close())
	bigger := start(t, other)
	for i := range 300 {
		bigger.tell("approved", id(299-i))
	}
	bigger.sign()
	require.NoError(t, bigger.w.Close())

	s := Directory(dir)
	require.Positive(t, decision(t, s, dir, id(59)))
	put := func(from string) {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	}
	put(older)
	require.EqualValues(t, -1, decision(t, s, dir, id(59)))
	require.Positive(t, decision(t, s, dir, id(29)))
	twin := start(t, filepath.Join(t.TempDir(), "twin")) // which is as long as older
	for i := range 30 {
		twin.tell("denied", id(700+i))
	}
	twin.sign()
	require.NoError(t, twin.w.Close())
	put(twin.dir)
	require.Positive(t, decision(t, s, dir, id(729)))
	require.EqualValues(t, -1, decision(t, s, dir, id(29)))
	put(other)
	for i := range 300 {
		require.Positive(t, decision(t, s, dir, id(i)))
	}
}

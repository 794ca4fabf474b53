package tiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

func TestExport(t *testing.T) {
	l := newLog(t)
	out := filepath.Join(t.TempDir(), "new", "tiles")
	for _, size := range []int64{1, 2, 255, 256, 257, 511, 700, 1100} {
		l.grow(size)
		exported(t, l, out)
		require.Equal(t, l.State().Size, intact(t, l, out, 0))
	}
	exported(t, l, out) // nothing new
	require.Equal(t, l.State().Size, intact(t, l, out, 0))
	for _, p := range []string{"tile/0/000.p", "tile/entries/000.p", "tile/0/001.p"} {
		require.NoDirExists(t, filepath.Join(out, p), "parts of what is whole")
	}
}

// TestLevels: a tree with tiles of three levels.
func TestLevels(t *testing.T) {
	l := newLogOf(t, 5000)
	l.grow(65_600)
	out := t.TempDir()
	var told []int64
	require.NoError(t, Export(t.Context(), l.dir, out, func(done, total int64) {
		require.Equal(t, l.State().Signed, total)
		told = append(told, done)
	}))
	require.Equal(t, l.State().Size, intact(t, l, out, 0))
	require.FileExists(t, filepath.Join(out, "tile/2/000.p/1"))
	require.FileExists(t, filepath.Join(out, "tile/1/000"))
	require.Equal(t, l.State().Size, told[len(told)-1])
}

// TestUnsigned: what no checkpoint covers is in no tile.
func TestUnsigned(t *testing.T) {
	l := newLog(t)
	l.grow(10)
	signed := l.State().Signed
	_, err := l.Append(t.Context(), auditlog.Event{Kind: "tracescrub.masked", Time: l.now})
	require.NoError(t, err)
	out := t.TempDir()
	exported(t, l, out)
	require.Equal(t, signed, intact(t, l, out, 0))
}

func TestExportPruned(t *testing.T) {
	l := newLog(t)
	l.grow(700)
	early, late := t.TempDir(), t.TempDir()
	exported(t, l, early)
	first := l.prune()
	require.Positive(t, first%width, "the boundary is within a bundle")
	l.grow(1300)

	exported(t, l, late)
	intact(t, l, late, (first+width-1)/width*width)
	require.NoFileExists(t, filepath.Join(late, "tile/entries/000"))
	exported(t, l, late)

	exported(t, l, early)
	intact(t, l, early, 0)
	require.FileExists(t, filepath.Join(early, "tile/entries/000"), "an export keeps what it has")
}

// TestAllPruned: the boundary is in the last bundle, none of which is there then.
func TestAllPruned(t *testing.T) {
	l := newLog(t)
	l.grow(300)
	require.Greater(t, l.prune(), int64(256))
	out := t.TempDir()
	exported(t, l, out)
	require.Equal(t, l.State().Size, intact(t, l, out, l.State().Size))
	require.NoDirExists(t, filepath.Join(out, "tile/entries"))
}

func TestExportRefuses(t *testing.T) {
	l := newLog(t)
	l.grow(600)
	other := newLog(t)
	other.grow(700)
	edit := func(t *testing.T, name string, f func([]byte) []byte) {
		t.Helper()
		p := filepath.Join(l.dir, name)
		b, err := os.ReadFile(p)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(p, f(append([]byte(nil), b...)), 0o600))
		t.Cleanup(func() { require.NoError(t, os.WriteFile(p, b, 0o600)) })
	}
	for _, c := range []struct {
		name, want string
		do         func(t *testing.T, out string)
		late       bool // is found when some tiles have been written
	}{
		{"something else is there", "something else", func(t *testing.T, out string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(out, "letter"), nil, 0o600))
		}, false},
		{"more than is signed", "only 6", func(t *testing.T, out string) { t.Helper(); exported(t, other, out) }, false},
		{"another log of the same name", "does not continue", func(t *testing.T, out string) {
			t.Helper()
			exported(t, other, out)
			l.grow(800)
		}, false},
		{"no export", "is no export", func(t *testing.T, out string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(out, files.Checkpoint), []byte("x\n"), 0o600))
		}, false},
		{"an entry was changed", "entry 1 is not the one", func(t *testing.T, _ string) {
			t.Helper()
			edit(t, files.Segment(1), func(b []byte) []byte {
				return []byte(strings.Replace(string(b), "item.id\":\"0", "item.id\":\"1", 1))
			})
		}, true},
		{"a segment is empty", "segment-0002.jsonl: no such entry", func(t *testing.T, _ string) {
			t.Helper()
			edit(t, files.Segment(2), func([]byte) []byte { return nil })
		}, true},
		{"a segment is missing", "is missing", func(t *testing.T, _ string) {
			t.Helper()
			p := filepath.Join(l.dir, files.Segment(2))
			require.NoError(t, os.Rename(p, p+".x"))
			t.Cleanup(func() { require.NoError(t, os.Rename(p+".x", p)) })
		}, true},
		{"an entry was cut off", "is missing", func(t *testing.T, _ string) {
			t.Helper()
			edit(t, files.Segment(2), func(b []byte) []byte { return b[:len(b)-1] })
		}, true},
		{"a hash was changed", "inconsistent", func(t *testing.T, _ string) {
			t.Helper()
			edit(t, files.Hashes, func(b []byte) []byte { b[510*32] ^= 1; return b })
		}, true},
		{"the checkpoint was changed", "no key that is trusted", func(t *testing.T, _ string) {
			t.Helper()
			edit(t, files.Checkpoint, func(b []byte) []byte { b[len(b)-10] ^= 1; return b })
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir()
			c.do(t, out)
			before := tree(t, out)
			err := Export(t.Context(), l.dir, out, nil)
			require.ErrorContains(t, err, c.want)
			if !c.late {
				require.Equal(t, before, tree(t, out), "nothing was written")
			}
			require.Equal(t, strings.Contains(before, files.Checkpoint), strings.Contains(tree(t, out), files.Checkpoint))
		})
	}
	require.Error(t, Export(t.Context(), t.TempDir(), t.TempDir(), nil), "no log")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Export(ctx, l.dir, t.TempDir(), nil), context.Canceled)
}

// tree are the names of all files.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(p, dir))
		}
		return err
	}))
	return strings.Join(all, "\n")
}

var errPlanted = errors.New("planted")

// failing fails at one file: instead of writing it, or after it.
type failing struct {
	files.System
	at    int
	after bool
	calls int
}

func (f *failing) Replace(path string, data []byte, perm fs.FileMode) error {
	f.calls++
	if f.calls == f.at && !f.after {
		return errPlanted
	}
	if err := f.System.Replace(path, data, perm); err != nil {
		return err
	}
	if f.calls == f.at {
		return errPlanted
	}
	return nil
}

// TestWriteFails breaks each write, of a first export and of one that
// continues: what was there before is whole, and the next attempt succeeds.
func TestWriteFails(t *testing.T) {
	l := newLog(t)
	l.grow(300)
	base := t.TempDir()
	exported(t, l, base)
	before := l.State().Size
	l.grow(600)
	for _, earlier := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			writes := 0
			for at := 1; at == 1 || at <= writes; at++ {
				out := t.TempDir()
				if earlier {
					require.NoError(t, os.CopyFS(out, os.DirFS(base)))
				}
				sys := &failing{System: files.Disk, at: at, after: after}
				err := export(t.Context(), sys, l.dir, out, nil)
				require.ErrorIs(t, err, errPlanted)
				if _, err := os.Stat(filepath.Join(out, files.Checkpoint)); err == nil {
					size := intact(t, l, out, 0)
					require.Contains(t, []int64{before, l.State().Size}, size)
				} else {
					require.False(t, earlier, "the earlier checkpoint is gone")
				}
				sys.at = 0
				sys.calls = 0
				require.NoError(t, export(t.Context(), sys, l.dir, out, nil))
				require.Equal(t, l.State().Size, intact(t, l, out, 0))
				writes = max(writes, sys.calls)
			}
			require.Greater(t, writes, 3)
		}
	}
}

package records

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// list are the files below a directory.
func list(t *testing.T, dir string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			paths = append(paths, rel)
		}
		return err
	}))
	return paths
}

func TestPutAndGet(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir)
	_, err := s.Get(digest(nil))
	require.ErrorIs(t, err, ErrGone, "before there is a directory")
	texts := [][]byte{[]byte("one"), bytes.Repeat([]byte("two "), 10000), {}, []byte("one")}
	digests, err := s.Put(noon, texts...)
	require.NoError(t, err)
	for i, text := range texts {
		require.Equal(t, digest(text), digests[i])
		got, err := Open(dir).Get(digests[i])
		require.NoError(t, err)
		require.Equal(t, string(text), string(got))
	}
	require.ElementsMatch(t, []string{
		"records/2026-01-31/" + digests[0] + ".zst", "records/2026-01-31/" + digests[1] + ".zst", "records/2026-01-31/" + digests[2] + ".zst",
	}, list(t, dir))
	info, err := os.Stat(filepath.Join(dir, "records/2026-01-31", digests[1]+".zst"))
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(200), "compressed")
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	for _, bad := range []string{"", "x", "../../lock", strings.ToUpper(digests[0]), digests[0] + "/", digest([]byte("other"))} {
		_, err := s.Get(bad)
		require.ErrorIs(t, err, ErrGone, "%q", bad)
	}
	_, err = s.Put(noon, make([]byte, MaxSize+1))
	require.ErrorIs(t, err, ErrLarge)
	_, err = s.Put(noon)
	require.NoError(t, err)
}

// TestLargest: what Put takes, Get gives back.
func TestLargest(t *testing.T) {
	s := Open(t.TempDir())
	text := make([]byte, MaxSize)
	digests, err := s.Put(noon, text)
	require.NoError(t, err)
	got, err := s.Get(digests[0])
	require.NoError(t, err)
	require.Len(t, got, MaxSize)
}

// TestChanged: whatever becomes of a file, no other text is taken for the
// record, and putting it again makes it whole.
func TestChanged(t *testing.T) {
	text := []byte("masked telemetry")
	enc, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for name, packed := range map[string][]byte{
		"another record": enc.EncodeAll([]byte("another"), nil),
		"no zstd":        []byte("masked telemetry"),
		"empty":          {},
		"a bomb":         enc.EncodeAll(make([]byte, 2*MaxSize), nil),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := Open(dir)
			digests, err := s.Put(noon, text)
			require.NoError(t, err)
			path := filepath.Join(dir, list(t, dir)[0])
			require.NoError(t, os.WriteFile(path, packed, 0o600))
			_, err = s.Get(digests[0])
			require.ErrorIs(t, err, ErrChanged)
			_, err = s.Put(noon.AddDate(0, 0, -1), text)
			require.NoError(t, err)
			got, err := s.Get(digests[0])
			require.NoError(t, err, "that of another day is whole")
			require.Equal(t, text, got)
			_, err = s.Put(noon, text)
			require.NoError(t, err)
			require.NoError(t, os.RemoveAll(filepath.Join(dir, Directory, "2026-01-30")))
			got, err = s.Get(digests[0])
			require.NoError(t, err, "it was written anew")
			require.Equal(t, text, got)
		})
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir)
	n, err := s.Prune(noon)
	require.NoError(t, err)
	require.Zero(t, n)
	for day := range 3 {
		_, err := s.Put(noon.AddDate(0, 0, day), []byte("same"), []byte{byte(day)})
		require.NoError(t, err)
	}
	other := filepath.Join(dir, Directory, "2026-1-1")
	require.NoError(t, os.Mkdir(other, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, Directory, "2026-01-31", ".half.tmp-x"), nil, 0o600))
	n, err = s.Prune(time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC))
	require.NoError(t, err)
	require.Zero(t, n, "a day goes when it has ended")
	n, err = s.Prune(time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.NoDirExists(t, filepath.Join(dir, Directory, "2026-01-31"))
	require.NoDirExists(t, filepath.Join(dir, Directory, "2026-02-01"))
	require.DirExists(t, other, "what is not ours stays")
	_, err = s.Get(digest([]byte("same")))
	require.NoError(t, err, "the last day's is still there")
	_, err = s.Get(digest([]byte{0}))
	require.ErrorIs(t, err, ErrGone)
}

// faulty fails at a call: before it was done, or after.
type faulty struct {
	files.System
	mu     sync.Mutex
	at     int
	after  bool
	calls  int
	synced map[string]bool // directories, and files with their names
}

var errPlanted = errors.New("planted")

func (f *faulty) call(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.calls == f.at && !f.after {
		return errPlanted
	}
	err := do()
	if f.calls == f.at {
		err = errPlanted
	}
	return err
}

func (f *faulty) Replace(path string, data []byte, perm fs.FileMode) error {
	return f.call(func() error {
		f.synced[path] = !f.after || f.calls != f.at // renamed, and the directory not synced
		return f.System.Replace(path, data, perm)
	})
}

func (f *faulty) SyncDir(dir string) error {
	return f.call(func() error {
		for path := range f.synced {
			f.synced[path] = true
		}
		return f.System.SyncDir(dir)
	})
}

func (f *faulty) Remove(path string) error {
	return f.call(func() error { return f.System.Remove(path) })
}

// TestEveryCallFails: after an error at any call, done or not, the next Put
// makes the records durable.
func TestEveryCallFails(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			f := &faulty{System: files.Disk, after: after, synced: map[string]bool{}}
			dir := t.TempDir()
			s := Open(dir)
			s.sys = f
			mkdir := s.mkdir
			s.mkdir = func(path string, perm fs.FileMode) error { return f.call(func() error { return mkdir(path, perm) }) }
			f.at = at
			texts := [][]byte{[]byte("one"), []byte("two")}
			_, err := s.Put(noon, texts...)
			if f.calls < at {
				require.NoError(t, err)
				require.Greater(t, at, 3)
				break
			}
			require.ErrorIs(t, err, errPlanted)
			digests, err := s.Put(noon, texts...)
			require.NoError(t, err)
			for i, d := range digests {
				require.True(t, f.synced[filepath.Join(dir, Directory, "2026-01-31", d+suffix)], "acknowledged, and durable")
				got, err := Open(dir).Get(d)
				require.NoError(t, err)
				require.Equal(t, texts[i], got)
			}
		}
	}
}

// TestPruneFails: the second attempt removes what the first left.
func TestPruneFails(t *testing.T) {
	for _, after := range []bool{false, true} {
		dir := t.TempDir()
		s := Open(dir)
		_, err := s.Put(noon, []byte("one"))
		require.NoError(t, err)
		s.sys = &faulty{System: files.Disk, at: 1, after: after, synced: map[string]bool{}}
		_, err = s.Prune(noon.AddDate(0, 0, 2))
		require.ErrorIs(t, err, errPlanted)
		_, err = s.Prune(noon.AddDate(0, 0, 2))
		require.NoError(t, err)
		require.NoDirExists(t, filepath.Join(dir, Directory, "2026-01-31"))
	}
}

// FuzzGet: no file is taken for a record that it is not.
func FuzzGet(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	require.NoError(f, err)
	good := enc.EncodeAll([]byte("text"), nil)
	f.Add(good, 0, byte(0))
	f.Add(good, len(good)-1, byte(1))
	f.Add([]byte("text"), 0, byte(0))
	f.Fuzz(func(t *testing.T, packed []byte, at int, flip byte) {
		if at >= 0 && at < len(packed) {
			packed[at] ^= flip
		}
		s := Open(t.TempDir())
		digests, err := s.Put(noon, []byte("text"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, "2026-01-31", digests[0]+suffix), packed, 0o600))
		got, err := s.Get(digests[0])
		if err == nil && string(got) != "text" || err != nil && !errors.Is(err, ErrChanged) {
			t.Fatal("a file that is no record is taken for one, or an error is of another kind")
		}
	})
}

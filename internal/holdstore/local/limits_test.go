package local

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

func TestConfig(t *testing.T) {
	require.NoError(t, (&Config{Directory: "d"}).Validate())
	err := (&Config{MaxBytes: 1}).Validate()
	require.ErrorContains(t, err, "directory: must be set")
	require.ErrorContains(t, err, "max_bytes: must be at least 1048576")
	_, err = Open(Config{})
	require.Error(t, err)
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "store")
	s := start1(t, dir, options{})
	require.NoError(t, s.Put(t.Context(), storetest.Item(1, 10, 10)))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 4, "lock, state, items, keys")
	require.NoError(t, s.Close())
	for _, path := range files {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)

		require.NoError(t, os.Chmod(path, 0o640))
		_, err = Open(Config{Directory: dir})
		require.ErrorContains(t, err, "can be used by others (mode 0640): chmod 600 it")
		require.ErrorContains(t, err, filepath.Base(path))
		require.NoError(t, os.Chmod(path, 0o600))
	}
	require.NoError(t, os.Chmod(dir, 0o750))
	_, err = Open(Config{Directory: dir})
	require.ErrorContains(t, err, "can be used by others (mode 0750): chmod 700 it")
}

func TestOneStorePerProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	a := start1(t, dir, options{})
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	b := start1(t, link, options{})
	it := storetest.Item(1, 10, 10)
	require.NoError(t, a.Put(t.Context(), it))
	requireWhole(t, b, it, refOf(it))
	_, err := Open(Config{Directory: dir, MaxBytes: 5 << 20})
	require.ErrorContains(t, err, "use one value everywhere")
	require.NoError(t, a.Close())
	require.Error(t, a.Put(t.Context(), it))
	requireWhole(t, b, it, refOf(it))

	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envCrashDir+"="+dir)
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Regexp(t, `^! opening the store in .*: process \d+ on .+ has it open: one process at a time\n$`, string(out))
	require.Contains(t, string(out), " "+strings.TrimSpace(readFile(t, filepath.Join(dir, "lock")))+" ")
	require.NoError(t, b.Close())
	start1(t, dir, options{})
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// decide is what must work however full the store is.
func decide(t *testing.T, s holdstore.Store, it *holdstore.Item) {
	t.Helper()
	_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Data: []byte("deny")})
	require.NoError(t, err)
	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	awaitShredded(t, s, it.ID)
}

func TestFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := openWith(Config{Directory: dir, MaxBytes: 4 << 20}, options{})
	require.NoError(t, err)
	defer s.Close()
	var there []*holdstore.Item
	for i := uint64(0); ; i++ {
		it := storetest.Item(i, 300_000, 0)
		if err = s.Put(t.Context(), it); err != nil {
			break
		}
		there = append(there, it)
		require.Less(t, i, uint64(100))
	}
	require.ErrorIs(t, err, holdstore.ErrFull)
	require.Greater(t, len(there), 8)
	used, limit := s.(*handle).Size()
	require.LessOrEqual(t, used, limit)
	require.NoError(t, s.Put(t.Context(), there[0]), "what is there already needs no room")

	for _, it := range there[:4] {
		decide(t, s, it)
	}
	require.Eventually(t, func() bool { // its room comes back
		return s.Put(t.Context(), storetest.Item(1000, 300_000, 0)) == nil
	}, time.Minute, time.Millisecond)
	for _, it := range there[4:] {
		requireWhole(t, s, it, refOf(it))
	}
}

func TestDiskAlmostFull(t *testing.T) {
	var free int64 = 1 << 40
	var failed error
	s := start1(t, filepath.Join(t.TempDir(), "store"), options{freeSpace: func(string) (int64, error) { return free, failed }})
	it := storetest.Item(1, 1000, 0)
	require.NoError(t, s.Put(t.Context(), it))
	free = reserve
	err := s.Put(t.Context(), storetest.Item(2, 1000, 0))
	require.ErrorIs(t, err, holdstore.ErrFull)
	require.ErrorContains(t, err, "kept for decisions")
	free, failed = 1<<40, errInjected
	require.ErrorIs(t, s.Put(t.Context(), storetest.Item(2, 1000, 0)), errInjected)
	decide(t, s, it)
	failed = nil
	require.NoError(t, s.Put(t.Context(), storetest.Item(2, 1000, 0)))
}

const envFileLimit = "LOCAL_FILE_LIMIT"

// TestWritesBeyondALimit has the system refuse writes, as a full disk does:
// in a process of its own that may not write files of more than 1 MiB.
func TestWritesBeyondALimit(t *testing.T) {
	if dir := os.Getenv(envFileLimit); dir != "" {
		putBeyondLimit(t, dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "store")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "TestWritesBeyondALimit$", "-test.v")
	cmd.Env = append(os.Environ(), envFileLimit+"="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "refused by the system")

	s := start1(t, dir, options{})
	for i := range uint64(5) {
		it := storetest.Item(i, 100_000, 100)
		requireWhole(t, s, it, refOf(it))
	}
	require.NoError(t, s.Put(t.Context(), storetest.Item(99, 2_000_000, 0)))
	requireNoOrphans(t, s.shared.store)
}

func putBeyondLimit(t *testing.T, dir string) {
	t.Helper()
	limit := &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, limit))
	s := start1(t, dir, options{})
	var there []*holdstore.Item
	for i := range uint64(5) {
		there = append(there, storetest.Item(i, 100_000, 100))
		require.NoError(t, s.Put(t.Context(), there[i]))
	}
	for range 3 {
		err := s.Put(t.Context(), storetest.Item(99, 2_000_000, 0))
		require.ErrorIs(t, err, holdstore.ErrFull)
		t.Log("refused by the system")
		for _, it := range there {
			requireWhole(t, s, it, refOf(it))
		}
	}
	small := storetest.Item(50, 100, 0)
	require.NoError(t, s.Put(t.Context(), small))
	decide(t, s, small)
	require.NoError(t, s.Close())
}

func TestReadOnlyDirectory(t *testing.T) {
	// Root may write anywhere, so the directory is one where nobody can.
	_, err := Open(Config{Directory: "/proc/self/store"})
	require.ErrorContains(t, err, "directory: ")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(Config{Directory: filepath.Join(file, "store")})
	require.ErrorContains(t, err, "directory: ")
}

// damaged opens a store whose files something has changed, and uses all of it.
func damaged(t *testing.T, dir string, items []*holdstore.Item) (errs []error) {
	t.Helper()
	s, err := Open(Config{Directory: dir})
	if err != nil {
		return []error{err}
	}
	defer s.Close()
	enough := errors.New("enough")
	seen := 0
	if err := s.Follow(t.Context(), func(e holdstore.Event) error {
		if e.Held != nil {
			seen++
		}
		if e.CaughtUp {
			return enough
		}
		return nil
	}); !errors.Is(err, enough) {
		errs = append(errs, err)
	} else if seen < len(items) {
		t.Errorf("%d of %d items were told, and no error", seen, len(items))
	}
	for _, it := range items {
		if _, err := s.Capsule(t.Context(), it.ID, refOf(it)); err != nil {
			errs = append(errs, err)
		}
		for _, part := range []envelope.Part{envelope.View, envelope.Restore} {
			if _, err := s.Chunks(t.Context(), it.ID, refOf(it), part); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// TestDamagedFiles overwrites pages, cuts files off and removes them: it is
// an error that says so, never a panic and never a wrong answer.
func TestDamagedFiles(t *testing.T) {
	source := filepath.Join(t.TempDir(), "store")
	s := start1(t, source, options{})
	var items []*holdstore.Item
	for i := range uint64(300) {
		items = append(items, storetest.Item(i, 3000, 500))
		require.NoError(t, s.Put(t.Context(), items[i]))
	}
	require.NoError(t, s.Close())
	for _, name := range []string{stateName, itemsName(dayOf(items[0].HeldAt)), keysName(1)} {
		data := readFile(t, filepath.Join(source, name))
		damage := func(t *testing.T, with func(path string)) []error {
			t.Helper()
			dir := filepath.Join(t.TempDir(), "store")
			require.NoError(t, os.CopyFS(dir, os.DirFS(source)))
			require.NoError(t, os.Chmod(dir, 0o700))
			for _, e := range []string{stateName, itemsName(dayOf(items[0].HeldAt)), keysName(1), "lock"} {
				require.NoError(t, os.Chmod(filepath.Join(dir, e), 0o600))
			}
			with(filepath.Join(dir, name))
			return damaged(t, dir, items)
		}
		t.Run(name+" overwritten", func(t *testing.T) {
			failed := 0
			for page := 0; page < len(data); page += 4096 * (1 + len(data)/4096/10) {
				errs := damage(t, func(path string) {
					b := []byte(data)
					for i := page; i < page+4096 && i < len(b); i++ {
						b[i] = 0xa5
					}
					require.NoError(t, os.WriteFile(path, b, 0o600))
				})
				for _, err := range errs {
					require.ErrorIs(t, err, holdstore.ErrCorrupt, "page %d", page/4096)
				}
				failed += len(errs)
			}
			require.NotZero(t, failed)
		})
		t.Run(name+" cut off", func(t *testing.T) {
			// Not later: bbolt lets a file grow by doubling, and its second half may be free pages.
			for _, n := range []int{0, 100, 8192, len(data) / 8} {
				errs := damage(t, func(path string) { require.NoError(t, os.Truncate(path, int64(n))) })
				require.NotEmpty(t, errs, "%d bytes", n)
				for _, err := range errs {
					require.ErrorIs(t, err, holdstore.ErrCorrupt, "%d bytes", n)
				}
			}
		})
		t.Run(name+" removed", func(t *testing.T) {
			errs := damage(t, func(path string) { require.NoError(t, os.Remove(path)) })
			require.NotEmpty(t, errs)
			require.ErrorContains(t, errs[0], " not there")
			require.NotErrorIs(t, errs[0], holdstore.ErrGone)
		})
	}
}

// TestFileCutOffWhileOpen: reading what is mapped but no longer there.
func TestFileCutOffWhileOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := start1(t, dir, options{})
	it := storetest.Item(1, 500_000, 0)
	require.NoError(t, s.Put(t.Context(), it))
	require.NoError(t, os.Truncate(filepath.Join(dir, itemsName(dayOf(it.HeldAt))), 8192))
	_, err := s.Chunks(t.Context(), it.ID, refOf(it), envelope.View)
	require.ErrorIs(t, err, holdstore.ErrCorrupt)
	_, err = s.Append(t.Context(), holdstore.Record{Item: it.ID})
	require.NoError(t, err)
}

// TestClockGoesBackwards puts items of days that come in any order.
func TestClockGoesBackwards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := start1(t, dir, options{})
	now := time.Now().UTC()
	var items []*holdstore.Item
	for i, days := range []int{0, -3, 2, -400, -1, 0, 36500} {
		it := storetest.Item(uint64(i), 100, 100)
		it.HeldAt = now.AddDate(0, 0, days)
		items = append(items, it)
		require.NoError(t, s.Put(t.Context(), it))
	}
	require.NoError(t, s.Prune(t.Context(), now))
	require.NoError(t, s.Prune(t.Context(), now.AddDate(200, 0, 0)), "a clock that is wrong the other way")
	require.NoError(t, s.Close())
	s = start1(t, dir, options{})
	for _, it := range items {
		requireWhole(t, s, it, refOf(it))
	}
}

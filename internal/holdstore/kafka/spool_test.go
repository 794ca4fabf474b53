package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// faultyFiles fail at one step, before it was done or after.
type faultyFiles struct {
	files
	step  string
	after bool
	err   error
}

func (f *faultyFiles) at(step string, do func() error) error {
	if step == f.step && !f.after {
		return f.err
	}
	err := do()
	if step == f.step {
		return f.err
	}
	return err
}

func (f *faultyFiles) write(path string, pieces [][]byte) error {
	return f.at("write", func() error { return f.files.write(path, pieces) })
}

func (f *faultyFiles) rename(from, to string) error {
	return f.at("rename", func() error { return f.files.rename(from, to) })
}

func (f *faultyFiles) remove(path string) error {
	return f.at("remove", func() error { return f.files.remove(path) })
}

func (f *faultyFiles) syncDir(dir string) error {
	return f.at("syncDir", func() error { return f.files.syncDir(dir) })
}

func spoolConfig(t *testing.T) SpoolConfig {
	t.Helper()
	return SpoolConfig{Directory: filepath.Join(t.TempDir(), "spool"), MaxBytes: 100 << 20}
}

func mustOpen(t *testing.T, cfg SpoolConfig, sys files) *spool {
	t.Helper()
	s, _, err := openSpool(cfg, sys)
	require.NoError(t, err)
	return s
}

func addItem(s *spool, it *holdstore.Item) error {
	e, err := newEntry(it)
	if err != nil {
		return err
	}
	return s.add(e, it)
}

// requireSpooled reads everything that a spool has.
func requireSpooled(t *testing.T, s *spool, want ...*holdstore.Item) {
	t.Helper()
	all := s.waiting()
	require.Len(t, all, len(want))
	var size int64
	for i, w := range all {
		_, it, err := s.load(w)
		require.NoError(t, err)
		require.Equal(t, want[i].ID, it.ID)
		require.Equal(t, want[i].Capsule, it.Capsule)
		require.Equal(t, want[i].View, it.View)
		require.Equal(t, want[i].Restore, it.Restore)
		require.True(t, want[i].HeldAt.Equal(it.HeldAt))
		require.True(t, s.has(it.ID))
		size += w.size
	}
	_, used := s.size()
	require.Equal(t, size, used)
}

// TestSpoolFaults breaks each step of writing and removing, before and after
// it was done, then opens the spool again and reads all of it.
func TestSpoolFaults(t *testing.T) {
	for _, step := range []string{"write", "rename", "syncDir", "remove"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s fails, done %v", step, after), func(t *testing.T) {
				cfg := spoolConfig(t)
				sys := &faultyFiles{files: disk, err: errFake}
				s := mustOpen(t, cfg, sys)
				kept, broken := storetest.Item(1, 5000, 100), storetest.Item(2, 7000, 0)
				require.NoError(t, addItem(s, kept))

				sys.step, sys.after = step, after
				if step != "remove" {
					require.ErrorIs(t, addItem(s, broken), errFake)
					require.False(t, s.has(broken.ID))
					requireSpooled(t, s, kept)
				}
				removed := s.remove(s.waiting()[0])
				if step == "remove" || step == "syncDir" {
					require.ErrorIs(t, removed, errFake)
				}
				sys.step = ""
				if removed == nil {
					require.NoError(t, addItem(s, kept))
				}
				require.NoError(t, addItem(s, broken), "the retry")
				require.NoError(t, s.close())

				s = mustOpen(t, cfg, disk)
				if len(s.waiting()) == 1 { // the removal failed, but happened
					require.True(t, step == "remove" && after || step == "syncDir")
					requireSpooled(t, s, broken)
				} else {
					requireSpooled(t, s, kept, broken)
				}
				for len(s.waiting()) > 0 {
					require.NoError(t, s.remove(s.waiting()[0]))
				}
				require.NoError(t, s.close())
				left, err := os.ReadDir(cfg.Directory)
				require.NoError(t, err)
				require.Len(t, left, 1, "only the lock is left")
			})
		}
	}
}

func TestSpoolDiskFull(t *testing.T) {
	s := mustOpen(t, spoolConfig(t), &faultyFiles{files: disk, step: "write", err: syscall.ENOSPC})
	require.ErrorIs(t, addItem(s, storetest.Item(1, 10, 0)), holdstore.ErrFull)
	_, used := s.size()
	require.Zero(t, used)
	require.NoError(t, s.close())
}

// TestSpoolAfterCrash finds what a crash can leave.
func TestSpoolAfterCrash(t *testing.T) {
	cfg := spoolConfig(t)
	s := mustOpen(t, cfg, disk)
	for n := range 12 {
		require.NoError(t, addItem(s, storetest.Item(uint64(n), 100*n, n)))
	}
	first := s.waiting()[0]
	require.NoError(t, s.close())
	tmp := filepath.Join(cfg.Directory, waiting{seq: 99, id: envelope.ID{9}}.name()+spoolTmp)
	require.NoError(t, os.WriteFile(tmp, []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.Directory, "notes.txt"), []byte("of somebody"), 0o600))

	s = mustOpen(t, cfg, disk)
	require.NoFileExists(t, tmp)
	all := s.waiting()
	require.Len(t, all, 12)
	require.Equal(t, first, all[0])
	next := storetest.Item(100, 10, 0)
	require.NoError(t, addItem(s, next))
	require.Equal(t, next.ID, s.waiting()[12].id, "the newest is the last")
	require.NoError(t, s.close())
}

func TestSpoolDamage(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"a bit of the entry", func(b []byte) []byte { b[40] ^= 1; return b }},
		{"a bit of a chunk", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		{"cut short", func(b []byte) []byte { return b[:len(b)-1] }},
		{"empty", func([]byte) []byte { return nil }},
		{"the length", func(b []byte) []byte { b[9] = 0xff; return b }},
		{"the magic", func(b []byte) []byte { b[0] = 'x'; return b }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, cfg := newFake(), testConfig()
			cfg.Spool = spoolConfig(t)
			bad, good := storetest.Item(1, 5000, 500), storetest.Item(2, 5000, 500)
			s := mustOpen(t, cfg.Spool, disk)
			require.NoError(t, addItem(s, bad))
			require.NoError(t, addItem(s, good))
			path := s.path(s.waiting()[0].name())
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, test.damage(b), 0o600))
			require.NoError(t, s.close())

			store, logs := openFake(t, cfg, f)
			eventually(t, "the spool is empty", func() bool { n, _ := store.Spooled(); return n == 0 })
			held, _, _ := told(t, store)
			require.Contains(t, held, good.ID)
			require.NotContains(t, held, bad.ID)
			require.FileExists(t, path+spoolDamaged, "it is kept for somebody to look at")
			require.Equal(t, 1, logs.FilterMessageSnippet("not what was written").Len())
			require.NoError(t, store.Close())
			_, logs = openFake(t, cfg, f)
			require.Equal(t, 1, logs.FilterMessageSnippet("not what was written").Len(), "and named at each start")
		})
	}
}

func TestSpoolDirectory(t *testing.T) {
	t.Run("two processes", func(t *testing.T) {
		cfg := spoolConfig(t)
		s := mustOpen(t, cfg, disk)
		_, _, err := openSpool(cfg, disk)
		require.ErrorContains(t, err, "held by process ")
		require.NoError(t, s.close())
		require.NoError(t, mustOpen(t, cfg, disk).close())
	})
	t.Run("others may read it", func(t *testing.T) {
		cfg := spoolConfig(t)
		require.NoError(t, os.Mkdir(cfg.Directory, 0o755))
		_, _, err := openSpool(cfg, disk)
		require.ErrorContains(t, err, "must be 0700")
	})
	t.Run("it is a file", func(t *testing.T) {
		cfg := spoolConfig(t)
		require.NoError(t, os.WriteFile(cfg.Directory, nil, 0o600))
		_, _, err := openSpool(cfg, disk)
		require.ErrorContains(t, err, "spool::directory")
	})
	t.Run("permissions of what is written", func(t *testing.T) {
		cfg := spoolConfig(t)
		s := mustOpen(t, cfg, disk)
		require.NoError(t, addItem(s, storetest.Item(1, 1, 1)))
		for path, want := range map[string]os.FileMode{cfg.Directory: 0o700, s.path(s.waiting()[0].name()): 0o600} {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, want, info.Mode().Perm())
		}
		require.NoError(t, s.close())
	})
}

func TestWaitingNames(t *testing.T) {
	w := waiting{seq: 0x123, id: envelope.ID{0xab}}
	got, ok := parseWaiting(w.name())
	require.True(t, ok)
	require.Equal(t, w, got)
	for _, name := range []string{"", "lock", w.name() + ".tmp", "1-2.item", "x" + w.name()[1:], w.name()[1:]} {
		_, ok := parseWaiting(name)
		require.False(t, ok, name)
	}
}

func TestSpoolErrorsAreTold(t *testing.T) {
	f, cfg := newFake(), testConfig()
	cfg.Spool = spoolConfig(t)
	s, _ := openFake(t, cfg, f)
	away := true
	f.before = func(string, []record) error {
		if away {
			return errRefused // at once: other errors are tried again for some time
		}
		return nil
	}
	s.spool.fs = &faultyFiles{files: disk, step: "write", err: errors.New("no such disk")}
	err := s.Put(t.Context(), storetest.Item(1, 1, 0))
	require.ErrorContains(t, err, "no such disk")
	require.ErrorIs(t, err, errRefused)
	away = false
	require.NoError(t, s.Put(t.Context(), storetest.Item(1, 1, 0)), "without a spool the brokers are tried each time")
}

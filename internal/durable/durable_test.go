package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var errPlanted = errors.New("planted")

// faulty fails at one step, either instead of doing it or after it. Writes
// that fail write half.
type faulty struct {
	osSystem
	at     int // which step fails, from 1; 0 none
	after  bool
	steps  int
	called []string
}

func (s *faulty) step(name string, do func() error) error {
	s.steps++
	s.called = append(s.called, name)
	if s.steps != s.at {
		return do()
	}
	if s.after {
		_ = do()
	}
	return errPlanted
}

func (s *faulty) create(name string, perm fs.FileMode) (f syncedFile, err error) {
	var inner syncedFile
	err = s.step("create", func() (err error) { inner, err = s.osSystem.create(name, perm); return err })
	if err != nil {
		if inner != nil {
			_ = inner.Close()
		}
		return nil, err
	}
	return &faultyFile{s, inner}, nil
}

func (s *faulty) rename(from, to string) error {
	return s.step("rename", func() error { return s.osSystem.rename(from, to) })
}

func (s *faulty) link(from, to string) error {
	return s.step("link", func() error { return s.osSystem.link(from, to) })
}

func (s *faulty) remove(name string) error {
	return s.step("remove", func() error { return s.osSystem.remove(name) })
}

func (s *faulty) mkdir(name string, perm fs.FileMode) error {
	return s.step("mkdir", func() error { return s.osSystem.mkdir(name, perm) })
}

func (s *faulty) syncDir(name string) error {
	return s.step("fsync directory", func() error { return s.osSystem.syncDir(name) })
}

func (s *faulty) list(dir string) (names []string, err error) {
	err = s.step("list", func() (err error) { names, err = s.osSystem.list(dir); return err })
	return names, err
}

type faultyFile struct {
	s *faulty
	syncedFile
}

func (f *faultyFile) Write(b []byte) (n int, err error) {
	err = f.s.step("write", func() (err error) {
		if f.s.steps == f.s.at {
			b = b[:len(b)/2]
		}
		n, err = f.syncedFile.Write(b)
		return err
	})
	return n, err
}

func (f *faultyFile) Sync() error  { return f.s.step("fsync", f.syncedFile.Sync) }
func (f *faultyFile) Close() error { return f.s.step("close", f.syncedFile.Close) }

// everyFault runs f with a fault at each of its steps, of both kinds, and
// returns what it calls without one.
func everyFault(t *testing.T, f func(t *testing.T, s *faulty, fails bool)) []string {
	t.Helper()
	count := &faulty{}
	f(t, count, false)
	for at := 1; at <= count.steps; at++ {
		for _, after := range []bool{false, true} {
			f(t, &faulty{at: at, after: after}, true)
		}
	}
	return count.called
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const before, now = "what was there before", "what is written now, which is longer"

func TestReplace(t *testing.T) {
	for _, old := range []string{"", before} {
		called := everyFault(t, func(t *testing.T, s *faulty, fails bool) {
			t.Helper()
			path := filepath.Join(t.TempDir(), "f")
			if old != "" {
				if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := write(s, path, []byte(now), 0o600, s.rename)
			if fails != errors.Is(err, errPlanted) {
				t.Errorf("step %d (after: %v): error %v", s.at, s.after, err)
			}
			got := content(t, path)
			if got != now && (got != old || err == nil) {
				t.Errorf("step %d (after: %v): half written", s.at, s.after)
			}
			if err := Replace(path, []byte(now), 0o600); err != nil || content(t, path) != now {
				t.Errorf("step %d (after: %v): the second time: %v", s.at, s.after, err)
			}
		})
		if want := []string{"create", "write", "fsync", "close", "rename", "fsync directory"}; !slices.Equal(called, want) {
			t.Errorf("calls %v, the document says %v", called, want)
		}
	}
}

func TestCreate(t *testing.T) {
	called := everyFault(t, func(t *testing.T, s *faulty, fails bool) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "f")
		err := create(s, path, []byte(now), 0o600)
		if fails != errors.Is(err, errPlanted) {
			t.Errorf("step %d (after: %v): error %v", s.at, s.after, err)
		}
		got := content(t, path)
		if got != now && (got != "" || err == nil) {
			t.Errorf("step %d (after: %v): half written", s.at, s.after)
		}
		err = Create(path, []byte(before), 0o600)
		if got == now && (!errors.Is(err, fs.ErrExist) || content(t, path) != now) {
			t.Errorf("step %d (after: %v): overwritten: %v", s.at, s.after, err)
		}
		if got == "" && (err != nil || content(t, path) != before) {
			t.Errorf("step %d (after: %v): the second time: %v", s.at, s.after, err)
		}
	})
	if want := []string{"create", "write", "fsync", "close", "link", "remove", "fsync directory"}; !slices.Equal(called, want) {
		t.Errorf("calls %v, the document says %v", called, want)
	}
}

// TestRemove: also of what crashes left, and only of that.
func TestRemove(t *testing.T) {
	called := everyFault(t, func(t *testing.T, s *faulty, fails bool) {
		t.Helper()
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		for _, name := range []string{"f", ".f.tmp-ABC", ".f2.tmp-ABC", "f2"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(now), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := remove(s, path); fails != errors.Is(err, errPlanted) {
			t.Errorf("step %d (after: %v): error %v", s.at, s.after, err)
		}
		if err := Remove(path); err != nil {
			t.Errorf("step %d (after: %v): the second time: %v", s.at, s.after, err)
		}
		names, err := osSystem{}.list(dir)
		slices.Sort(names)
		if err != nil || !slices.Equal(names, []string{".f2.tmp-ABC", "f2"}) {
			t.Errorf("step %d (after: %v): left %v", s.at, s.after, names)
		}
	})
	if want := []string{"list", "remove", "remove", "fsync directory"}; !slices.Equal(called, want) {
		t.Errorf("calls %v, the document says %v", called, want)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	called := everyFault(t, func(t *testing.T, s *faulty, fails bool) {
		t.Helper()
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		for _, name := range []string{"f", ".f.tmp-ABC", ".f2.tmp-ABC"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(now), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := removeLeftovers(s, path); fails != errors.Is(err, errPlanted) {
			t.Errorf("step %d (after: %v): error %v", s.at, s.after, err)
		}
		if err := RemoveLeftovers(path); err != nil {
			t.Errorf("step %d (after: %v): the second time: %v", s.at, s.after, err)
		}
		names, err := osSystem{}.list(dir)
		slices.Sort(names)
		if err != nil || !slices.Equal(names, []string{".f2.tmp-ABC", "f"}) {
			t.Errorf("step %d (after: %v): left %v", s.at, s.after, names)
		}
	})
	if want := []string{"list", "remove", "fsync directory"}; !slices.Equal(called, want) {
		t.Errorf("calls %v, the document says %v", called, want)
	}
	if err := RemoveLeftovers(filepath.Join(t.TempDir(), "missing", "f")); err != nil {
		t.Error(err)
	}
}

func TestMkdirAll(t *testing.T) {
	everyFault(t, func(t *testing.T, s *faulty, fails bool) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "a", "b", "c")
		if err := mkdirAll(s, dir, 0o700); err != nil && !errors.Is(err, errPlanted) {
			t.Errorf("step %d (after: %v): %v", s.at, s.after, err)
		} else if err == nil && fails {
			t.Errorf("step %d (after: %v): no error", s.at, s.after)
		}
		for range 2 {
			if err := MkdirAll(dir, 0o700); err != nil {
				t.Errorf("step %d (after: %v): the second time: %v", s.at, s.after, err)
			}
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 && runtime.GOOS != "windows" {
			t.Errorf("step %d (after: %v): %v", s.at, s.after, err)
		}
	})
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(file, 0o700); err == nil {
		t.Error("a file is taken for a directory")
	}
	if err := MkdirAll(filepath.Join(file, "below"), 0o700); err == nil {
		t.Error("a directory below a file")
	}
}

// TestErrorsNameTheFile: and nothing of what is in it.
func TestErrorsNameTheFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "f")
	for name, err := range map[string]error{
		"replace": Replace(missing, []byte(now), 0o600),
		"create":  Create(missing, []byte(now), 0o600),
		"remove":  Remove(missing),
		"sync":    SyncDir(filepath.Dir(missing)),
	} {
		if err == nil || !strings.Contains(err.Error(), filepath.Dir(missing)) || bytes.Contains([]byte(err.Error()), []byte(now)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

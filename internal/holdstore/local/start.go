package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tracescrub/tracescrub/internal/durable"
	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

const stateName = "state.db"

// makeDirectory makes the store's directory, or sees that nobody else can read it.
func makeDirectory(dir string) error {
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := checkMode(dir); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// checkMode refuses what others than the owner can read or write.
func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		want := "600"
		if info.IsDir() {
			want = "700"
		}
		return fmt.Errorf("%s can be used by others (mode %04o): chmod %s it", path, mode, want)
	}
	return nil
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// takeLock makes this process the only one with the store.
func takeLock(path string) (io.Closer, error) {
	lock, err := durable.Lock(path)
	if held := (*durable.HeldError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("%s has it open: one process at a time", held.Holder)
	}
	if err != nil {
		return nil, err
	}
	if err := checkMode(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// start opens what is in a directory and removes what a crash left there.
func start(dir string, maxBytes int64, opt options) (*store, error) {
	if opt.keysSize == 0 {
		opt.keysSize = defaultKeysSize
	}
	if opt.freeSpace == nil {
		opt.freeSpace = freeSpace
	}
	lock, err := takeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &store{
		dir: dir, maxBytes: maxBytes, opt: opt, lock: lock,
		days: map[day]*file{}, keys: map[uint32]*file{}, changed: make(chan struct{}),
		requests: make(chan *request), orphans: map[envelope.ID]place{}, done: make(chan struct{}), committed: make(chan struct{}),
	}
	s.destroy = newDestroyer(s)
	if err := s.load(); err != nil {
		if s.state != nil {
			err = errors.Join(err, s.state.close())
		}
		for _, f := range s.days {
			err = errors.Join(err, f.close())
		}
		for _, f := range s.keys {
			err = errors.Join(err, f.close())
		}
		return nil, errors.Join(err, lock.Close())
	}
	go s.run()
	go s.destroy.run()
	s.destroy.wake()
	return s, nil
}

func (s *store) load() error {
	if err := s.openFiles(); err != nil {
		return err
	}
	if err := s.refresh(); err != nil {
		return err
	}
	if len(s.keys) == 0 {
		if empty, err := isEmpty(s.state, bucketIDs); err != nil {
			return err
		} else if !empty {
			return fmt.Errorf("%w: %s and all others like it are not there, but items are", holdstore.ErrCorrupt, keysName(1))
		}
	}
	if _, _, err := s.newestKeys(); err != nil {
		return err
	}
	return s.removeOrphans()
}

// openFiles opens the databases by their names.
func (s *store) openFiles() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	others := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), tmpSuffix) {
			if err := os.Remove(s.path(e.Name())); err != nil {
				return err
			}
			continue
		}
		var d day
		var n uint32
		if _, err := fmt.Sscanf(e.Name(), "items-%08d.db", &d); err == nil && itemsName(d) == e.Name() {
			if s.days[d], err = openFile(s.path(e.Name())); err != nil {
				delete(s.days, d)
				return err
			}
			others++
		}
		if _, err := fmt.Sscanf(e.Name(), "keys-%06d.db", &n); err == nil && keysName(n) == e.Name() {
			if s.keys[n], err = openFile(s.path(e.Name())); err != nil {
				delete(s.keys, n)
				return err
			}
			s.newest = max(s.newest, n)
			others++
		}
	}
	return s.openState(others)
}

func (s *store) openState(others int) (err error) {
	path := s.path(stateName)
	_, err = os.Stat(path)
	switch {
	case err == nil:
		s.state, err = openFile(path)
	case errors.Is(err, fs.ErrNotExist) && others > 0:
		err = fmt.Errorf("%w: %s is not there, but items are: restore it, or move them away", holdstore.ErrCorrupt, stateName)
	case errors.Is(err, fs.ErrNotExist):
		s.state, err = createFile(path, bucketEvents, bucketIDs, bucketDoomed)
	}
	return err
}

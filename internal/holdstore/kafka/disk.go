package kafka

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tracescrub/tracescrub/internal/durable"
)

// files is what the spool needs of the file system. Tests put a failing one in
// its place.
type files interface {
	// mkdir makes a directory of which nobody else can read, or sees that it is one.
	mkdir(dir string) error
	// write makes a new file and syncs it.
	write(path string, pieces [][]byte) error
	read(path string) ([]byte, error)
	rename(from, to string) error
	remove(path string) error
	syncDir(dir string) error
	// list names the files of a directory, with their sizes.
	list(dir string) (map[string]int64, error)
}

var disk files = realFiles{}

type realFiles struct{}

func (realFiles) mkdir(dir string) error {
	if err := durable.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read or written by others (%v); it must be 0700", dir, info.Mode().Perm())
	}
	return nil
}

func (realFiles) write(path string, pieces [][]byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if err == nil {
			_, err = f.Write(p)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (realFiles) read(path string) ([]byte, error) { return os.ReadFile(path) }

func (realFiles) rename(from, to string) error { return os.Rename(from, to) }

func (realFiles) remove(path string) error { return os.Remove(path) }

func (realFiles) syncDir(dir string) error { return durable.SyncDir(dir) }

func (realFiles) list(dir string) (map[string]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			all[e.Name()] = info.Size()
		}
	}
	return all, nil
}

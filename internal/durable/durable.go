// Package durable changes directories so that a crash leaves the old state or
// the new one. Each function writes down its sequence of system calls; what
// has been synced survives a power cut, as far as the disk keeps its word.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Replace makes path a file with the given content, whether there was one or not:
//
//	create .base.tmp-random, write, fsync, close, rename to path, fsync directory
//
// After an error the old file or the new one is there, whole. RemoveLeftovers
// removes what a crash leaves of the temporary file.
func Replace(path string, data []byte, perm fs.FileMode) error {
	return write(disk, path, data, perm, disk.rename)
}

// Create is Replace for a file that must not exist yet, else the error is
// fs.ErrExist:
//
//	create .base.tmp-random, write, fsync, close, link to path, remove .base.tmp-random, fsync directory
//
// because link, unlike rename, never overwrites.
func Create(path string, data []byte, perm fs.FileMode) error {
	return create(disk, path, data, perm)
}

func create(s system, path string, data []byte, perm fs.FileMode) error {
	return write(s, path, data, perm, func(from, to string) error {
		if err := s.link(from, to); err != nil {
			return err
		}
		return s.remove(from)
	})
}

func write(s system, path string, data []byte, perm fs.FileMode, publish func(from, to string) error) error {
	tmp := filepath.Join(filepath.Dir(path), leftover(path)+rand.Text())
	f, err := s.create(tmp, perm)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = publish(tmp, path)
	}
	if err == nil {
		err = s.syncDir(filepath.Dir(path))
	} else if gone := s.remove(tmp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Remove removes a file and what a crash may have left of writing it; that
// there is none is no error:
//
//	remove path, remove .base.tmp-*, fsync directory
func Remove(path string) error { return remove(disk, path) }

func remove(s system, path string) error {
	_, err := removeAll(s, path, filepath.Base(path))
	if err = errors.Join(err, s.syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("removing %s: %w", path, err)
	}
	return nil
}

// RemoveLeftovers removes what a crash may have left of writing a file, which
// nobody may be writing now:
//
//	remove .base.tmp-*, fsync directory if there was one
//
// The file stays. A directory that is not there has none.
func RemoveLeftovers(path string) error { return removeLeftovers(disk, path) }

func removeLeftovers(s system, path string) error {
	found, err := removeAll(s, path, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if found {
		err = errors.Join(err, s.syncDir(filepath.Dir(path)))
	}
	if err != nil {
		return fmt.Errorf("removing what was left of %s: %w", path, err)
	}
	return nil
}

// removeAll removes the file of a name, and what is left of writing path, and
// says whether there was any.
func removeAll(s system, path, base string) (found bool, err error) {
	dir := filepath.Dir(path)
	names, err := s.list(dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if name == base || strings.HasPrefix(name, leftover(path)) {
			found = true
			if gone := s.remove(filepath.Join(dir, name)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	return found, err
}

// MkdirAll makes a directory and those above it that are missing:
//
//	for each from the top: mkdir, fsync of the one above
//
// One that is there already keeps its permissions.
func MkdirAll(dir string, perm fs.FileMode) error { return mkdirAll(disk, filepath.Clean(dir), perm) }

func mkdirAll(s system, dir string, perm fs.FileMode) error {
	err := s.mkdir(dir, perm)
	above := filepath.Dir(dir)
	if errors.Is(err, fs.ErrNotExist) && above != dir {
		if err := mkdirAll(s, above, perm); err != nil {
			return err
		}
		err = s.mkdir(dir, perm)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return s.isDir(dir)
	case err != nil:
		return err
	}
	return s.syncDir(above)
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error { return disk.syncDir(dir) }

// leftover is how temporary names for path begin. The point keeps them from
// being read as what they are not yet.
func leftover(path string) string { return "." + filepath.Base(path) + ".tmp-" }

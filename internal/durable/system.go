package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// system is what this package needs of the operating system. Tests put a
// failing one in its place.
type system interface {
	create(name string, perm fs.FileMode) (syncedFile, error)
	rename(from, to string) error
	link(from, to string) error
	remove(name string) error
	mkdir(name string, perm fs.FileMode) error
	syncDir(name string) error
	list(dir string) ([]string, error)
	isDir(name string) error
}

type syncedFile interface {
	io.WriteCloser
	Sync() error
}

var disk system = osSystem{}

type osSystem struct{}

func (osSystem) create(name string, perm fs.FileMode) (syncedFile, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
}

func (osSystem) rename(from, to string) error              { return os.Rename(from, to) }
func (osSystem) link(from, to string) error                { return os.Link(from, to) }
func (osSystem) remove(name string) error                  { return os.Remove(name) }
func (osSystem) mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

func (osSystem) list(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func (osSystem) isDir(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	return err
}

func (osSystem) syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call; NTFS logs changes of names
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

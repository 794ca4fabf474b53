package files

import (
	"io"
	"io/fs"
	"os"

	"github.com/tracescrub/tracescrub/internal/durable"
)

// System is what changes files. Tests put one in its place that fails, or
// forgets what was not synced.
type System interface {
	// Open opens a file to read and write; with create it must be new.
	Open(path string, create bool) (File, error)
	// Replace is durable.Replace.
	Replace(path string, data []byte, perm fs.FileMode) error
	// Remove removes a file; that there is none is no error.
	Remove(path string) error
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// Sync makes the content durable, and as much of the rest as is needed to read it.
	Sync() error
	Size() (int64, error)
}

// Disk is the operating system.
var Disk System = disk{}

type disk struct{}

func (disk) Open(path string, create bool) (File, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (disk) Replace(path string, data []byte, perm fs.FileMode) error {
	return durable.Replace(path, data, perm)
}

func (disk) Remove(path string) error { return durable.Remove(path) }
func (disk) SyncDir(dir string) error { return durable.SyncDir(dir) }

type file struct{ *os.File }

func (f file) Sync() error { return dataSync(f.File) }

func (f file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

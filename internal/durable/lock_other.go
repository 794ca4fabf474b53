//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package durable

import (
	"errors"
	"io"
	"os"
	"strings"
)

// Lock makes this process the one that has a lock file, until what it returns
// is closed. It does not wait: if another has it, the error is a *HeldError.
// Without flock a lock outlives a crash, and must be removed by hand.
//
//	create path, write process and host
func Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		b, _ := os.ReadFile(path) //nolint:gosec // the path is the caller's
		return nil, &HeldError{strings.TrimSpace(string(b)) + ", or one that has ended without removing " + path}
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(holder() + "\n")
	if err != nil {
		return nil, errors.Join(err, lock{f}.Close())
	}
	return lock{f}, nil
}

type lock struct{ *os.File }

func (l lock) Close() error { return errors.Join(l.File.Close(), os.Remove(l.Name())) }

//go:build !unix

package kafka

import (
	"errors"
	"os"
)

// lockFile keeps other processes out until the function it returns is called.
// Without flock, a lock outlives a crash and must be removed by hand.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, errors.New("another process uses it, or has ended without removing the file lock")
	}
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(f.Close(), os.Remove(path)) }, nil
}

// diskFull says whether there is no room for a file.
func diskFull(error) bool { return false }

//go:build !linux && !darwin

package local

import (
	"math"
	"os"
)

// takeLock leaves it to the databases to refuse a second process: their own
// locks do, without its name.
func takeLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

// freeSpace is not known here; a full disk is seen when a write fails.
func freeSpace(string) (int64, error) { return math.MaxInt64, nil }

//go:build e2e && !linux

package soak

import (
	"errors"
	"os"
	"testing"
)

var errNoDisk = errors.New("small disks are made on Linux only")

func smallDisk(t *testing.T, dir string, _ string) error {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return errNoDisk
}

func fill(string) (free func() error, err error) { return nil, errNoDisk }

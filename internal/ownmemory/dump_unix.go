//go:build unix && !linux && !aix && !solaris && !illumos

package ownmemory

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoDump makes that this process leaves no core dump, whatever kills it.
func NoDump() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("setting RLIMIT_CORE to 0: %w", err)
	}
	return nil
}

func lock(b []byte) error { return unix.Mlock(b) }

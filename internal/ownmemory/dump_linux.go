package ownmemory

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// NoDump makes that this process leaves no core dump, whatever kills it, and
// that nobody but root can read its memory, environment and open files or
// attach a debugger. Limits cannot be raised again later.
func NoDump() error {
	var errs []error
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		errs = append(errs, fmt.Errorf("setting RLIMIT_CORE to 0: %w", err))
	}
	// A core_pattern that is a program gets dumps in spite of the limit.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		errs = append(errs, fmt.Errorf("making the process undumpable: %w", err))
	}
	return errors.Join(errs...)
}

func lock(b []byte) error { return unix.Mlock(b) }

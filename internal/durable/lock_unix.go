//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Lock makes this process the one that has a lock file, until what it returns
// is closed, or the process ends. It does not wait: if another has it, the
// error is a *HeldError.
//
//	open or create path, flock, truncate, write process and host
func Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // G115: a file descriptor
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		b, _ := io.ReadAll(io.LimitReader(f, 300))
		if by := strings.TrimSpace(string(b)); by != "" {
			return nil, &HeldError{by}
		}
		return nil, &HeldError{"another process"} // that has not said so yet
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(holder()+"\n"), 0)
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) { // who has it is good to know, no more
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

package auditlog

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Trouble is why the log cannot be written. Errors of this package are one,
// by errors.Is; none but Invalid and Closed is final.
type Trouble int

// The kinds of trouble.
const (
	_        Trouble = iota
	Locked           // another process writes
	Full             // the disk is full, or a quota used up
	ReadOnly         // the disk is read-only, or forbidden
	Corrupt          // what was signed is no longer what is there
	Failed           // anything else
	Invalid          // an event that cannot be an entry
	Closed           // the writer has been closed
)

func (t Trouble) Error() string {
	return [...]string{
		"", "locked by another process", "disk full", "disk read-only", "corrupt", "not writable",
		"not an event", "closed",
	}[t]
}

// trouble says which one an error of the operating system is.
func trouble(err error) error {
	if err == nil {
		return nil
	}
	if t := Trouble(0); errors.As(err, &t) {
		return err
	}
	t := Failed
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		t = Full
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		t = ReadOnly
	}
	return fmt.Errorf("audit log: %w: %w", t, err)
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("audit log: %w: %w", Corrupt, fmt.Errorf(format, args...))
}

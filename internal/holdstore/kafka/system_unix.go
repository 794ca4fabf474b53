//go:build unix

package kafka

import (
	"errors"
	"syscall"
)

// diskFull says whether there is no room for a file.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

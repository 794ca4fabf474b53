//go:build !linux && !darwin

package auditlog

import (
	"errors"
	"os"
)

// takeLock refuses: without flock a second writer could not be told from none.
func takeLock(string) (*os.File, error) {
	return nil, errors.New("the audit log needs flock: Linux or macOS")
}

// Package regular reads files of a log that may be anybody's.
package regular

import (
	"fmt"
	"io"
	"os"
)

// maxSmall is more than any file of a log has that is read at once: a handover
// has an entry in base64, hashes and a checkpoint.
const maxSmall = 1 << 20

// Open opens a file of a log to read it. A log may be anybody's: what is no
// regular file could block for ever, or have no end.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path) // before it is opened, which may block
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return os.Open(path)
}

// Small reads a whole file of a log, other than those that grow with it.
func Small(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(b) > maxSmall {
		err = fmt.Errorf("%s has more than %d bytes", path, maxSmall)
	}
	return b, err
}

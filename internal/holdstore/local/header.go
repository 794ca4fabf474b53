package local

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// The layout of a header of bbolt, format version 2: a page header, then
// magic, version, page size and so on, then the FNV-1a of all that.
const (
	headerAt       = 16
	headerPageSize = 8
	headerSum      = 56
	headerMagic    = 0xED0CDAED
)

// checkHeaders wants both headers of a database to be whole. bbolt writes them
// in turn and goes on from the older one if the newer is damaged: what was
// acknowledged last would be gone without a word. A header fits into one
// sector, so a crash does not tear it.
func checkHeaders(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	at := int64(0)
	for n := range 2 {
		b := make([]byte, headerAt+headerSum+8)
		if _, err := f.ReadAt(b, at); err != nil {
			return fmt.Errorf("%w: reading header %d: %w", holdstore.ErrCorrupt, n, err)
		}
		b = b[headerAt:]
		h := fnv.New64a()
		h.Write(b[:headerSum])
		if binary.NativeEndian.Uint32(b) != headerMagic || binary.NativeEndian.Uint64(b[headerSum:]) != h.Sum64() {
			return fmt.Errorf("%w: header %d is damaged, and with it perhaps the last change", holdstore.ErrCorrupt, n)
		}
		at = int64(binary.NativeEndian.Uint32(b[headerPageSize:]))
	}
	return nil
}

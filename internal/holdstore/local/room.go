package local

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// reserve is what items leave free on the disk, so that decisions can still
// be taken and capsules destroyed.
const reserve = 64 << 20

// used is how many bytes the store takes.
func (s *store) used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.state.size.Load() - s.state.free.Load()
	for d, f := range s.days {
		n += f.size.Load()
		if d == s.latest() {
			n -= f.free.Load() // new items go there
		}
	}
	for _, f := range s.keys {
		n += f.size.Load() - f.free.Load()
	}
	return n
}

// latest is the newest day of which there are items; the caller holds mu.
func (s *store) latest() (latest day) {
	for d := range s.days {
		latest = max(latest, d)
	}
	return latest
}

// room says whether so many more bytes may be written.
func (s *store) room(need int64) error {
	if used := s.used(); used+need > s.maxBytes {
		return fmt.Errorf("%w: %d of max_bytes %d bytes are used", holdstore.ErrFull, used, s.maxBytes)
	}
	free, err := s.opt.freeSpace(s.dir)
	if err != nil {
		return fmt.Errorf("free space of the disk: %w", err)
	}
	if free < need+reserve {
		return fmt.Errorf("%w: the disk has %d bytes left, of which %d are kept for decisions", holdstore.ErrFull, free, reserve)
	}
	return nil
}

// full makes a full disk known as such. bbolt passes some errors on as text only.
func full(err error) error {
	if err == nil {
		return nil
	}
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, e) || strings.Contains(err.Error(), e.Error()) {
			return fmt.Errorf("%w: %w", holdstore.ErrFull, err)
		}
	}
	return err
}

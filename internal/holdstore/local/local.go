// Package local is the store of held items in files of this machine:
//
//	lock               the process that has the store, by flock
//	state.db           what happened, in order: items, entries of the log, items destroyed
//	items-YYYYMMDD.db  sealed chunks of the items of a day
//	keys-NNNNNN.db     capsules, a few thousand to a file
//
// A put writes payload and capsule, then the index: a crash between them
// leaves bytes that nobody is told of, and the next start removes them.
// Destroying a capsule is noted in state.db first; then the file of capsules
// is written anew without it and takes the old one's place, since a database
// leaves deleted bytes where they were. That is why capsules are in many
// small files.
//
// Writes go through one goroutine, which takes what is waiting as one batch:
// many callers share the syncs that one would need.
//
// Lock order: registry.mu, store.mu, file.writer, file.mu.
package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// The buckets.
var (
	bucketEvents   = []byte("events")   // state.db: sequence -> event
	bucketIDs      = []byte("ids")      // state.db: item -> place
	bucketDoomed   = []byte("doomed")   // state.db: item whose capsule's bytes are still there -> place
	bucketChunks   = []byte("chunks")   // items: item, part, number -> checksum, chunk
	bucketCapsules = []byte("capsules") // keys: item -> checksum, key id, encapsulation
	bucketLast     = []byte("last")     // items, keys: under "ids" what the last put wrote, for the next start
)

// options are what tests set.
type options struct {
	// step is told of every step of a write before and after it is done; an
	// error makes the step fail.
	step func(name string) error
	// keysSize is when a file of capsules is full.
	keysSize int64
	// freeSpace replaces the question to the file system.
	freeSpace func(dir string) (int64, error)
}

// store is what the handles of a directory share.
type store struct {
	dir      string
	maxBytes int64
	opt      options
	lock     io.Closer
	state    *file

	// mu guards the maps and numbers below.
	mu   sync.Mutex
	days map[day]*file
	keys map[uint32]*file
	// newest is the file of capsules that new ones go to.
	newest uint32
	// changed is closed and replaced when something was written.
	changed chan struct{}

	// orphans are what failed puts may have written, and where; the committer owns it.
	orphans map[envelope.ID]place

	events    atomic.Uint64 // the sequence of the last event
	requests  chan *request
	destroy   *destroyer
	done      chan struct{} // closed when the store stops
	committed chan struct{} // closed when the committer has ended
}

// day is a date as a number: 20260131.
type day uint32

func dayOf(t time.Time) day {
	y, m, d := t.UTC().Date()
	return day(y*10000 + int(m)*100 + d)
}

// end is the first moment after the day.
func (d day) end() time.Time {
	return time.Date(int(d/10000), time.Month(d/100%100), int(d%100)+1, 0, 0, 0, 0, time.UTC)
}

// place says where an item is: the value of bucketIDs and bucketDoomed.
type place struct {
	seq  uint64 // of its event
	day  day
	keys uint32 // which file of capsules
	gone bool
}

const placeSize = 8 + 4 + 4 + 1

func (p place) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, p.seq)
	b = binary.BigEndian.AppendUint32(b, uint32(p.day))
	b = binary.BigEndian.AppendUint32(b, p.keys)
	if p.gone {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodePlace(b []byte) (p place, err error) {
	if len(b) != placeSize {
		return place{}, fmt.Errorf("%w: an entry of the index has %d bytes", holdstore.ErrCorrupt, len(b))
	}
	p.seq = binary.BigEndian.Uint64(b)
	p.day = day(binary.BigEndian.Uint32(b[8:]))
	p.keys = binary.BigEndian.Uint32(b[12:])
	p.gone = b[16] != 0
	return p, nil
}

// find looks an item up.
func find(tx *bolt.Tx, id envelope.ID) (p place, ok bool, err error) {
	v := tx.Bucket(bucketIDs).Get(id[:])
	if v == nil {
		return place{}, false, nil
	}
	p, err = decodePlace(v)
	return p, err == nil, err
}

func (s *store) lookup(id envelope.ID) (p place, ok bool, err error) {
	err = s.state.view(func(tx *bolt.Tx) error {
		p, ok, err = find(tx, id)
		return err
	})
	return p, ok, err
}

// step tells tests where a write is.
func (s *store) step(name string) error {
	if s.opt.step == nil {
		return nil
	}
	return s.opt.step(name)
}

// stop ends the committer, then destroys what it can, and closes all files.
func (s *store) stop() error {
	close(s.done)
	<-s.committed
	s.destroy.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.state.close()}
	for _, f := range s.days {
		errs = append(errs, f.close())
	}
	for _, f := range s.keys {
		errs = append(errs, f.close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// announce wakes those who follow.
func (s *store) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *store) waitChange() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *store) path(name string) string { return filepath.Join(s.dir, name) }

// follow tells fn what happened, from the first event on.
func (s *store) follow(ctx context.Context, fn func(holdstore.Event) error) error {
	target := s.events.Load()
	r := reader{store: s, total: int64(target), words: map[string]string{}, lists: map[string][]string{}}
	for caughtUp := false; ; {
		changed := s.waitChange()
		for {
			page, err := r.page()
			if err != nil {
				return err
			}
			for _, e := range page {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				if err := fn(e); err != nil {
					return err
				}
			}
			if !caughtUp && r.next > target {
				caughtUp = true
				if err := fn(holdstore.Event{CaughtUp: true, Done: r.count, Total: r.count}); err != nil {
					return err
				}
			}
			if len(page) == 0 {
				break
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.done:
			return errClosed
		case <-changed:
		}
	}
}

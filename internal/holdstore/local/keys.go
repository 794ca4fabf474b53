package local

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// defaultKeysSize is when a file of capsules is full: about 7000 of them,
// written anew within milliseconds.
const defaultKeysSize = 8 << 20

func keysName(n uint32) string { return fmt.Sprintf("keys-%06d.db", n) }

func (s *store) keysFile(n uint32) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.keys[n]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%w: %s is not there", holdstore.ErrCorrupt, keysName(n))
}

// newestKeys returns the file that new capsules go to. Only the committer
// calls it, and the start.
func (s *store) newestKeys() (uint32, *file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.keys[s.newest]; f != nil && f.size.Load()-f.free.Load() < s.opt.keysSize {
		return s.newest, f, nil
	}
	f, err := createFile(s.path(keysName(s.newest+1)), bucketCapsules, bucketLast)
	if err != nil {
		return 0, nil, err
	}
	s.newest++
	s.keys[s.newest] = f
	return s.newest, f, nil
}

// destroyer removes the bytes of capsules that are gone. What it has to do is
// in bucketDoomed; it holds nothing of its own.
type destroyer struct {
	store *store
	// woken has room for one: there is something to do.
	woken chan struct{}
	quit  chan struct{}
	ended chan struct{}

	mu  sync.Mutex
	err error // of the last pass, under mu
}

const (
	// gatherTime lets several capsules share a rewrite.
	gatherTime = 20 * time.Millisecond
	// A pass that failed is tried again, at first soon.
	firstRetry = time.Second
	lastRetry  = time.Minute
	// maxDoomed is how many capsules a pass takes on.
	maxDoomed = 10_000
)

func newDestroyer(s *store) *destroyer {
	return &destroyer{store: s, woken: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
}

func (d *destroyer) wake() {
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// failure is why capsules that are gone are still in their files.
func (d *destroyer) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *destroyer) run() {
	defer close(d.ended)
	retry := firstRetry
	var again <-chan time.Time
	for {
		select {
		case <-d.quit:
			_ = d.pass() // what it did not destroy is still doomed at the next start
			return
		case <-again:
		case <-d.woken:
		}
		select {
		case <-d.quit:
		case <-time.After(gatherTime):
		}
		again = nil
		if d.pass() == nil {
			retry = firstRetry
			continue
		}
		again = time.After(retry)
		retry = min(2*retry, lastRetry)
	}
}

// stop ends the destroyer after a last pass.
func (d *destroyer) stop() {
	close(d.quit)
	<-d.ended
}

// pass destroys what is doomed.
func (d *destroyer) pass() error {
	var err error
	for err == nil {
		var doomed map[envelope.ID]place
		if doomed, err = d.store.doomed(); len(doomed) == 0 {
			break
		}
		err = d.store.destroyAll(doomed)
	}
	if err != nil {
		err = fmt.Errorf("destroying capsules: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	return err
}

func (s *store) doomed() (map[envelope.ID]place, error) {
	all := map[envelope.ID]place{}
	err := s.state.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketDoomed).Cursor()
		for k, v := c.First(); k != nil && len(all) < maxDoomed; k, v = c.Next() {
			p, err := decodePlace(v)
			if err != nil {
				return err
			}
			all[envelope.ID(k)] = p
		}
		return nil
	})
	return all, err
}

// destroyAll writes the files of capsules anew without those that are doomed.
func (s *store) destroyAll(doomed map[envelope.ID]place) error {
	files := map[uint32]map[envelope.ID]bool{}
	days := map[day][]envelope.ID{}
	for id, p := range doomed {
		if files[p.keys] == nil {
			files[p.keys] = map[envelope.ID]bool{}
		}
		files[p.keys][id] = true
		days[p.day] = append(days[p.day], id)
	}
	var errs []error
	for _, n := range slices.Sorted(maps.Keys(files)) {
		err := s.rewriteKeys(n, files[n])
		if err == nil {
			err = s.undoom(files[n])
		}
		errs = append(errs, err)
	}
	// Chunks nobody can open only take room: the file of their day takes
	// those with it that cannot be removed now.
	for d, ids := range days {
		_ = s.removeChunks(d, ids)
	}
	return errors.Join(errs...)
}

// rewriteKeys writes a file of capsules anew without some of them.
func (s *store) rewriteKeys(n uint32, without map[envelope.ID]bool) error {
	f, err := s.keysFile(n)
	if err != nil {
		return err
	}
	kept := 0
	err = f.rewrite(func(bucket, key []byte) bool {
		if string(bucket) != string(bucketCapsules) {
			return true
		}
		keep := len(key) == len(envelope.ID{}) && !without[envelope.ID(key)]
		if keep {
			kept++
		}
		return keep
	}, func(at string) error { return s.step("rewrite " + at) })
	if err != nil || kept > 0 {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == s.newest {
		return nil
	}
	// Since it was copied it may have become full.
	if empty, err := isEmpty(f, bucketCapsules); !empty || err != nil {
		return err
	}
	delete(s.keys, n)
	return f.remove()
}

func isEmpty(f *file, bucket []byte) (empty bool, err error) {
	err = f.view(func(tx *bolt.Tx) error {
		k, _ := tx.Bucket(bucket).Cursor().First()
		empty = k == nil
		return nil
	})
	return empty, err
}

// undoom notes that the bytes of capsules are gone.
func (s *store) undoom(ids map[envelope.ID]bool) error {
	if err := s.step("undoom"); err != nil {
		return err
	}
	return s.state.update(func(tx *bolt.Tx) error {
		for id := range ids {
			if err := tx.Bucket(bucketDoomed).Delete(id[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

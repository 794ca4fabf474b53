package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

func itemsName(d day) string { return fmt.Sprintf("items-%08d.db", d) }

// dayFile returns the file with the chunks of a day's items.
func (s *store) dayFile(d day, create bool) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.days[d]; f != nil {
		return f, nil
	}
	if !create {
		return nil, fmt.Errorf("%w: %s is not there", holdstore.ErrCorrupt, itemsName(d))
	}
	f, err := createFile(s.path(itemsName(d)), bucketChunks, bucketLast)
	if err != nil {
		return nil, err
	}
	s.days[d] = f
	return f, nil
}

// removeTx is how many items' chunks are removed in one transaction.
const removeTx = 256

// removeChunks makes the room of items free for others of their day.
func (s *store) removeChunks(d day, ids []envelope.ID) error {
	f, err := s.dayFile(d, false)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, removeTx) {
		err := f.update(func(tx *bolt.Tx) error {
			for _, id := range some {
				if err := removeItem(tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func removeItem(tx *bolt.Tx, id envelope.ID) error {
	b := tx.Bucket(bucketChunks)
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.Seek(id[:]); len(k) >= len(id) && envelope.ID(k[:len(id)]) == id; k, _ = c.Next() {
		keys = append(keys, slices.Clone(k))
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// prune forgets items of days before t whose capsules are destroyed, with
// what the log says of them, and gives their room back. An item that was not
// destroyed stays, however old: only release_gate knows what it waits for.
func (s *store) prune(ctx context.Context, t time.Time) error {
	old, err := s.finished(t)
	if err != nil {
		return err
	}
	if err := s.forget(ctx, old, t); err != nil {
		return err
	}
	s.mu.Lock()
	days := slices.Sorted(maps.Keys(s.days))
	s.mu.Unlock()
	var errs []error
	for _, d := range days {
		if d.end().After(t) || ctx.Err() != nil {
			break
		}
		// The committer does it, so that no put comes between.
		errs = append(errs, s.do(ctx, &request{job: func() error { return s.dropDay(d) }}))
		errs = append(errs, s.compactDay(d))
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// finished lists the items of days before t that are destroyed.
func (s *store) finished(t time.Time) (map[envelope.ID]bool, error) {
	old := map[envelope.ID]bool{}
	err := s.state.view(func(tx *bolt.Tx) error {
		doomed := tx.Bucket(bucketDoomed)
		return tx.Bucket(bucketIDs).ForEach(func(k, v []byte) error {
			p, err := decodePlace(v)
			if err != nil {
				return err
			}
			if p.gone && !p.day.end().After(t) && doomed.Get(k) == nil {
				old[envelope.ID(k)] = true
			}
			return nil
		})
	})
	return old, err
}

// forget removes the events of old items, and entries of the log that belong
// to no item and are older than t; then the items themselves.
func (s *store) forget(ctx context.Context, old map[envelope.ID]bool, t time.Time) error {
	for next := uint64(0); ; {
		var drop [][]byte
		last := next
		err := s.state.view(func(tx *bolt.Tx) (err error) {
			drop, last, err = forgettable(tx, next, old, t)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.deleteKeys(bucketEvents, drop); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if last == next {
			break
		}
		next = last
	}
	ids := make([][]byte, 0, len(old))
	for id := range old {
		ids = append(ids, slices.Clone(id[:]))
	}
	return s.deleteKeys(bucketIDs, ids)
}

// forgettable looks at a page of events.
func forgettable(tx *bolt.Tx, next uint64, old map[envelope.ID]bool, t time.Time) (drop [][]byte, last uint64, err error) {
	last = next
	c := tx.Bucket(bucketEvents).Cursor()
	n := 0
	for k, v := c.Seek(seqKey(next)); k != nil && n < pageEvents; k, v = c.Next() {
		n++
		last = seqOf(k) + 1
		value, err := checkSum(k, v)
		if err != nil {
			return nil, 0, err
		}
		d := &decoder{b: value}
		kind, id := d.bytes(1)[0], envelope.ID(d.bytes(16))
		away := old[id]
		if kind == kindRecord && !away && id != (envelope.ID{}) {
			_, known, err := find(tx, id)
			if err != nil {
				return nil, 0, err
			}
			away = !known && recordTime(value).Before(t)
		}
		if away {
			drop = append(drop, slices.Clone(k))
		}
	}
	return drop, last, nil
}

func (s *store) deleteKeys(bucket []byte, keys [][]byte) error {
	for some := range slices.Chunk(keys, 4*removeTx) {
		if err := s.step("forget"); err != nil {
			return err
		}
		err := s.state.update(func(tx *bolt.Tx) error {
			for _, k := range some {
				if err := tx.Bucket(bucket).Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropDay deletes the file of a day unless an item of it is still there.
func (s *store) dropDay(d day) error {
	f, err := s.dayFile(d, false)
	if err != nil {
		return nil //nolint:nilerr // another prune was faster
	}
	needed := false
	err = f.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketChunks).Cursor()
		for k, _ := c.First(); k != nil && !needed; {
			id := envelope.ID(k[:len(envelope.ID{})])
			p, ok, err := s.lookup(id)
			if err != nil {
				return err
			}
			needed = ok && !p.gone && p.day == d
			k, _ = c.Seek(append(id[:], 0xff)) // the next item
		}
		return nil
	})
	if needed || err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.days, d)
	return f.remove()
}

// leastGain is how much room a rewrite of a day's file must give back.
const leastGain = 32 << 20

// compactDay writes the file of a day anew if most of it is free.
func (s *store) compactDay(d day) error {
	f, err := s.dayFile(d, false)
	if err != nil {
		return nil //nolint:nilerr // the day has been deleted
	}
	if free := f.free.Load(); free < leastGain || free < f.size.Load()/2 {
		return nil
	}
	return f.rewrite(func(_, _ []byte) bool { return true }, func(at string) error { return s.step("compact " + at) })
}

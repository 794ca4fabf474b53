package local

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// writeIndex makes known what the batch did: all of it, in the order of its
// requests, or nothing.
func (s *store) writeIndex(batch []*request) {
	changes, doomed := 0, false
	for _, q := range batch {
		if !q.finished && !q.known && q.job == nil {
			changes++
			doomed = doomed || q.shred != nil
		}
	}
	if changes == 0 {
		return
	}
	now := time.Now()
	err := s.step("index")
	if err == nil {
		err = s.state.update(func(tx *bolt.Tx) error {
			tx.Bucket(bucketEvents).FillPercent = 1 // keys only ever grow
			for _, q := range batch {
				if q.finished || q.known {
					continue
				}
				if err := s.indexOne(tx, q, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = s.step("index done")
		}
	}
	if err != nil {
		for _, q := range batch {
			if !q.finished && !q.known && q.job == nil {
				if q.item != nil {
					s.orphans[q.item.ID] = q.place
				}
				q.finish(fmt.Errorf("writing the index: %w", err))
			}
		}
	}
	// A commit that failed may have happened.
	if refreshed := s.refresh(); refreshed == nil {
		s.announce()
	}
	if doomed {
		s.destroy.wake()
	}
}

func (s *store) indexOne(tx *bolt.Tx, q *request, now time.Time) error {
	switch {
	case q.item != nil:
		_, known, err := find(tx, q.item.ID)
		if known || err != nil {
			return err // a second put of the same batch
		}
		if q.place.seq, err = addEvent(tx, encodeHeld(q.item, q.place)); err != nil {
			return err
		}
		return tx.Bucket(bucketIDs).Put(q.item.ID[:], q.place.encode())
	case q.rec != nil:
		seq, err := addEvent(tx, encodeRecord(*q.rec, now))
		q.at.Offset = int64(seq)
		return err
	case q.shred != nil:
		return doom(tx, *q.shred)
	}
	return nil
}

// addEvent puts an event after all others.
func addEvent(tx *bolt.Tx, value []byte) (uint64, error) {
	b := tx.Bucket(bucketEvents)
	seq, err := b.NextSequence()
	if err != nil {
		return 0, err
	}
	return seq, b.Put(seqKey(seq), withSum(seqKey(seq), value))
}

// doom marks an item as gone. From then on nobody gets its capsule.
func doom(tx *bolt.Tx, id envelope.ID) error {
	p, ok, err := find(tx, id)
	if !ok || p.gone || err != nil {
		return err
	}
	p.gone = true
	if _, err := addEvent(tx, encodeGone(id)); err != nil {
		return err
	}
	if err := tx.Bucket(bucketIDs).Put(id[:], p.encode()); err != nil {
		return err
	}
	return tx.Bucket(bucketDoomed).Put(id[:], p.encode())
}

// refresh notes what the last event is.
func (s *store) refresh() error {
	return s.state.view(func(tx *bolt.Tx) error {
		s.events.Store(tx.Bucket(bucketEvents).Sequence())
		return nil
	})
}

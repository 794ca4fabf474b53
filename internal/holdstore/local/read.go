package local

import (
	"encoding/binary"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// reader reads events page by page: a long transaction would keep the
// database from reusing space, and from growing while fn writes.
type reader struct {
	store *store
	next  uint64 // the sequence to go on with
	count int64  // events so far
	total int64
	words map[string]string
	lists map[string][]string
	buf   []holdstore.Event
}

const pageEvents = 2048

func (r *reader) page() ([]holdstore.Event, error) {
	r.buf = r.buf[:0]
	err := r.store.state.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEvents).Cursor()
		last := r.next
		for k, v := c.Seek(seqKey(r.next)); k != nil && len(r.buf) < pageEvents; k, v = c.Next() {
			e, err := r.decode(k, v)
			if err != nil {
				return err
			}
			r.count++
			e.Done, e.Total = r.count, max(r.total, r.count)
			r.buf = append(r.buf, e)
			last = seqOf(k) + 1
		}
		// What is not there was pruned: the last event may be among it.
		if len(r.buf) < pageEvents {
			last = max(last, tx.Bucket(bucketEvents).Sequence()+1)
		}
		r.next = last
		return nil
	})
	return r.buf, err
}

func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// capsule reads a capsule unless it was destroyed.
func (s *store) capsule(id envelope.ID) (c envelope.Capsule, err error) {
	p, err := s.live(id)
	if err != nil {
		return c, err
	}
	found := false
	f, err := s.keysFile(p.keys)
	if err == nil {
		err = f.view(func(tx *bolt.Tx) error {
			v := tx.Bucket(bucketCapsules).Get(id[:])
			if v == nil {
				return nil
			}
			found = true
			c, err = decodeCapsule(id, v)
			return err
		})
	}
	if err != nil || !found {
		return envelope.Capsule{}, s.missing(id, "capsule", err)
	}
	return c, nil
}

func decodeCapsule(id envelope.ID, v []byte) (c envelope.Capsule, err error) {
	if v, err = checkSum(id[:], v); err != nil {
		return c, err
	}
	if len(v) < len(c.Key) {
		return c, fmt.Errorf("%w: a capsule is too short", holdstore.ErrCorrupt)
	}
	copy(c.Key[:], v)
	c.Enc = slices.Clone(v[len(c.Key):])
	return c, nil
}

// live looks up an item that was not destroyed.
func (s *store) live(id envelope.ID) (place, error) {
	p, ok, err := s.lookup(id)
	if err == nil && (!ok || p.gone) {
		err = holdstore.ErrGone
	}
	return p, err
}

// missing tells what was destroyed since it was looked up from what is lost.
func (s *store) missing(id envelope.ID, what string, why error) error {
	if _, err := s.live(id); err != nil {
		return err
	}
	if why == nil {
		why = fmt.Errorf("%w: it is not there", holdstore.ErrCorrupt)
	}
	return fmt.Errorf("the %s of item %v: %w", what, id, why)
}

func chunkKey(id envelope.ID, part envelope.Part, i int) []byte {
	return binary.BigEndian.AppendUint32(append(id[:], byte(part)), uint32(i))
}

// chunks reads the chunks of a part.
func (s *store) chunks(id envelope.ID, ref holdstore.Ref, part envelope.Part) ([][]byte, error) {
	n := int(ref.View)
	if part == envelope.Restore {
		n = int(ref.Restore)
	}
	p, err := s.live(id)
	if err != nil {
		return nil, err
	}
	all := make([][]byte, 0, max(n, 0))
	f, err := s.dayFile(p.day, false)
	if err == nil {
		err = f.view(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketChunks)
			for i := range n {
				key := chunkKey(id, part, i)
				v := b.Get(key)
				if v == nil {
					return nil
				}
				v, err := checkSum(key, v)
				if err != nil {
					return err
				}
				all = append(all, slices.Clone(v))
			}
			return nil
		})
	}
	if err != nil || len(all) < n {
		return nil, s.missing(id, "payload", err)
	}
	return all, nil
}

// shredded reports whether the bytes of a capsule have left the files.
func (s *store) shredded(id envelope.ID) (bool, error) {
	there, doomed := false, false
	err := s.state.view(func(tx *bolt.Tx) error {
		p, ok, err := find(tx, id)
		there = ok && !p.gone
		doomed = tx.Bucket(bucketDoomed).Get(id[:]) != nil
		return err
	})
	if err == nil && doomed {
		err = s.destroy.failure()
	}
	return err == nil && !there && !doomed, err
}

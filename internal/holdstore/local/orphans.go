package local

import (
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// An orphan is what a put wrote that never came into the index. The retry of
// the put is sealed anew, so a capsule that stayed behind would open the item
// even after the item's own was destroyed. It goes before anything else is
// put: in this process, or at the next start.

var keyLast = []byte("ids")

// noteLast says which items a file was last written for: those of them that
// never came into the index are removed at the next start.
func noteLast(tx *bolt.Tx, ids []envelope.ID) error {
	b := make([]byte, 0, len(ids)*len(envelope.ID{}))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return tx.Bucket(bucketLast).Put(keyLast, b)
}

// cleanUp removes what failed puts left. While it cannot, there are no new puts.
func (s *store) cleanUp(batch []*request) {
	isNew := func(q *request) bool { return q.item != nil && !q.known }
	if len(s.orphans) == 0 || !slices.ContainsFunc(batch, isNew) {
		return
	}
	if err := s.cleanOrphans(); err != nil {
		for _, q := range batch {
			if isNew(q) {
				q.finish(fmt.Errorf("removing what an earlier failure left: %w", err))
			}
		}
	}
}

func (s *store) cleanOrphans() error {
	keys := map[uint32]map[envelope.ID]bool{}
	days := map[day][]envelope.ID{}
	for id, at := range s.orphans {
		p, known, err := s.lookup(id)
		if err != nil {
			return err
		}
		if known && p.keys == at.keys && p.day == at.day {
			continue // it was written although the write had failed
		}
		if keys[at.keys] == nil {
			keys[at.keys] = map[envelope.ID]bool{}
		}
		keys[at.keys][id] = true
		days[at.day] = append(days[at.day], id)
	}
	// Also where the capsule cannot be found: its bytes may be in a page that is free.
	for n, ids := range keys {
		if _, err := s.keysFile(n); err != nil {
			continue // it did not come to writing, or the file has gone
		}
		if err := s.rewriteKeys(n, ids); err != nil {
			return err
		}
	}
	for d, ids := range days {
		// Without its capsule the payload is only in the way.
		_ = s.removeChunks(d, ids)
	}
	clear(s.orphans)
	return nil
}

// removeOrphans is for those of the last process: each file says what it was
// last written for. The newest file of capsules is written anew in any case,
// since a write that a crash cut off leaves bytes in free pages.
func (s *store) removeOrphans() error {
	for d, f := range s.days {
		ids, err := s.orphansIn(f, func(p place) bool { return p.day == d })
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			if err := s.removeChunks(d, slices.Collect(maps.Keys(ids))); err != nil {
				return err
			}
		}
	}
	for n, f := range maps.Clone(s.keys) {
		ids, err := s.orphansIn(f, func(p place) bool { return p.keys == n })
		if err != nil {
			return err
		}
		if len(ids) > 0 || n == s.newest {
			if err := s.rewriteKeys(n, ids); err != nil {
				return err
			}
		}
	}
	return nil
}

// orphansIn lists the items a file was last written for that the index does not have there.
func (s *store) orphansIn(f *file, here func(place) bool) (map[envelope.ID]bool, error) {
	var last []byte
	err := f.view(func(tx *bolt.Tx) error {
		last = append(last, tx.Bucket(bucketLast).Get(keyLast)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	ids := map[envelope.ID]bool{}
	for ; len(last) >= len(envelope.ID{}); last = last[len(envelope.ID{}):] {
		id := envelope.ID(last[:len(envelope.ID{})])
		p, known, err := s.lookup(id)
		if err != nil {
			return nil, err
		}
		if !known || !here(p) {
			ids[id] = true
		}
	}
	return ids, nil
}

package kafka

import (
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// idSet remembers ids, each with an offset of the index, for at least a time,
// at most twice as long, and fewer of them if there are too many. It is not
// safe for concurrent use.
type idSet struct {
	keep     time.Duration
	room     int
	new, old map[envelope.ID]int64
	since    time.Time // when new was begun
	now      func() time.Time
}

const (
	// maxIDs is how many ids are remembered of each kind, 20 MB at most.
	maxIDs = 1 << 19
	// keepStored is how long an item that was put is not put again. It is
	// short: what has left the topics must be stored when it comes anew.
	keepStored = time.Hour
	// keepGone is how long a shredded item is known to be gone although the
	// brokers still have its capsule, and is not shredded again.
	keepGone = 24 * time.Hour
)

func newIDSet(keep time.Duration, room int) *idSet {
	return &idSet{keep: keep, room: room, new: map[envelope.ID]int64{}, since: time.Now(), now: time.Now}
}

// add remembers an id, with the highest offset that it was added with.
func (s *idSet) add(id envelope.ID, at int64) {
	if was, ok := s.get(id); ok {
		at = max(at, was)
	}
	delete(s.old, id)
	if _, ok := s.new[id]; !ok && len(s.new) >= s.room/2 {
		s.turn()
	}
	s.new[id] = at
}

func (s *idSet) remove(id envelope.ID) {
	delete(s.old, id)
	delete(s.new, id)
}

func (s *idSet) turn() {
	s.old, s.new, s.since = s.new, map[envelope.ID]int64{}, s.now()
}

func (s *idSet) has(id envelope.ID) bool {
	_, ok := s.get(id)
	return ok
}

func (s *idSet) get(id envelope.ID) (int64, bool) {
	switch age := s.now().Sub(s.since); {
	case age >= 2*s.keep:
		s.turn()
		s.turn()
	case age >= s.keep:
		s.turn()
	}
	at, ok := s.new[id]
	if !ok {
		at, ok = s.old[id]
	}
	return at, ok
}

package kafka

import (
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// idSet remembers ids for at least a time, at most twice as long, and fewer of
// them if there are too many. It is not safe for concurrent use.
type idSet struct {
	keep     time.Duration
	room     int
	new, old map[envelope.ID]struct{}
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
	// brokers still have its capsule.
	keepGone = 24 * time.Hour
)

func newIDSet(keep time.Duration, room int) *idSet {
	return &idSet{keep: keep, room: room, new: map[envelope.ID]struct{}{}, since: time.Now(), now: time.Now}
}

func (s *idSet) add(id envelope.ID) {
	if s.has(id) {
		return
	}
	if len(s.new) >= s.room/2 {
		s.turn()
	}
	s.new[id] = struct{}{}
}

func (s *idSet) turn() {
	s.old, s.new, s.since = s.new, map[envelope.ID]struct{}{}, s.now()
}

func (s *idSet) has(id envelope.ID) bool {
	switch age := s.now().Sub(s.since); {
	case age >= 2*s.keep:
		s.turn()
		s.turn()
	case age >= s.keep:
		s.turn()
	}
	if _, ok := s.new[id]; ok {
		return true
	}
	_, ok := s.old[id]
	return ok
}

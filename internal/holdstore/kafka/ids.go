package kafka

import "github.com/tracescrub/tracescrub/internal/envelope"

// idSet remembers the last ids that were added: at least half of its room, at
// most all of it. It is not safe for concurrent use.
type idSet struct {
	room     int
	new, old map[envelope.ID]struct{}
}

// maxIDs is how many ids are remembered of each kind, 20 MB at most.
const maxIDs = 1 << 19

func newIDSet(room int) *idSet { return &idSet{room: room, new: map[envelope.ID]struct{}{}} }

func (s *idSet) add(id envelope.ID) {
	if s.has(id) {
		return
	}
	if len(s.new) >= s.room/2 {
		s.old, s.new = s.new, map[envelope.ID]struct{}{}
	}
	s.new[id] = struct{}{}
}

func (s *idSet) has(id envelope.ID) bool {
	if _, ok := s.new[id]; ok {
		return true
	}
	_, ok := s.old[id]
	return ok
}

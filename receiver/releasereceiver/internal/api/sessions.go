package api

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// The most sessions there are, of one person and of all.
const (
	sessionsOfOne = 10
	sessionsOfAll = 10_000
)

// session is one person's login in one browser. It does not change.
type session struct {
	login.Person
	// CSRF has to come, in a header, with each request that changes something.
	CSRF    string
	Expires time.Time
}

// sessions are the logins that hold. They are found by a token that only the
// browser has; here is its hash. They are in memory, so a restart logs
// everybody out, and a session belongs to one gate. Safe for concurrent use.
type sessions struct {
	duration time.Duration
	now      func() time.Time
	limit    int // of all

	mu sync.Mutex
	// open is guarded by mu.
	open map[[sha256.Size]byte]*session
}

func newSessions(duration time.Duration, now func() time.Time) *sessions {
	return &sessions{duration: duration, now: now, limit: sessionsOfAll, open: map[[sha256.Size]byte]*session{}}
}

// begin begins a session and returns its token. If there are too many, the one
// that would end first has to go: one of the same person, if that is who has too many.
func (s *sessions) begin(who login.Person) (token string) {
	token = rand.Text()
	now := s.now()
	opened := &session{Person: who, CSRF: rand.Text(), Expires: now.Add(s.duration)}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := func(o *session) bool { return o.Issuer == who.Issuer && o.ID == who.ID }
	s.makeRoom(sessionsOfOne, now, of)
	s.makeRoom(s.limit, now, func(*session) bool { return true })
	s.open[sha256.Sum256([]byte(token))] = opened
	return token
}

// makeRoom leaves room for one more among those that count. s.mu must be held.
func (s *sessions) makeRoom(limit int, now time.Time, counts func(*session) bool) {
	n := 0
	var first [sha256.Size]byte
	var ends time.Time
	for key, o := range s.open {
		if !now.Before(o.Expires) {
			delete(s.open, key)
			continue
		}
		if !counts(o) {
			continue
		}
		n++
		if ends.IsZero() || o.Expires.Before(ends) {
			first, ends = key, o.Expires
		}
	}
	if n >= limit {
		delete(s.open, first)
	}
}

// find returns the session of a token, or nil.
func (s *sessions) find(token string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.open[sha256.Sum256([]byte(token))]
	if found == nil || !s.now().Before(found.Expires) {
		return nil
	}
	return found
}

// end ends the session of a token, if there is one.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(token)))
}

package storetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

var errEnough = errors.New("seen enough")

// entry is an entry of the log as a follower saw it.
type entry struct {
	holdstore.Record
	at holdstore.Position
}

// seen is what a follower was told.
type seen struct {
	held     map[envelope.ID]holdstore.Meta
	refs     map[envelope.ID]holdstore.Ref
	gone     map[envelope.ID]bool
	log      []entry
	caughtUp int
	faults   []string
}

func newSeen() *seen {
	return &seen{held: map[envelope.ID]holdstore.Meta{}, refs: map[envelope.ID]holdstore.Ref{}, gone: map[envelope.ID]bool{}}
}

// add takes an event, and notes what an event must not be.
func (s *seen) add(e holdstore.Event) {
	set := 0
	if e.Held != nil {
		set++
		m := *e.Held
		m.Rules = slices.Clone(m.Rules)
		s.held[m.ID] = m
		s.refs[m.ID] = e.Ref
	}
	if e.Gone != nil {
		set++
		s.gone[*e.Gone] = true
	}
	if e.Record != nil {
		set++
		r := *e.Record
		r.Data = slices.Clone(r.Data)
		s.add1(entry{r, e.At})
	}
	if e.CaughtUp {
		set++
		s.caughtUp++
	}
	if set > 1 {
		s.faults = append(s.faults, "an event of two kinds")
	}
	if s.caughtUp > 1 {
		s.faults = append(s.faults, "caught up twice")
	}
}

func (s *seen) add1(e entry) {
	for _, old := range slices.Backward(s.log) {
		if old.at.Partition == e.at.Partition {
			if e.at.Offset <= old.at.Offset {
				s.faults = append(s.faults, "the log of a partition went backwards")
			}
			break
		}
	}
	s.log = append(s.log, e)
}

// of returns what the log says of an item.
func (s *seen) of(id envelope.ID) []entry {
	var all []entry
	for _, e := range s.log {
		if e.Item == id {
			all = append(all, e)
		}
	}
	return all
}

// replay returns what the store has now.
func replay(t *testing.T, store holdstore.Store) *seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	s := newSeen()
	err := store.Follow(ctx, func(e holdstore.Event) error {
		s.add(e)
		if e.CaughtUp {
			return errEnough
		}
		return nil
	})
	require.ErrorIs(t, err, errEnough)
	require.Empty(t, s.faults)
	return s
}

// follower follows a store in the background.
type follower struct {
	mu   sync.Mutex
	seen *seen // under mu
	// changed has room for one: something was told.
	changed chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
	err     error // valid when done is closed
}

func follow(t *testing.T, store holdstore.Store) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{seen: newSeen(), changed: make(chan struct{}, 1), stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.err = store.Follow(ctx, func(e holdstore.Event) error {
			f.mu.Lock()
			f.seen.add(e)
			f.mu.Unlock()
			select {
			case f.changed <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		f.stop()
		<-f.done
		require.Empty(t, f.seen.faults)
	})
	return f
}

// until waits for what was told to be enough.
func (f *follower) until(t *testing.T, what string, enough func(*seen) bool) {
	t.Helper()
	late := time.After(wait)
	for {
		f.mu.Lock()
		ok := enough(f.seen)
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-f.changed:
		case <-f.done:
			t.Fatalf("follow ended before %s: %v", what, f.err)
		case <-late:
			t.Fatalf("no follower was told: %s", what)
		}
	}
}

func (f *follower) untilHeld(t *testing.T, items ...*holdstore.Item) {
	t.Helper()
	f.until(t, "items are held", func(s *seen) bool {
		return !slices.ContainsFunc(items, func(it *holdstore.Item) bool { _, ok := s.held[it.ID]; return !ok })
	})
}

func (f *follower) untilCaughtUp(t *testing.T) {
	t.Helper()
	f.until(t, "caught up", func(s *seen) bool { return s.caughtUp > 0 })
}

// snapshot is what was told so far.
func (f *follower) snapshot() *seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &seen{held: maps.Clone(f.seen.held), refs: maps.Clone(f.seen.refs), gone: maps.Clone(f.seen.gone), log: slices.Clone(f.seen.log)}
}

func (f *follower) ref(id envelope.ID) holdstore.Ref {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen.refs[id]
}

// requireItem reads an item whole.
func requireItem(t *testing.T, store holdstore.Store, ref holdstore.Ref, it *holdstore.Item) {
	t.Helper()
	c, err := store.Capsule(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.True(t, c.Key == it.Capsule.Key && string(c.Enc) == string(it.Capsule.Enc), "the capsule is another one")
	for _, part := range parts {
		requireChunks(t, store, ref, it, part)
	}
}

func requireChunks(t *testing.T, store holdstore.Store, ref holdstore.Ref, it *holdstore.Item, part envelope.Part) {
	t.Helper()
	want := it.View
	if part == envelope.Restore {
		want = it.Restore
	}
	got, err := store.Chunks(t.Context(), it.ID, ref, part)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, string(got[i]) == string(want[i]), "chunk %d of part %d differs", i, part)
	}
}

// requireMeta compares metadata; times need only be the same moment.
func requireMeta(t *testing.T, want, got holdstore.Meta) {
	t.Helper()
	require.True(t, want.HeldAt.Equal(got.HeldAt), "held at %v, not %v", got.HeldAt, want.HeldAt)
	want.HeldAt, got.HeldAt = time.Time{}, time.Time{}
	if len(want.Rules) == 0 && len(got.Rules) == 0 {
		want.Rules, got.Rules = nil, nil
	}
	require.Equal(t, want, got)
}

func open(t *testing.T, h Harness) holdstore.Store {
	t.Helper()
	s := h.Open(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s holdstore.Store, items ...*holdstore.Item) {
	t.Helper()
	for _, it := range items {
		require.NoError(t, s.Put(t.Context(), it))
	}
}

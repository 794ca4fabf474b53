package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// memory is a store in memory, for any number of gates. Unlike a real one it
// tells items and records in one order.
type memory struct {
	mu       sync.Mutex
	events   []holdstore.Event
	capsules map[envelope.ID]bool
	records  int64
	more     chan struct{} // closed with the next event
	slow     time.Duration // how long a capsule's bytes stay after Shred
	shredded map[envelope.ID]time.Time
	pruned   []time.Time
}

func newMemory() *memory {
	return &memory{capsules: map[envelope.ID]bool{}, more: make(chan struct{}), shredded: map[envelope.ID]time.Time{}}
}

func (m *memory) add(ev holdstore.Event) {
	m.events = append(m.events, ev)
	close(m.more)
	m.more = make(chan struct{})
}

func (m *memory) hold(meta holdstore.Meta) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capsules[meta.ID] = true
	delete(m.shredded, meta.ID)
	m.add(holdstore.Event{Held: &meta})
}

func (m *memory) has(id envelope.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.capsules[id]
}

func (m *memory) Put(context.Context, *holdstore.Item) error { panic("gates do not hold") }

func (m *memory) Follow(ctx context.Context, fn func(holdstore.Event) error) error {
	m.mu.Lock()
	old := len(m.events)
	m.mu.Unlock()
	for i := 0; ; i++ {
		if i == old {
			if err := fn(holdstore.Event{CaughtUp: true, Done: int64(old), Total: int64(old)}); err != nil {
				return err
			}
		}
		m.mu.Lock()
		for i == len(m.events) {
			more := m.more
			m.mu.Unlock()
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
			m.mu.Lock()
		}
		ev := m.events[i]
		m.mu.Unlock()
		if err := fn(ev); err != nil {
			return err
		}
	}
}

func (m *memory) Append(_ context.Context, r holdstore.Record) (holdstore.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records++
	at := holdstore.Position{Offset: m.records}
	m.add(holdstore.Event{Record: &r, At: at})
	return at, nil
}

func (m *memory) Capsule(context.Context, envelope.ID, holdstore.Ref) (envelope.Capsule, error) {
	panic("contents are made up")
}

func (m *memory) Chunks(context.Context, envelope.ID, holdstore.Ref, envelope.Part) ([][]byte, error) {
	panic("contents are made up")
}

func (m *memory) Shred(_ context.Context, id envelope.ID, _ [16]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.capsules[id] {
		delete(m.capsules, id)
		m.shredded[id] = time.Now()
		m.add(holdstore.Event{Gone: &id})
	}
	return nil
}

func (m *memory) Shredded(_ context.Context, id envelope.ID, _ holdstore.Ref) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.capsules[id] && time.Since(m.shredded[id]) >= m.slow, nil
}

func (m *memory) Prune(_ context.Context, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pruned = append(m.pruned, t)
	return nil
}

func (m *memory) prunes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pruned)
}

func (m *memory) Close() error { return nil }

var errDead = errors.New("the gate is dead")

// life is how much longer a gate lives: it dies in a step that has an effect.
type life struct {
	mu      sync.Mutex
	left    int  // steps, the last of which it dies in; 0: for ever
	persist bool // the last step still has its effect
	dead    bool
	died    string
}

func (l *life) step(name string, do func() error) error {
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return errDead
	}
	l.left--
	last := l.left == 0
	if last {
		l.dead, l.died = true, name
	}
	persist := l.persist
	l.mu.Unlock()
	if last && !persist {
		return errDead
	}
	err := do()
	if last {
		return errDead
	}
	return err
}

// mortal is the store as a gate that may die sees it.
type mortal struct {
	*memory
	*life
}

func (m mortal) Append(ctx context.Context, r holdstore.Record) (at holdstore.Position, err error) {
	err = m.step("append", func() error {
		at, err = m.memory.Append(ctx, r)
		return err
	})
	return at, err
}

func (m mortal) Shred(ctx context.Context, id envelope.ID, trace [16]byte) error {
	return m.step("shred", func() error { return m.memory.Shred(ctx, id, trace) })
}

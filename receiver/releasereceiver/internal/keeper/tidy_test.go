package keeper

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
)

// chest has one superseded key, and a new one to be found.
type chest struct {
	mu        sync.Mutex
	ages      []time.Duration
	destroyed bool
	found     []NewKey
	forgets   int // how often Told fails
}

func (c *chest) Reload() ([]NewKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found, nil
}

func (c *chest) Told([]NewKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgets > 0 {
		c.forgets--
		return errors.New("the disk is full")
	}
	c.found = nil
	return nil
}

func (c *chest) Destroy(age time.Duration, _ time.Time, keep func(envelope.KeyID) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ages = append(c.ages, age)
	if !c.destroyed && !keep(envelope.KeyID{1}) {
		c.destroyed = true
	}
	return nil
}

func (c *chest) state() (bool, []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.destroyed, c.ages
}

func (w *world) count(name string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Name == name {
			n++
		}
	}
	return n
}

func TestOldKeys(t *testing.T) {
	bubble(t, func(w *world) {
		created := time.Now()
		c := &chest{found: []NewKey{{ID: envelope.KeyID{1}}, {ID: envelope.KeyID{2}, Created: created, Rotated: true}}, forgets: 1}
		w.set(func() { w.auditDown = true })
		w.start(&life{}, func(s *Settings) { s.Keys = c })
		time.Sleep(3 * time.Hour)
		gone, ages := c.state()
		require.False(t, gone, "not without a record")
		require.NotEmpty(t, ages)
		require.Zero(t, w.count(event.KeyCreated))
		require.Equal(t, 48*time.Hour+margin, ages[0])
		w.set(func() { w.auditDown = false })
		time.Sleep(2 * time.Hour)
		gone, _ = c.state()
		require.True(t, gone)
		require.Equal(t, 1, w.count(event.KeyDestroyed))
		require.Equal(t, 4, w.count(event.KeyCreated), "and again, since it could not be noted that it was told")
		require.Equal(t, 2, w.count(event.KeyRotated))
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range w.events {
			if e.Name == event.KeyRotated {
				require.Equal(t, created, e.At, "the same event each time")
				require.Equal(t, envelope.KeyID{2}.String(), e.Key)
			}
		}
	})
}

// TestNeededKeys: an item that was approved and cannot be sent yet may need any key.
func TestNeededKeys(t *testing.T) {
	bubble(t, func(w *world) {
		c := &chest{destroyed: true}
		k := w.start(&life{}, func(s *Settings) { s.Keys = c })
		w.set(func() { w.sendDown = errDead })
		w.must(k, "bob", w.must(k, "ann", w.hold(1), true), true)
		time.Sleep(80 * time.Hour)
		c.mu.Lock()
		c.destroyed, c.found = false, []NewKey{{ID: envelope.KeyID{3}, Rotated: true}}
		c.mu.Unlock()
		time.Sleep(3 * time.Hour)
		gone, _ := c.state()
		require.False(t, gone)
		require.Equal(t, 1, w.count(event.KeyRotated))
		w.store.mu.Lock()
		last := w.store.pruned[len(w.store.pruned)-1]
		w.store.mu.Unlock()
		require.False(t, last.After(time.Now().Add(-80*time.Hour)), "its chunks are needed as well")
		w.set(func() { w.sendDown = nil })
		time.Sleep(3 * time.Hour)
		gone, _ = c.state()
		require.True(t, gone)
	})
}

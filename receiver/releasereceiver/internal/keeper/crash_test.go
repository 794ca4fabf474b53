package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// failing is a store that stops telling.
type failing struct {
	*memory
	fail atomic.Bool
}

func (f *failing) Follow(ctx context.Context, fn func(holdstore.Event) error) error {
	return f.memory.Follow(ctx, func(ev holdstore.Event) error {
		if f.fail.Load() {
			return errors.New("the store fails")
		}
		return fn(ev)
	})
}

// insist votes as somebody who tries again after an error does.
func (w *world) insist(k *Keeper, name string, id string, approve bool) bool {
	w.Helper()
	_, err := w.vote(k, name, gate.Item{ID: id}, approve)
	var c *gate.Conflict
	if err != nil && !errors.As(err, &c) {
		return false
	}
	return true
}

// TestCrash kills a gate in every step that has an effect: once so that the
// step had none, once so that only the answer was lost. The next gate goes on.
func TestCrash(t *testing.T) {
	for _, approve := range []bool{true, false} {
		for _, persist := range []bool{true, false} {
			for n, last := 1, false; !last; n++ {
				require.Less(t, n, 50)
				t.Run(fmt.Sprintf("approve=%v/step=%d/done=%v", approve, n, persist), func(t *testing.T) {
					bubble(t, func(w *world) { last = w.crash(&life{left: n, persist: persist}, approve) })
				})
			}
		}
	}
}

func (w *world) crash(l *life, approve bool) (survived bool) {
	k := w.start(l, nil)
	id := w.hold(1).ID
	voters := []string{"ann", "bob"}
	if !approve {
		voters = voters[:1]
	}
	for _, v := range voters {
		w.insist(k, v, id, approve)
	}
	time.Sleep(10 * time.Second)
	l.mu.Lock()
	survived = !l.dead
	l.mu.Unlock()
	stop(k)

	k = w.start(&life{}, nil)
	for _, v := range voters { // whoever got an error tries again
		require.True(w, w.insist(k, v, id, approve))
	}
	time.Sleep(5 * time.Minute)
	d := w.detail(k, id)
	require.False(w, w.store.has(envelope.ID{1}), "died in %s: the key is still there", l.died)
	require.Equal(w, "shredded", d.History[len(d.History)-1].Event, "died in %s", l.died)
	got := w.sentItems()
	if !approve {
		require.Equal(w, gate.Shredded, d.State)
		require.Empty(w, got, "released after it was denied")
		w.recorded(id, event.Voted, event.Denied, event.Shredded)
		return survived
	}
	require.Equal(w, gate.Released, d.State)
	require.NotEmpty(w, got, "died in %s: lost", l.died)
	for i, s := range got {
		require.Equal(w, id, s.item)
		require.True(w, i == 0 || s.attempt > got[i-1].attempt, "a second delivery cannot be told from the first")
	}
	require.LessOrEqual(w, len(got), 2)
	w.recorded(id, event.Voted, event.Approved, event.Releasing, event.Released, event.Shredded)
	return survived
}

// recorded wants these events, in this order of their first times.
func (w *world) recorded(id string, names ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	at := -1
	for _, name := range names {
		first := -1
		for i, e := range w.events {
			if e.Item == id && e.Name == name {
				first = i
				break
			}
		}
		require.Greater(w, first, at, "event %s", name)
		at = first
	}
}

// TestTwoGates: one releases, and the work of one that was killed is taken over,
// also by a gate whose clock is hours behind.
func TestTwoGates(t *testing.T) {
	bubble(t, func(w *world) {
		l := &life{}
		a := w.start(l, nil)
		b := w.start(&life{}, func(s *Settings) { s.Now = func() time.Time { return time.Now().Add(-3 * time.Hour) } })
		for n := range byte(20) {
			it := w.hold(n)
			it = w.must(a, "ann", it, true)
			w.must(b, "bob", it, true)
		}
		time.Sleep(10 * time.Second)
		require.Len(t, w.sentItems(), 20, "each once")
		for _, s := range w.sentItems() {
			require.Equal(t, 1, s.attempt)
		}

		w.set(func() { w.sendTime = 10 * time.Second })
		it := w.must(a, "ann", w.hold(100), true)
		it = w.must(a, "bob", it, true)
		time.Sleep(5 * time.Second)
		require.Equal(t, gate.Releasing, w.detail(b, it.ID).State)
		l.mu.Lock()
		l.dead = true
		l.mu.Unlock()
		stop(a)
		time.Sleep(20 * time.Second)
		require.Equal(t, gate.Releasing, w.detail(b, it.ID).State, "its lease is not over")
		time.Sleep(time.Minute)
		require.Equal(t, gate.Released, w.detail(b, it.ID).State)
		got := w.sentItems()
		require.Equal(t, sent{item: it.ID, mode: "masked", attempt: 2}, got[len(got)-1])
	})
}

// TestLeaseIsKept: whoever is slower than the lease stops before others begin,
// even if the clocks of the two are hours apart.
func TestLeaseIsKept(t *testing.T) {
	for _, off := range []time.Duration{-3 * time.Hour, 0, 3 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			bubble(t, func(w *world) {
				a := w.start(&life{}, nil)
				b := w.start(&life{}, func(s *Settings) { s.Now = func() time.Time { return time.Now().Add(off) } })
				var sending, most atomic.Int32
				slow := func(ctx context.Context) error {
					most.Store(max(most.Load(), sending.Add(1)))
					defer sending.Add(-1)
					<-ctx.Done() // as slow as can be
					return ctx.Err()
				}
				w.set(func() { w.sendDown = nil })
				for _, k := range []*Keeper{a, b} {
					send := k.Send
					k.Send = func(ctx context.Context, r *releaseOf, tel *telemetryOf) error {
						if r.Attempt <= 4 {
							return slow(ctx)
						}
						return send(ctx, r, tel)
					}
				}
				it := w.must(a, "bob", w.must(a, "ann", w.hold(1), true), true)
				time.Sleep(30 * time.Minute)
				require.Equal(t, gate.Released, w.detail(b, it.ID).State)
				require.Equal(t, int32(1), most.Load(), "two gates released one item at a time")
			})
		})
	}
}

// TestRace: two people decide at the same moment, at two gates.
func TestRace(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.start(&life{}, nil), w.start(&life{}, nil)
		for n := range byte(30) {
			it := w.must(a, "ann", w.hold(n), true)
			synctest.Wait()
			errs := make(chan error, 2)
			go func() { _, err := w.vote(a, "bob", it, true); errs <- err }()
			go func() { _, err := w.vote(b, "eve", it, false); errs <- err }()
			lost := 0
			for range 2 {
				if err := <-errs; err != nil {
					var c *gate.Conflict
					require.ErrorAs(t, err, &c)
					lost++
				}
			}
			require.Equal(t, 1, lost, "exactly one is first")
		}
		time.Sleep(time.Minute)
		for n := range byte(30) {
			x, y := w.detail(a, envelope.ID{n}.String()), w.detail(b, envelope.ID{n}.String())
			require.Equal(t, x, y)
			for _, s := range w.sentItems() {
				require.False(t, s.item == x.ID && x.State != gate.Released, "released after it was denied")
			}
		}
	})
}

// TestShutdown: what is under way ends well.
func TestShutdown(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		w.set(func() { w.sendTime = 10 * time.Second })
		it := w.must(k, "bob", w.must(k, "ann", w.hold(1), true), true)
		time.Sleep(5 * time.Second)
		k.Shutdown(w.Context())
		require.Len(t, w.sentItems(), 1)
		k = w.start(&life{}, nil)
		require.Equal(t, gate.Released, w.detail(k, it.ID).State)
		it = w.must(k, "bob", w.must(k, "ann", w.hold(2), true), true)
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		k.Shutdown(ctx)
		require.Len(t, w.sentItems(), 1, "there was no time")
		k = w.start(&life{}, nil)
		d := w.detail(k, it.ID)
		require.Equal(t, gate.Approved, d.State, "it is nobody's now")
		require.Equal(t, "unclaim", d.History[len(d.History)-1].Event, "it did not fail")
		time.Sleep(time.Minute)
		require.Equal(t, gate.Released, w.detail(k, it.ID).State)
	})
}

// TestExclusive: where no other process can be, nobody waits for a dead one.
func TestExclusive(t *testing.T) {
	bubble(t, func(w *world) {
		exclusive := func(s *Settings) { s.Exclusive = true }
		l := &life{}
		k := w.start(l, exclusive)
		w.set(func() { w.sendTime = 10 * time.Second })
		it := w.must(k, "bob", w.must(k, "ann", w.hold(1), true), true)
		denied := w.hold(2)
		time.Sleep(time.Second)
		l.mu.Lock()
		l.left, l.persist = 2, true // the vote is written, the rest not
		l.mu.Unlock()
		_, err := w.vote(k, "ann", denied, false)
		require.Error(t, err)
		stop(k)
		k = w.start(&life{}, exclusive)
		time.Sleep(11 * time.Second)
		require.Equal(t, gate.Released, w.detail(k, it.ID).State)
		require.Equal(t, gate.Shredded, w.detail(k, denied.ID).State)
		require.Equal(t, []sent{{item: it.ID, mode: "masked", attempt: 2}}, w.sentItems())
	})
}

package keeper

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// TestForgedMetadata: whoever can write to the store cannot have fewer people
// asked than the findings of the item call for.
func TestForgedMetadata(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		w.store.hold(holdstore.Meta{ID: envelope.ID{1}, Trace: [16]byte{1}, Signal: "traces", Severity: "low", HeldAt: time.Now()})
		synctest.Wait()
		it := w.must(k, "ann", gate.Item{ID: envelope.ID{1}.String(), Version: 1}, true)
		require.Equal(t, gate.Pending, it.State)
		require.Equal(t, 2, it.RequiredVotes)
	})
}

// TestClockWrongAtStart: a machine that starts with a wrong date, until it has
// asked for the right one, destroys nothing.
func TestClockWrongAtStart(t *testing.T) {
	bubble(t, func(w *world) {
		it := w.hold(1)
		w.set(func() { w.wall = 365 * 24 * time.Hour })
		k := w.start(&life{}, nil)
		time.Sleep(5 * time.Minute)
		w.set(func() { w.wall = 0 })
		time.Sleep(time.Hour)
		require.Equal(t, gate.Pending, w.detail(k, it.ID).State)
		time.Sleep(48 * time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State, "when it is time")
	})
}

// TestTooLate: what should have expired is not approved any more, whatever
// keeps it from expiring.
func TestTooLate(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		it := w.must(k, "ann", w.hold(1), true)
		time.Sleep(time.Hour)
		w.set(func() { w.wall = 48 * time.Hour }) // a leap: nothing expires for a while
		time.Sleep(time.Minute)
		require.Equal(t, gate.Pending, w.detail(k, it.ID).State)
		_, err := w.vote(k, "bob", it, true)
		var f *gate.Forbidden
		require.ErrorAs(t, err, &f)
		_, err = w.vote(k, "bob", it, false)
		require.NoError(t, err, "a denial is what expiry comes to")
		require.Empty(t, w.sentItems())
	})
}

// counted are contents that take their time, and note how many are open.
type counted struct {
	made
	mu         *sync.Mutex
	open, most *int64
}

func (c counted) View(ctx context.Context, e ledger.Entry) (*content.Telemetry, error) {
	add := func(n int64) {
		c.mu.Lock()
		defer c.mu.Unlock()
		*c.open += n
		*c.most = max(*c.most, *c.open)
	}
	add(e.Bytes)
	defer add(-e.Bytes)
	time.Sleep(time.Second)
	return c.made.View(ctx, e)
}

// TestOpenAtOnce: however many ask, memory holds what is open for them.
func TestOpenAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		c := counted{made: made{w}, mu: &sync.Mutex{}, open: new(int64), most: new(int64)}
		k := w.start(&life{}, func(s *Settings) { s.Contents = c })
		id := envelope.ID{1}
		w.store.hold(holdstore.Meta{ID: id, Signal: "traces", Severity: "high", HeldAt: time.Now(), Bytes: openBytes / 4})
		large := envelope.ID{2}
		w.store.hold(holdstore.Meta{ID: large, Signal: "traces", Severity: "high", HeldAt: time.Now(), Bytes: 10 * openBytes})
		synctest.Wait()

		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, err := k.Get(w.Context(), id.String())
				if err != nil {
					w.Error(err)
				}
			})
			wg.Go(func() {
				_, err := k.Preview(w.Context(), person("ann"), id.String())
				if err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(w, int64(openBytes), *c.most)

		wg.Go(func() {
			_, err := k.Get(w.Context(), large.String())
			if err != nil {
				w.Error("it is opened alone:", err)
			}
		})
		wg.Wait()
		*c.most = 0
		for range 30 {
			wg.Go(func() { k.Get(w.Context(), large.String()) }) //nolint:errcheck // some come too late
		}
		began := time.Now()
		wg.Wait()
		require.Equal(w, int64(10*openBytes), *c.most, "one at a time")
		require.Less(w, time.Since(began), 2*openWait, "nobody waits for ever")
	})
}

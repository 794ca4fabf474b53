package keeper

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func TestApproved(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		it := w.hold(1)
		it = w.must(k, "ann", it, true)
		require.Equal(t, gate.Pending, it.State)
		require.Equal(t, 2, it.RequiredVotes)
		it = w.must(k, "bob", it, true)
		require.Contains(t, []gate.State{gate.Approved, gate.Releasing, gate.Released}, it.State)
		time.Sleep(2 * time.Second)
		d := w.detail(k, it.ID)
		require.Equal(t, gate.Released, d.State)
		require.False(t, w.store.has(envelope.ID{1}), "its key is destroyed")
		require.Equal(t, []sent{{item: it.ID, mode: "masked", attempt: 1}}, w.sentItems())
		require.Equal(t, []string{"voted", "voted", "approved", "releasing", "released", "shredded"}, w.names(it.ID))
		require.Equal(t, []string{"held 01", "approved 01"}, w.toldOf())
		require.Equal(t, "shredded", d.History[len(d.History)-1].Event)
		_, err := w.vote(k, "eve", it, false)
		var c *gate.Conflict
		require.ErrorAs(t, err, &c)
		require.Equal(t, gate.Released, c.State)
		_, err = k.Preview(w.Context(), person("eve"), it.ID)
		require.ErrorIs(t, err, gate.ErrDestroyed)
	})
}

func TestOriginal(t *testing.T) {
	for name, c := range map[string]struct {
		modes []string
		want  sent
	}{
		"both":     {[]string{"original", "original"}, sent{mode: "original", attempt: 1, approved: 1}},
		"only one": {[]string{"original", "masked"}, sent{mode: "masked", attempt: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				k := w.start(&life{}, nil)
				it := w.hold(1)
				for i, mode := range c.modes {
					b := gate.Ballot{Item: it.ID, Approve: true, Mode: mode, Reason: "needed"}
					if mode == "original" {
						_, err := k.Vote(w.Context(), person(fmt.Sprint(i)), b, false)
						var f *gate.Forbidden
						require.ErrorAs(t, err, &f, "without reveal")
					}
					_, err := k.Vote(w.Context(), person(fmt.Sprint(i)), b, true)
					require.NoError(t, err)
				}
				time.Sleep(time.Second)
				c.want.item = it.ID
				require.Equal(t, []sent{c.want}, w.sentItems())
			})
		})
	}
}

func TestDenied(t *testing.T) {
	bubble(t, func(w *world) {
		w.store.slow = time.Minute
		k := w.start(&life{}, nil)
		it := w.must(k, "ann", w.hold(1), true)
		it = w.must(k, "bob", it, false)
		require.Equal(t, gate.Denied, it.State)
		time.Sleep(10 * time.Second)
		require.False(t, w.store.has(envelope.ID{1}))
		require.Equal(t, gate.Denied, w.detail(k, it.ID).State, "its bytes are still in the store's files")
		time.Sleep(5 * time.Minute)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State)
		require.Empty(t, w.sentItems())
		names := w.names(it.ID)
		require.Equal(t, []string{"voted", "voted", "denied"}, names[:3])
		require.Equal(t, "shredded", names[len(names)-1])

		w.hold(1) // its sender tries once more
		time.Sleep(time.Second)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State)
		require.False(t, w.store.has(envelope.ID{1}), "the new key is destroyed as well")
	})
}

func TestExpired(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		it := w.must(k, "ann", w.hold(1), true)
		time.Sleep(23 * time.Hour)
		require.Equal(t, []string{"held 01"}, w.toldOf())
		time.Sleep(2 * time.Hour)
		require.Equal(t, []string{"held 01", "reminder 01"}, w.toldOf())
		time.Sleep(22 * time.Hour)
		require.Equal(t, gate.Pending, w.detail(k, it.ID).State)
		time.Sleep(2 * time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State)
		require.False(t, w.store.has(envelope.ID{1}))
		require.Equal(t, []string{"voted", "expired", "shredded"}, w.names(it.ID))
		require.Equal(t, []string{"held 01", "reminder 01", "expired 01"}, w.toldOf())
		require.Empty(t, w.sentItems())
		require.Positive(t, w.store.prunes())
	})
}

func TestClockSetWrong(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		it := w.hold(1)
		time.Sleep(time.Minute)
		w.set(func() { w.wall = 365 * 24 * time.Hour }) // somebody mistypes the year
		time.Sleep(5 * time.Minute)
		w.set(func() { w.wall = 0 })
		time.Sleep(time.Hour)
		require.Equal(t, gate.Pending, w.detail(k, it.ID).State, "no expiry because of a mistake")
		w.set(func() { w.wall = -12 * time.Hour })
		it = w.must(k, "ann", w.hold(2), false)
		time.Sleep(time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State)
		w.set(func() { w.wall = 0 })
		time.Sleep(time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State, "what is over stays over")
		require.Equal(t, gate.Pending, w.detail(k, envelope.ID{1}.String()).State)
		w.set(func() { w.wall = 365 * 24 * time.Hour }) // no mistake
		time.Sleep(time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, envelope.ID{1}.String()).State)
	})
}

func TestRules(t *testing.T) {
	const forbidden, conflict = "forbidden", "conflict"
	good := gate.Ballot{Approve: true, Mode: "masked", Reason: "a good one"}
	with := func(f func(*gate.Ballot)) gate.Ballot {
		b := good
		f(&b)
		return b
	}
	for name, c := range map[string]struct {
		who    gate.Actor
		b      gate.Ballot
		reveal bool
		want   string
	}{
		"good":                      {person("bob"), good, false, ""},
		"any version":               {person("bob"), with(func(b *gate.Ballot) { b.Version = 2 }), false, ""},
		"short reason":              {person("bob"), with(func(b *gate.Ballot) { b.Reason = "ok  " }), false, forbidden},
		"long reason":               {person("bob"), with(func(b *gate.Ballot) { b.Reason = string(make([]byte, 2001)) }), false, forbidden},
		"a secret in the reason":    {person("bob"), with(func(b *gate.Ballot) { b.Reason = "it is a-secret" }), false, forbidden},
		"no mode":                   {person("bob"), with(func(b *gate.Ballot) { b.Mode = "" }), false, forbidden},
		"original":                  {person("bob"), with(func(b *gate.Ballot) { b.Mode = "original" }), false, forbidden},
		"original with reveal":      {person("bob"), with(func(b *gate.Ballot) { b.Mode = "original" }), true, ""},
		"nobody":                    {gate.Actor{}, good, false, forbidden},
		"the producer":              {person("sender"), good, false, forbidden},
		"another producer":          {person("robot"), good, false, forbidden},
		"the producer by a name":    {gate.Actor{Identity: "i s", Names: []string{"robot"}}, good, false, forbidden},
		"the producer denies":       {person("robot"), with(func(b *gate.Ballot) { b.Approve = false }), false, forbidden},
		"the owner":                 {person("Owner@example.org"), good, false, forbidden},
		"the owner by a name":       {gate.Actor{Identity: "i s", Names: []string{" owner@EXAMPLE.org"}}, good, false, forbidden},
		"the owner denies":          {person("owner@example.org"), with(func(b *gate.Ballot) { b.Approve = false }), false, forbidden},
		"twice":                     {person("ann"), good, false, conflict},
		"denies what one approved":  {person("ann"), with(func(b *gate.Ballot) { b.Approve = false }), false, conflict},
		"old version":               {person("bob"), with(func(b *gate.Ballot) { b.Version = 1 }), false, conflict},
		"administrators are people": {gate.Actor{Identity: "i admin", Subject: "robot", Groups: []string{"admin"}}, good, true, forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				k := w.start(&life{}, nil)
				it := w.must(k, "ann", w.hold(1), true)
				before := len(w.names(it.ID))
				c.b.Item = it.ID
				_, err := k.Vote(w.Context(), c.who, c.b, c.reveal)
				var f *gate.Forbidden
				var con *gate.Conflict
				switch c.want {
				case forbidden:
					require.ErrorAs(t, err, &f)
				case conflict:
					require.ErrorAs(t, err, &con)
					require.Equal(t, uint64(2), con.Version)
				default:
					require.NoError(t, err)
					return
				}
				require.Len(t, w.names(it.ID), before, "nothing happened")
				require.Equal(t, uint64(2), w.detail(k, it.ID).Version)
			})
		})
	}
}

func TestUnknownItems(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		for _, id := range []string{"", "x", envelope.ID{9}.String()} {
			_, err := k.Get(w.Context(), id)
			require.ErrorIs(t, err, gate.ErrNotFound)
			_, err = k.Preview(w.Context(), person("ann"), id)
			require.ErrorIs(t, err, gate.ErrNotFound)
			_, err = w.vote(k, "ann", gate.Item{ID: id}, true)
			require.ErrorIs(t, err, gate.ErrNotFound)
		}
	})
}

// TestNoAuditNoEffect: whatever is asked for, nothing happens that cannot be recorded.
func TestNoAuditNoEffect(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		it, old := w.hold(1), w.hold(2)
		it = w.must(k, "ann", it, true)
		w.set(func() { w.auditDown = true })
		_, err := w.vote(k, "bob", it, true)
		require.ErrorIs(t, err, gate.ErrAudit)
		_, err = w.vote(k, "bob", it, false)
		require.ErrorIs(t, err, gate.ErrAudit)
		_, err = k.Preview(w.Context(), person("bob"), it.ID)
		require.ErrorIs(t, err, gate.ErrAudit)
		time.Sleep(72 * time.Hour)
		require.Equal(t, gate.Pending, w.detail(k, it.ID).State, "not even expired")
		require.Len(t, w.detail(k, it.ID).Votes, 1)
		require.True(t, w.store.has(envelope.ID{1}))
		require.True(t, w.store.has(envelope.ID{2}))
		w.set(func() { w.auditDown = false })
		time.Sleep(time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, old.ID).State)
		require.False(t, w.store.has(envelope.ID{2}))

		fresh := w.must(k, "bob", w.must(k, "ann", w.hold(3), true), true)
		_ = fresh
		time.Sleep(time.Second)
		require.Len(t, w.sentItems(), 1)
	})
}

// TestNoAuditNoRelease: the votes were recorded, then the audit log fails.
func TestNoAuditNoRelease(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, func(s *Settings) {
			emit := s.Emit
			s.Emit = func(ctx context.Context, events ...event.Event) error {
				if events[0].Name != event.Voted {
					w.mu.Lock()
					down := w.auditDown
					w.mu.Unlock()
					if down {
						return errors.New("down")
					}
				} else {
					w.set(func() { w.auditDown = false })
				}
				err := emit(ctx, events...)
				w.set(func() { w.auditDown = true })
				return err
			}
		})
		it := w.must(k, "bob", w.must(k, "ann", w.hold(1), true), true)
		denied := w.must(k, "ann", w.hold(2), false)
		time.Sleep(time.Hour)
		require.Empty(t, w.sentItems())
		require.True(t, w.store.has(envelope.ID{2}), "its key is there until that can be recorded")
		s, err := k.Stats()
		require.NoError(t, err)
		require.Equal(t, 1, s.ReleaseFailing)
		d := w.detail(k, it.ID)
		require.Equal(t, gate.ErrAudit.Error(), d.History[len(d.History)-1].Reason)
		require.Equal(t, gate.Denied, w.detail(k, denied.ID).State)
	})
}

func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"retryable": {errors.New("try again, said the back end about a-secret"), errPipeline.Error()},
		"permanent": {consumererror.NewPermanent(errors.New("a-secret")), "the pipeline refused it for good"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				k := w.start(&life{}, nil)
				w.set(func() { w.sendDown = c.err })
				it := w.must(k, "bob", w.must(k, "ann", w.hold(1), true), true)
				time.Sleep(time.Hour)
				d := w.detail(k, it.ID)
				require.Equal(t, gate.Approved, d.State)
				last := d.History[len(d.History)-1]
				require.Equal(t, "failed", last.Event)
				require.Equal(t, c.want, last.Reason, "in our words: other people's errors may quote what they got")
				w.set(func() { w.sendDown = nil })
				time.Sleep(time.Hour)
				require.Equal(t, gate.Released, w.detail(k, it.ID).State)
				got := w.sentItems()
				require.Len(t, got, 1)
				require.Greater(t, got[0].attempt, 5)
				require.Less(t, got[0].attempt, 20, "it waits longer and longer")
			})
		})
	}
}

func TestSubscribe(t *testing.T) {
	bubble(t, func(w *world) {
		k := w.start(&life{}, nil)
		w.hold(1)
		seen := make(chan gate.Notice, 100)
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan bool, 1)
		go func() {
			complete, _ := k.Subscribe(ctx, gate.Now, func(n gate.Notice) error { seen <- n; return nil })
			done <- complete
		}()
		synctest.Wait()
		start := <-seen
		require.Empty(t, start.ID)
		it := w.hold(2)
		w.must(k, "ann", it, false)
		time.Sleep(time.Second)
		for i, want := range []gate.State{gate.Pending, gate.Denied, gate.Shredded} {
			n := <-seen
			require.Equal(t, gate.Notice{Seq: start.Seq + 1 + uint64(i), ID: it.ID, State: want, Version: uint64(1 + i)}, n)
		}
		cancel()
		require.True(t, <-done)

		stopped := errors.New("enough")
		got := 0
		complete, err := k.Subscribe(w.Context(), start.Seq, func(gate.Notice) error { got++; return stopped })
		require.ErrorIs(t, err, stopped)
		require.True(t, complete)
		require.Equal(t, 1, got)
		for _, seq := range []uint64{0, start.Seq - 2, start.Seq + 100} {
			complete, err = k.Subscribe(w.Context(), seq, func(gate.Notice) error { t.Error("called"); return nil })
			require.NoError(t, err)
			require.False(t, complete)
		}
		for range ringSize {
			k.ring.add(gate.Notice{})
		}
		complete, _ = k.Subscribe(w.Context(), start.Seq+2, func(gate.Notice) error { return nil })
		require.False(t, complete, "too old")
	})
}

// TestStoreFails: what follows is read anew, and nobody is answered meanwhile.
func TestStoreFails(t *testing.T) {
	bubble(t, func(w *world) {
		f := &failing{memory: w.store}
		k := w.start(&life{}, func(s *Settings) { s.Store = f })
		it := w.hold(1)
		seq := k.ring.now()
		f.fail.Store(true)
		w.store.hold(holdstore.Meta{ID: envelope.ID{2}})
		synctest.Wait()
		_, err := k.List(gate.Query{})
		require.ErrorIs(t, err, gate.ErrNotReady)
		_, err = k.Stats()
		require.ErrorIs(t, err, gate.ErrNotReady)
		_, err = w.vote(k, "ann", it, true)
		require.ErrorIs(t, err, gate.ErrNotReady)
		f.fail.Store(false)
		time.Sleep(time.Minute)
		page, err := k.List(gate.Query{})
		require.NoError(t, err)
		require.Len(t, page.Items, 2)
		complete, err := k.Subscribe(w.Context(), seq, func(gate.Notice) error { return nil })
		require.NoError(t, err)
		require.False(t, complete, "changes were missed")
		w.must(k, "ann", it, true)
	})
}

func TestProgress(t *testing.T) {
	bubble(t, func(w *world) {
		k := New(w.settings(&life{}))
		require.NoError(t, k.apply(holdstore.Event{Done: 3, Total: 10}))
		ready, done, total := k.Ready()
		require.False(t, ready)
		require.Equal(t, [2]int64{3, 10}, [2]int64{done, total})
		_, err := k.List(gate.Query{})
		require.ErrorIs(t, err, gate.ErrNotReady)
		require.NoError(t, k.apply(holdstore.Event{CaughtUp: true, Done: 10, Total: 10}))
		ready, _, _ = k.Ready()
		require.True(t, ready)
		k.Shutdown(w.Context()) // without Start
	})
}

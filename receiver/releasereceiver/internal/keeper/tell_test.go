package keeper

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// TestNewsFirst: what changed while no gate ran is in the log before anything
// is done under it, however late the audit log comes.
func TestNewsFirst(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			bubble(t, func(w *world) {
				w.auditDown = true
				told := 0
				k := w.start(&life{}, func(s *Settings) {
					s.News = []event.Event{{Name: event.PolicyChanged, At: s.Now(), Policy: "rules 2"}}
					s.Rules, s.Config = "rules 2", "config 1"
					s.Told = func() error {
						told++
						if fails {
							return errors.New("the disk is full")
						}
						return nil
					}
				})
				began := w.settings(&life{}).Now()
				it := w.hold(1)
				time.Sleep(time.Hour)
				_, err := w.vote(k, "ann", it, true)
				require.ErrorIs(t, err, gate.ErrAudit)
				require.Zero(t, told)
				w.set(func() { w.auditDown = false })
				w.must(k, "ann", it, true)
				w.must(k, "eve", w.hold(2), false)
				time.Sleep(time.Hour)
				require.Equal(t, 1, told)
				w.mu.Lock()
				defer w.mu.Unlock()
				require.Equal(t, event.Event{Name: event.Started, At: began, Policy: "rules 2", Config: "config 1"}, w.events[0])
				require.Equal(t, event.PolicyChanged, w.events[1].Name)
				require.Equal(t, event.Voted, w.events[2].Name)
			})
		})
	}
}

// witness notes effects and says which of them nobody had been told of.
type witness struct {
	mu      sync.Mutex
	told    map[string]bool // what the audit log has taken and said so
	effects map[string]int
	untold  []string
}

func (w *witness) tell(events []event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		w.told[e.Name+" "+e.Item] = true
		w.told[fmt.Sprint(e.Name, " ", e.Item, " ", e.Attempt)] = true
	}
}

// effect wants one of the events to have been told.
func (w *witness) effect(what string, events ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects[what]++
	for _, e := range events {
		if w.told[e] {
			return
		}
	}
	w.untold = append(w.untold, what)
}

// watched is a store that a witness looks at.
type watched struct {
	mortal
	w *witness
}

func (s *watched) Shred(ctx context.Context, id envelope.ID, trace [16]byte) error {
	if s.has(id) {
		n := id.String()
		s.w.effect("shred", event.Denied+" "+n, event.Expired+" "+n, event.Released+" "+n)
	}
	return s.mortal.Shred(ctx, id, trace)
}

// seen are contents that a witness looks at.
type seen struct {
	Contents
	w *witness
}

func (c seen) Release(ctx context.Context, e ledger.Entry) (*content.Telemetry, map[uint64]struct{}, error) {
	c.w.effect("open", fmt.Sprint(event.Releasing, " ", e.ID, " ", e.Attempts))
	return c.Contents.Release(ctx, e)
}

// TestEffectsAreToldFirst breaks the audit log half of the time while people
// vote, half of that so that it keeps what it fails, and counts effects that
// it had not taken before.
func TestEffectsAreToldFirst(t *testing.T) {
	bubble(t, func(w *world) {
		wit := &witness{told: map[string]bool{}, effects: map[string]int{}}
		rng := rand.New(rand.NewPCG(1, 2))
		k := w.start(&life{}, func(s *Settings) {
			emit, send := s.Emit, s.Send
			s.Emit = func(ctx context.Context, events ...event.Event) error {
				w.mu.Lock()
				n := rng.IntN(4)
				w.mu.Unlock()
				switch n {
				case 0:
					return errors.New("away")
				case 1:
					return errors.Join(errors.New("away, but kept"), emit(ctx, events...))
				}
				err := emit(ctx, events...)
				if err == nil {
					wit.tell(events)
				}
				return err
			}
			s.Send = func(ctx context.Context, r *release.Release, tel *content.Telemetry) error {
				wit.effect("send", fmt.Sprint(event.Releasing, " ", r.Item, " ", r.Attempt))
				wit.effect("send", event.Approved+" "+r.Item)
				return send(ctx, r, tel)
			}
			s.Store = &watched{mortal: s.Store.(mortal), w: wit}
			s.Contents = seen{s.Contents, wit}
		})
		for n := range byte(40) {
			it := w.hold(n)
			switch n % 4 {
			case 0, 1:
				for !w.insist(k, "ann", it.ID, true) || !w.insist(k, "bob", it.ID, true) {
					time.Sleep(time.Second)
				}
			case 2:
				for !w.insist(k, "ann", it.ID, false) {
					time.Sleep(time.Second)
				}
			}
			if _, err := k.Preview(w.Context(), person("eve"), it.ID); err == nil {
				wit.effect("view", event.Viewed+" "+it.ID)
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(72 * time.Hour)
		synctest.Wait()
		wit.mu.Lock()
		defer wit.mu.Unlock()
		require.Empty(t, wit.untold)
		for _, what := range []string{"send", "open", "shred", "view"} {
			require.Positive(t, wit.effects[what], what)
		}
		for n := range byte(40) {
			require.False(t, w.store.has(envelope.ID{n}), "all are over")
		}
		for _, s := range w.sentItems() {
			require.True(t, wit.told["tracescrub.voted "+s.item])
		}
	})
}

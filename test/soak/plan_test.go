//go:build e2e

package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// fault is something that goes wrong at a time and ends.
type fault struct {
	at, last time.Duration
	kind     string
	who      string        // of some kinds
	by       time.Duration // of clocks
}

func (f fault) String() string {
	text := fmt.Sprintf("%8s  %s", f.at.Round(100*time.Millisecond), f.kind)
	if f.who != "" {
		text += " " + f.who
	}
	if f.by != 0 {
		text += fmt.Sprintf(" by %s", f.by)
	}
	return text + fmt.Sprintf(", for %s", f.last.Round(100*time.Millisecond))
}

// The kinds of faults, but those of the backend, which are its modes.
const (
	killGateway  = "kill -9 of"
	killGate     = "kill -9 of the gate"
	killLog      = "kill -9 of the audit log"
	killBehind   = "backend away, and kill -9 of"
	killKafka    = "kill -9 of Kafka"
	freezeKafka  = "Kafka stands still"
	clockForward = "clock forward at"
	clockBack    = "clock back at"
	fullSpool    = "Kafka away and the spool's disk full at"
	fullLog      = "disk full at the audit log"
)

var (
	modes = []mode{stalls, slow, unavailable, exhausted, refuses, cuts, forgets}
	kinds = func() []string {
		all := []string{killGateway, killGate, killBehind, killLog, killKafka, freezeKafka, clockForward, clockBack, fullSpool, fullLog}
		for _, m := range modes {
			all = append(all, string(m))
		}
		return all
	}()
)

// plan says what goes wrong in so much time: the seed says when, in which
// order, how long, and to whom. Each kind comes once before any comes again.
func plan(seed uint64, total time.Duration) (all []fault) {
	rng := rand.New(rand.NewPCG(seed, 2))
	slot := min(total/time.Duration(len(kinds)+1), 12*time.Second)
	between := func(from, to time.Duration) time.Duration { return from + time.Duration(rng.Int64N(int64(to-from))) }
	for at := time.Duration(0); ; {
		round := slices.Clone(kinds)
		rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		for _, kind := range round {
			f := fault{at: at + between(0, slot/3), last: between(slot/4, slot*3/4), kind: kind}
			if rng.IntN(4) == 0 {
				f.last += slot // into the next ones
			}
			switch kind {
			case clockForward:
				f.who = []string{"gateway1", "gateway2", "gate1", "gate2", "log"}[rng.IntN(5)]
				f.by = between(time.Minute, 9*24*time.Hour).Round(time.Second) // items expire after 7 days
			case clockBack:
				f.who = []string{"gateway1", "gateway2", "gate1", "gate2", "log"}[rng.IntN(5)]
				f.by = -between(time.Minute, 5*24*time.Hour).Round(time.Second)
			case killGateway:
				f.who = "gateway1"
			case killGate:
				f.who = "gate1"
			case killBehind:
				f.who = []string{"gateway1", "gateway1", "gate1"}[rng.IntN(3)]
			case fullSpool:
				f.who = []string{"gateway1", "gateway2"}[rng.IntN(2)]
			case string(refuses):
				f.last = min(f.last, 3*time.Second)
			}
			if at += slot; at > total {
				return all
			}
			all = append(all, f)
		}
	}
}

// run makes all faults of a plan happen, and waits until all are over. It
// returns how many of each kind were.
func (w *world) run(ctx context.Context, all []fault) map[string]int {
	began := time.Now()
	happened, mu, wait := map[string]int{}, sync.Mutex{}, sync.WaitGroup{}
	for _, f := range all {
		wait.Go(func() {
			if !sleep(ctx, f.at-time.Since(began)) {
				return
			}
			w.t.Log(f)
			if err := w.inflict(ctx, f); err != nil {
				w.t.Errorf("%s: %v", f, err)
			}
			mu.Lock()
			defer mu.Unlock()
			happened[f.kind]++
		})
	}
	wait.Wait()
	w.backend.behave(works)
	return happened
}

// sleep sleeps, unless ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// inflict makes one fault happen and ends it.
func (w *world) inflict(ctx context.Context, f fault) error {
	switch f.kind {
	case killGateway:
		return w.gateways[0].kill(f.last)
	case killGate:
		return w.gates[0].kill(f.last)
	case killLog:
		return w.log.kill(f.last)
	case killBehind: // with what it has taken and nobody has taken from it
		w.backend.behave(unavailable)
		defer w.backend.behave(works)
		sleep(ctx, 3*time.Second)
		if f.who == "gate1" {
			return w.gates[0].kill(f.last)
		}
		return w.gateways[0].kill(f.last)
	case killKafka:
		return w.kafka.kill(f.last)
	case freezeKafka:
		thaw := w.kafka.freeze()
		sleep(ctx, f.last)
		thaw()
		return nil
	case clockForward, clockBack:
		return w.inflictClock(ctx, f)
	case fullSpool, fullLog:
		return w.inflictDisk(ctx, f)
	}
	w.backend.behave(mode(f.kind))
	sleep(ctx, f.last)
	w.backend.behave(works)
	return nil
}

// inflictDisk fills a disk for a while.
func (w *world) inflictDisk(ctx context.Context, f fault) error {
	if !w.disks {
		return nil
	}
	disk := w.path("disks/log")
	if f.kind == fullSpool {
		disk = w.path("disks/" + f.who + "/spool")
		defer w.kafka.freeze()()
	}
	free, err := fill(disk)
	if err != nil {
		return err
	}
	sleep(ctx, f.last)
	return free()
}

// inflictClock sets the clock of a process for a while. It may be killed meanwhile.
func (w *world) inflictClock(ctx context.Context, f fault) error {
	if !w.clocks {
		return nil
	}
	for _, c := range w.collectors() {
		if c.name != f.who {
			continue
		}
		life, _ := c.working()
		if err := c.setClock(f.by); err != nil {
			return nil // it is dead just now
		}
		sleep(ctx, f.last)
		if now, _ := c.working(); now == life {
			_ = c.setClock(0) // it may have died by now
		}
		return nil
	}
	return fmt.Errorf("no process %s", f.who)
}

// TestPlan sees that a seed is a plan, and that it has every kind of fault.
func TestPlan(t *testing.T) {
	for _, total := range []time.Duration{2 * time.Minute, 30 * time.Minute} {
		one, again, other := plan(1, total), plan(1, total), plan(2, total)
		if !slices.Equal(one, again) || slices.Equal(one, other) {
			t.Errorf("%s: the plan is not the seed's", total)
		}
		for _, kind := range kinds {
			if !slices.ContainsFunc(one, func(f fault) bool { return f.kind == kind }) {
				t.Errorf("%s: no %s", total, kind)
			}
		}
	}
}

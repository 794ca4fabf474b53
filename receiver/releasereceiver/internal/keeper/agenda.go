package keeper

import (
	"context"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// sweepEvery is how often all that is to be done is looked at.
const sweepEvery = time.Second

// agenda is what a keeper may have to do, and when.
type agenda struct {
	jobs chan envelope.ID
	wake chan struct{} // has room for one

	mu      sync.Mutex
	touched map[envelope.ID]struct{} // changed since the last look; guarded by mu
	all     bool                     // look at everything; guarded by mu
	plans   map[envelope.ID]plan     // guarded by mu
}

// plan is when an item's turn is.
type plan struct {
	version uint64
	due     time.Time // has a monotonic part: no clock that is set changes it
	tries   int       // since the version
	busy    bool
	told    bool // the event of its end has been recorded
}

func newAgenda() *agenda {
	return &agenda{
		jobs: make(chan envelope.ID), wake: make(chan struct{}, 1),
		touched: map[envelope.ID]struct{}{}, plans: map[envelope.ID]plan{},
	}
}

func (a *agenda) touch(id envelope.ID) {
	a.mu.Lock()
	a.touched[id] = struct{}{}
	a.mu.Unlock()
	a.nudge()
}

func (a *agenda) sweep() {
	a.mu.Lock()
	a.all = true
	a.mu.Unlock()
	a.nudge()
}

func (a *agenda) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *agenda) take() (ids []envelope.ID, all bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.touched {
		ids = append(ids, id)
	}
	clear(a.touched)
	all, a.all = a.all, false
	return ids, all
}

// claim says whether it is e's turn, and if so that somebody is at it.
func (a *agenda) claim(e ledger.Entry, wait time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.plans[e.Key]
	if p.busy {
		return false
	}
	if !ok || p.version != e.Version {
		p = plan{version: e.Version, due: time.Now().Add(wait)}
	}
	p.busy = !time.Now().Before(p.due)
	a.plans[e.Key] = p
	return p.busy
}

// done ends a turn; again says when the next one is if nothing changes.
func (a *agenda) done(id envelope.ID, again time.Duration) {
	a.mu.Lock()
	p := a.plans[id]
	p.busy = false
	p.tries++
	p.due = time.Now().Add(again)
	a.plans[id] = p
	a.touched[id] = struct{}{} // it may have changed meanwhile
	a.mu.Unlock()
	a.nudge()
}

// keep forgets the plans of items that nothing is to be done about.
func (a *agenda) keep(active map[envelope.ID]struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, p := range a.plans {
		if _, ok := active[id]; !ok && !p.busy {
			delete(a.plans, id)
		}
	}
}

func (a *agenda) tries(id envelope.ID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plans[id].tries
}

// told reports whether tell was called since the item's last change.
func (a *agenda) told(id envelope.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plans[id].told
}

// tell notes that the end of an item has been recorded: a store may take an
// hour to lose a key, and is asked again and again meanwhile.
func (a *agenda) tell(id envelope.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.plans[id]
	p.told = true
	a.plans[id] = p
}

// schedule gives workers the items whose turn it is.
func (k *Keeper) schedule(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		var ids []envelope.ID
		var all bool
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			all = true
		case <-k.work.wake:
			ids, all = k.work.take()
		}
		if all {
			ids = k.active()
		}
		for _, id := range ids {
			e, err := k.entry(id)
			if err != nil || !needsWork(e) || !k.work.claim(e, k.wait(e)) {
				continue
			}
			select {
			case k.work.jobs <- id:
			case <-ctx.Done():
				return
			}
		}
	}
}

// active returns all items that something is to be done about.
func (k *Keeper) active() []envelope.ID {
	k.mu.RLock()
	if !k.ready {
		k.mu.RUnlock()
		return nil
	}
	ids := k.ledger.Active(int(^uint(0) >> 1))
	k.mu.RUnlock()
	set := make(map[envelope.ID]struct{}, len(ids))
	for _, id := range ids {
		set[id] = struct{}{}
	}
	k.work.keep(set)
	return ids
}

func needsWork(e ledger.Entry) bool {
	switch e.State {
	case gate.Pending:
		return false
	case gate.Released, gate.Shredded:
		return e.HasKey || !e.Destroyed
	}
	return true
}

// wait is how long this gate leaves an item to others, once it has seen it in
// its state: whoever wrote the last record goes on with it, unless it is dead.
// It is measured on this gate's own clock from when it read the record, which
// is later than when that was written: so it never ends before the other's.
func (k *Keeper) wait(e ledger.Entry) time.Duration {
	wait := time.Duration(0)
	if e.State == gate.Approved && e.Failing {
		wait = backoff(e.Attempts)
	}
	switch {
	case e.State == gate.Releasing && !k.dead(e.Claim):
		return max(e.Lease, k.Lease) + time.Second
	case e.By == k.owner || k.dead(e.By):
		return wait
	}
	return wait + k.Lease
}

// dead says that the gate is known not to run any more.
func (k *Keeper) dead(o ledger.Owner) bool { return k.Exclusive && o.Process != k.owner.Process }

const longestBackoff = 15 * time.Minute

func backoff(attempts int) time.Duration {
	return min(time.Second<<min(max(attempts-1, 0), 12), longestBackoff)
}

// worker does one thing after the other, until taking ends; what it is at goes
// on until ctx ends.
func (k *Keeper) worker(taking, ctx context.Context) {
	for {
		select {
		case <-taking.Done():
			return
		case id := <-k.work.jobs:
			k.work.done(id, k.attend(ctx, id))
		}
	}
}

// attend does what is to be done about an item. The answer is when to come
// back if nothing changes.
func (k *Keeper) attend(ctx context.Context, id envelope.ID) time.Duration {
	e, err := k.entry(id)
	if err != nil {
		return sweepEvery
	}
	again := backoff(k.work.tries(id) + 1)
	switch e.State {
	case gate.Approved, gate.Releasing:
		k.release(ctx, e)
	default:
		k.destroy(ctx, e)
	}
	return again
}

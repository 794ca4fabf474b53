package keeper

import (
	"context"
	"hash/fnv"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/pause"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// destroy shreds the key of an item that is decided, and says so once it has
// left the store's files.
func (k *Keeper) destroy(ctx context.Context, e ledger.Entry) {
	if err := k.shred(ctx, e); err != nil && ctx.Err() == nil {
		k.seldom("the key of an item that is decided could not be destroyed; it will be tried again", zap.Error(err))
	}
}

func (k *Keeper) shred(ctx context.Context, e ledger.Entry) error {
	if e.State == gate.Denied && !k.work.told(e.Key) {
		if err := k.audit(ctx, denial(e)); err != nil {
			return err
		}
		k.work.tell(e.Key)
	}
	if err := k.Store.Shred(ctx, e.Key, e.Trace); err != nil {
		return err
	}
	gone, err := k.Store.Shredded(ctx, e.Key, e.Ref)
	if err != nil || !gone || e.Destroyed {
		return err
	}
	r := k.record(e, ledger.Shredded)
	done := about(event.Shredded, r.At, e)
	done.Version = e.Version + 1
	if err := k.audit(ctx, done); err != nil {
		return err
	}
	out, err := k.append(ctx, r)
	if err == nil && out.Applied {
		k.Observer.Ended("shredded")
	}
	return err
}

// denial is the event of the decision, the same one however often it is told.
func denial(e ledger.Entry) event.Event {
	ev := about(event.Denied, e.Last, e)
	ev.Version, ev.Votes = e.Version, votesOf(e)
	for _, v := range e.Votes {
		if v.Decision == ledger.Deny.String() {
			ev.User, ev.Reason = v.By, v.Reason
		}
	}
	return ev
}

const (
	// clockEvery is how often is looked at what time has brought, or a quarter
	// of the time to expiry if that is less.
	clockEvery = 5 * time.Second
	// keysEvery is how often is looked for new private keys.
	keysEvery = time.Minute
	// tidyEvery is how often keys and leftovers are looked at.
	tidyEvery = time.Hour
	// margin is added to the longest time that something can be needed.
	margin = 24 * time.Hour
	// dueAtOnce bounds how many items expire in one round.
	dueAtOnce = 1000
)

// clock notices when the wall clock was set forward: what is destroyed because
// somebody mistyped a date does not come back.
type clock struct {
	seen, wall time.Time // the same moment, by the process's own clock and by the wall
	trust      time.Time // by the process's own
	leapt      bool
}

// newClock trusts the wall clock only after a while: a machine that has just
// started may not have asked anybody yet what time it is.
func newClock(expireAfter time.Duration) clock {
	return clock{trust: time.Now().Add(min(mistrust, expireAfter/4))}
}

const (
	leap     = 5 * time.Minute  // what is more than this is no correction
	mistrust = 15 * time.Minute // how long a clock has time to be set right again
)

// trusted reports whether things may expire by the wall clock.
func (c *clock) trusted(wall time.Time) bool {
	now := time.Now()
	if !c.seen.IsZero() && wall.Round(0).Sub(c.wall) > now.Sub(c.seen)+leap {
		c.trust, c.leapt = now.Add(mistrust), true
	}
	c.seen, c.wall = now, wall.Round(0)
	return !now.Before(c.trust)
}

// keepTime does what only time brings: reminders, expiry, old keys.
func (k *Keeper) keepTime(ctx context.Context) {
	c := newClock(k.ExpireAfter)
	var (
		reminded time.Time
		tidy     time.Time
		keys     time.Time
	)
	for pause.For(ctx, min(clockEvery, k.ExpireAfter/4+time.Millisecond)) == nil {
		if !k.isReady() {
			continue
		}
		now := k.Now()
		if keys.IsZero() || time.Since(keys) >= keysEvery {
			keys = time.Now()
			k.reload(ctx)
		}
		if !c.trusted(now) {
			if c.leapt {
				k.seldom("the clock was set forward: nothing expires for a while, in case that was a mistake")
			}
			continue
		}
		reminded = k.remind(now, reminded)
		k.expire(ctx, now)
		if tidy.IsZero() || time.Since(tidy) >= tidyEvery {
			tidy = time.Now()
			k.tidy(ctx, now)
		}
	}
}

// reload looks for new private keys, and tells of those that were not told of.
func (k *Keeper) reload(ctx context.Context) {
	if k.Keys == nil {
		return
	}
	untold, err := k.Keys.Reload()
	if err != nil {
		k.seldom("private keys could not be read again", zap.Error(err))
	}
	if len(untold) == 0 {
		return
	}
	var events []event.Event
	for _, p := range untold {
		// With the time of the key all gates that tell of it tell the same event.
		events = append(events, event.Event{Name: event.KeyCreated, At: p.Created, Key: p.ID.String()})
		if p.Rotated {
			events = append(events, event.Event{Name: event.KeyRotated, At: p.Created, Key: p.ID.String()})
		}
	}
	if k.audit(ctx, events...) != nil {
		return // they have happened; next time
	}
	if err := k.Keys.Told(untold); err != nil {
		k.seldom("which keys the audit log knows could not be written: they are told again", zap.Error(err))
	}
}

func (k *Keeper) pending(from, before time.Time) []envelope.ID {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.ledger.Pending(from, before, dueAtOnce)
}

// remind tells of what will expire soon, once for each start of this gate.
func (k *Keeper) remind(now, from time.Time) time.Time {
	if k.RemindAhead <= 0 || k.Tell == nil {
		return from
	}
	before := now.Add(k.RemindAhead - k.ExpireAfter)
	if !before.After(from) {
		return from
	}
	for _, id := range k.pending(later(from, now.Add(-k.ExpireAfter)), before) {
		if e, err := k.entry(id); err == nil && e.State == gate.Pending {
			k.Tell("reminder", e.Item)
		}
	}
	return before
}

// expire ends the wait of items that nobody decided about in time.
func (k *Keeper) expire(ctx context.Context, now time.Time) {
	for _, id := range k.pending(time.Time{}, now.Add(-k.ExpireAfter)) {
		e, err := k.entry(id)
		if err != nil || e.State != gate.Pending || now.Before(e.ExpiresAt.Add(k.turn(id))) {
			continue
		}
		if err := k.expireOne(ctx, e); err != nil {
			if ctx.Err() == nil {
				k.seldom("an item could not be expired; it will be tried again", zap.Error(err))
			}
			return
		}
	}
	k.mu.Lock()
	k.ledger.Settle()
	k.mu.Unlock()
}

func (k *Keeper) expireOne(ctx context.Context, e ledger.Entry) error {
	r := k.record(e, ledger.Expire)
	ev := about(event.Expired, e.ExpiresAt, e)
	ev.Version, ev.Votes, ev.Required = e.Version+1, votesOf(e), e.RequiredVotes
	if err := k.audit(ctx, ev); err != nil {
		return err
	}
	out, err := k.append(ctx, r)
	if err == nil && out.Applied {
		k.Observer.Ended("expired")
	}
	return err
}

// turn spreads what all gates on a store would do at the same moment.
func (k *Keeper) turn(id envelope.ID) time.Duration {
	if k.Exclusive || k.Lease <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write(k.owner.Instance[:])
	h.Write(id[:])
	return time.Duration(h.Sum64() % uint64(k.Lease))
}

// tidy destroys keys that nothing needs and forgets what is over.
func (k *Keeper) tidy(ctx context.Context, now time.Time) {
	horizon := now.Add(-k.ExpireAfter - margin)
	k.mu.Lock()
	k.ledger.Prune(horizon)
	oldest, live := k.ledger.OldestLive()
	k.mu.Unlock()
	if k.Keys != nil {
		needed := live && oldest.Before(horizon) // by what nobody knows: all are kept
		if err := k.tidyKeys(ctx, now, needed); err != nil && ctx.Err() == nil {
			k.seldom("private keys could not be looked after", zap.Error(err))
		}
	}
	if live && oldest.Before(horizon) {
		horizon = oldest
	}
	if err := k.Store.Prune(ctx, horizon); err != nil && ctx.Err() == nil {
		k.seldom("the quarantine's store could not be pruned", zap.Error(err))
	}
}

// NewKey is a key pair that the audit log may not know.
type NewKey struct {
	ID      envelope.KeyID
	Created time.Time
	Rotated bool // there was one before it
}

// Keys looks after private keys.
type Keys interface {
	// Reload reads them again and returns those that Told was not called for.
	Reload() ([]NewKey, error)
	// Told notes that the audit log knows them.
	Told([]NewKey) error
	// Destroy destroys those whose successor is older than age, unless keep says otherwise.
	Destroy(age time.Duration, now time.Time, keep func(envelope.KeyID) bool) error
}

func (k *Keeper) tidyKeys(ctx context.Context, now time.Time, needed bool) error {
	err := k.Keys.Destroy(k.ExpireAfter+margin, now, func(id envelope.KeyID) bool {
		return needed || k.audit(ctx, event.Event{Name: event.KeyDestroyed, At: now, Key: id.String(), Reason: "superseded"}) != nil
	})
	k.reload(ctx)
	return err
}

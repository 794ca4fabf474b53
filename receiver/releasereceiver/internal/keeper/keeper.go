// Package keeper is release_gate at work: it follows a store through a ledger,
// answers the admin API as gate.Gate, and does what was decided: releases,
// expires, shreds. Whatever it does is told to the audit log first; what
// cannot be recorded is not done.
package keeper

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/pause"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// Contents opens items; *content.Vault does.
type Contents interface {
	View(ctx context.Context, e ledger.Entry) (*content.Telemetry, error)
	Release(ctx context.Context, e ledger.Entry) (*content.Telemetry, map[uint64]struct{}, error)
}

// Observer counts.
type Observer interface {
	// Voted: decision is approve or deny, result counted, conflict, refused or error.
	Voted(decision, result string)
	// Released: an attempt ended; result is success or failure.
	Released(mode, result string, took time.Duration)
	// Ended: an item was expired or shredded.
	Ended(how string)
	// Viewed: a preview was answered.
	Viewed()
	// Ignored: a record of the log was not of a gate with our key.
	Ignored()
	// AuditFailed: something was not done because it could not be recorded.
	AuditFailed()
}

// Settings are what a Keeper is made of. All must be set unless a comment says otherwise.
type Settings struct {
	Store    holdstore.Store
	Contents Contents
	// Key authenticates records; all gates on a store have the same one.
	Key []byte
	// Fingerprint is the key of producers' commitments.
	Fingerprint []byte

	Required    func(severity, service string) int
	ExpireAfter time.Duration
	RemindAhead time.Duration // before expiry; 0: never
	MinReason   int           // characters
	Lease       time.Duration
	Workers     int
	// Exclusive: no other process has the store, so that claims of other
	// processes are those of dead ones.
	Exclusive bool

	// Emit tells the audit log; nil means that it is durable there.
	Emit func(ctx context.Context, events ...event.Event) error
	// News are told with the start, before anything else is: what changed while
	// no gate ran.
	News []event.Event
	// Told is called once the audit log has the news. nil: nobody cares.
	Told func() error
	// Rules and Config are hashes, of the rules about votes and of the Collector's
	// configuration; the event of the start names them. They may be empty.
	Rules, Config string
	// Send sends released telemetry on its way; nil means that it has arrived.
	Send func(ctx context.Context, r *release.Release, t *content.Telemetry) error
	// Tell hears of what people may want to know; it must not wait. nil: nobody.
	Tell func(what string, it gate.Item)
	// Secret says whether what people write holds a secret. nil: it never does.
	Secret func(string) bool
	// Keys looks after the private keys. nil: nobody does.
	Keys Keys
	// Admit is asked once the store is read and before anything is done with
	// it; foreign is how many records nobody with our key wrote. nil: it may.
	Admit func(foreign int) error

	Now      func() time.Time
	Log      *zap.Logger
	Observer Observer
}

// process tells this process from all others.
var process = random[[8]byte]()

// random returns a random value; crypto/rand never fails.
func random[T [8]byte | [16]byte]() (v T) {
	switch p := any(&v).(type) {
	case *[8]byte:
		_, _ = rand.Read(p[:])
	case *[16]byte:
		_, _ = rand.Read(p[:])
	}
	return v
}

// Keeper is one gate. Its methods are safe for concurrent use.
type Keeper struct {
	Settings
	owner ledger.Owner
	ring  *ring
	work  *agenda

	// mu guards what follows. Nobody waits for anything while holding it.
	mu          sync.RWMutex
	ledger      *ledger.Ledger
	ready       bool
	done, total int64
	foreign     int // records of others, in this replay
	waiters     map[[16]byte]chan ledger.Outcome

	// began is when the gate was made.
	began time.Time
	// announced: the start and the news have been told, by who was in telling,
	// which has room for one.
	announced atomic.Bool
	telling   chan struct{}

	open   *budget
	people *peopleCache
	once   map[string]time.Time // when a log line was last written; guarded by onceMu
	onceMu sync.Mutex

	stop, cancel context.CancelFunc
	takers       sync.WaitGroup // who takes up work
	wg           sync.WaitGroup // everybody else
}

var _ gate.Gate = (*Keeper)(nil)

// New makes a Keeper that does nothing yet.
func New(s Settings) *Keeper {
	k := &Keeper{
		Settings: s, owner: ledger.Owner{Process: process, Instance: random[[8]byte]()},
		ring: newRing(s.Now()), work: newAgenda(), people: newPeopleCache(), open: newBudget(),
		waiters: map[[16]byte]chan ledger.Outcome{}, once: map[string]time.Time{},
		began: s.Now(), telling: make(chan struct{}, 1),
	}
	k.reset()
	return k
}

// Start begins to follow the store and to work, until Shutdown.
func (k *Keeper) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	taking, stop := context.WithCancel(ctx)
	k.cancel, k.stop = cancel, stop
	for _, job := range []func(){
		func() { k.schedule(taking) },
		func() { k.keepTime(taking) },
	} {
		k.takers.Go(job)
	}
	for range max(k.Workers, 1) {
		k.takers.Go(func() { k.worker(taking, ctx) })
	}
	k.wg.Go(func() { k.follow(ctx) })
	k.wg.Go(func() { // nothing waits for it: what follows fails as long as this does
		_ = k.persist(taking, func() error { return k.audit(taking) })
	})
}

// Shutdown takes nothing up any more, lets what is under way end until ctx
// does, and waits for all that Start began.
func (k *Keeper) Shutdown(ctx context.Context) {
	if k.cancel == nil {
		return
	}
	k.stop()
	ended := make(chan struct{})
	k.wg.Go(func() {
		k.takers.Wait()
		close(ended)
	})
	select {
	case <-ended:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		_ = k.audit(ctx, event.Event{Name: event.Stopped, At: k.Now(), Config: k.Config}) // it stops all the same
	}
	k.cancel()
	k.wg.Wait()
	k.cancel = nil
}

func (k *Keeper) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger = ledger.New(k.Key, ledger.Rules{Required: k.Required, ExpireAfter: k.ExpireAfter})
	k.ready, k.done, k.total, k.foreign = false, 0, 0, 0
	k.ring.skip()
}

// The time between attempts to follow a store that fails.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// follow folds the store's events. When the store fails, all is read anew:
// what was missed meanwhile cannot be known.
func (k *Keeper) follow(ctx context.Context) {
	wait := firstRetry
	for {
		err := k.Store.Follow(ctx, k.apply)
		if ctx.Err() != nil {
			return
		}
		k.Log.Error("the quarantine's store cannot be followed; it will be read anew", zap.Error(err), zap.Duration("after", wait))
		if k.isReady() {
			wait = firstRetry
		}
		k.reset()
		if pause.For(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, lastRetry)
	}
}

func (k *Keeper) isReady() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.ready
}

// apply folds one event and passes on what it came to.
func (k *Keeper) apply(ev holdstore.Event) error {
	k.mu.Lock()
	out, err := k.ledger.Apply(ev)
	if err != nil {
		k.mu.Unlock()
		return fmt.Errorf("reading the quarantine's log: %w", err)
	}
	if ev.Total > 0 {
		k.done, k.total = ev.Done, ev.Total
	}
	if out.Invalid {
		k.foreign++
	}
	if ev.CaughtUp {
		if k.Admit != nil { // it reads and writes files at most
			if err := k.Admit(k.foreign); err != nil {
				k.mu.Unlock()
				return err
			}
		}
		k.ready = true
	}
	live := k.ready
	var waiter chan ledger.Outcome
	if out.Record != nil {
		waiter = k.waiters[out.Record.Nonce]
		delete(k.waiters, out.Record.Nonce)
	}
	var e ledger.Entry
	known := false
	if live && (out.Held || out.Applied) {
		e, known = k.ledger.Get(out.Item)
	}
	k.mu.Unlock()

	if waiter != nil {
		waiter <- out // has room
	}
	if out.Invalid {
		k.Observer.Ignored()
		k.seldom("log entries that no gate with our key wrote were ignored")
	}
	if ev.CaughtUp {
		items, unknown := k.size()
		k.Log.Info("the index of held items is complete", zap.Int("items", items), zap.Int("unknown", unknown))
		k.work.sweep()
	}
	if known {
		k.changed(out, e)
	}
	if live && out.Item != (envelope.ID{}) {
		k.work.touch(out.Item)
	}
	return nil
}

// changed tells everybody of a change that has just happened.
func (k *Keeper) changed(out ledger.Outcome, e ledger.Entry) {
	k.ring.add(gate.Notice{ID: e.ID, State: e.State, Version: e.Version})
	if k.Tell == nil {
		return
	}
	switch {
	case out.Held && e.State == gate.Pending:
		k.Tell("held", e.Item)
	case out.Applied && out.From == gate.Pending && out.State != gate.Pending && out.Record.Owner == k.owner:
		// The gate where it was decided says so, or all would.
		k.Tell(string(out.State), e.Item)
	}
}

func (k *Keeper) size() (items, unknown int) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.ledger.Len()
}

// appendTime is how long a record may take until the store tells of it.
const appendTime = 30 * time.Second

// append writes a record and waits until our own view has passed it. After an
// error the record may or may not be there.
func (k *Keeper) append(ctx context.Context, r *ledger.Record) (ledger.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTime)
	defer cancel()
	r.Nonce, r.Owner = random[[16]byte](), k.owner
	waiter := make(chan ledger.Outcome, 1)
	k.mu.Lock()
	k.waiters[r.Nonce] = waiter
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		delete(k.waiters, r.Nonce)
		k.mu.Unlock()
	}()
	if _, err := k.Store.Append(ctx, r.Encode(k.Key)); err != nil {
		return ledger.Outcome{}, fmt.Errorf("writing to the quarantine's log: %w", err)
	}
	select {
	case out := <-waiter:
		return out, nil
	case <-ctx.Done():
		return ledger.Outcome{}, fmt.Errorf("waiting for the quarantine's log: %w", ctx.Err())
	}
}

// record begins a record about e.
func (k *Keeper) record(e ledger.Entry, kind ledger.Kind) *ledger.Record {
	return &ledger.Record{Item: e.Key, Trace: e.Trace, Kind: kind, Expect: e.Version, At: later(k.Now(), e.Last)}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// entry returns what is known of an item.
func (k *Keeper) entry(id envelope.ID) (ledger.Entry, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.ready {
		return ledger.Entry{}, gate.ErrNotReady
	}
	e, ok := k.ledger.Get(id)
	if !ok {
		return ledger.Entry{}, gate.ErrNotFound
	}
	return e, nil
}

// logEvery bounds log lines that data or trouble can cause over and over.
const logEvery = time.Minute

func (k *Keeper) seldom(message string, fields ...zap.Field) {
	k.onceMu.Lock()
	last, ok := k.once[message]
	now := time.Now()
	if ok && now.Sub(last) < logEvery {
		k.onceMu.Unlock()
		return
	}
	k.once[message] = now
	k.onceMu.Unlock()
	k.Log.Warn(message, fields...)
}

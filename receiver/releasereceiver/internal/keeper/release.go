package keeper

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/pause"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// release makes one attempt at an approved item: claim, tell the audit log,
// open, send, tell the audit log, write that it is done. Only the gate whose claim
// stands in the log sends, and only for the length of its lease.
func (k *Keeper) release(ctx context.Context, e ledger.Entry) {
	if e.State == gate.Releasing && !k.freed(ctx, &e) {
		return
	}
	began := time.Now()
	leased, cancel := context.WithTimeout(ctx, k.Lease) // from before the claim, so it ends before others see it end
	defer cancel()
	r := k.record(e, ledger.Claim)
	r.Lease, r.Attempt = k.Lease, e.Attempts+1
	r.At = later(r.At, e.Until)
	out, err := k.append(leased, r)
	if err != nil {
		k.seldom("an approved item could not be claimed", zap.Error(err))
		return
	}
	if !out.Applied {
		return // another gate was faster
	}
	e, err = k.entry(e.Key)
	if err != nil || e.Claim != k.owner || e.Attempts != r.Attempt {
		return
	}
	err = k.send(leased, e)
	if err == nil {
		k.Observer.Released(e.Mode, "success", time.Since(began))
		k.settle(ctx, e, ledger.Released, "")
		return
	}
	k.Observer.Released(e.Mode, "failure", time.Since(began))
	kind, why := ledger.Failed, whyFailed(err)
	if ctx.Err() != nil {
		kind = ledger.Unclaim // we are shutting down: it is nobody's fault
	}
	k.Log.Warn("an approved item was not released; it will be tried again",
		zap.String("item", e.ID), zap.Int("attempt", e.Attempts), zap.String("why", why))
	k.settle(ctx, e, kind, why)
}

// freed ends a claim whose owner did not: by its end, or at once if its owner
// is dead. wait has seen to it that the lease is over.
func (k *Keeper) freed(ctx context.Context, e *ledger.Entry) bool {
	if !k.dead(e.Claim) {
		return true // the next claim takes its place
	}
	r := k.record(*e, ledger.Unclaim)
	r.Reason = "the process that claimed it has ended"
	out, err := k.append(ctx, r)
	if err != nil || !out.Applied {
		return false
	}
	*e, err = k.entry(e.Key)
	return err == nil && e.State == gate.Approved
}

// send opens the item and sends it on its way. Both are told first: who has
// opened an original has seen the secrets.
func (k *Keeper) send(ctx context.Context, e ledger.Entry) error {
	attempt := about(event.Releasing, k.Now(), e)
	attempt.Mode, attempt.Attempt, attempt.Version = e.Mode, e.Attempts, e.Version
	if err := k.audit(ctx, k.approval(e), attempt); err != nil {
		return err
	}
	t, approved, err := k.Contents.Release(ctx, e)
	if err != nil {
		return err
	}
	if err := k.Send(ctx, &release.Release{Item: e.ID, Mode: e.Mode, Attempt: e.Attempts, Approved: approved}, t); err != nil {
		return errors.Join(errPipeline, err)
	}
	// From here on the item is out: failing now would send it once more.
	done := about(event.Released, k.Now(), e)
	done.Mode, done.Attempt, done.Version = e.Mode, e.Attempts, e.Version+1
	return k.persist(ctx, func() error { return k.audit(ctx, done) })
}

// approval is the event of the decision. It is the same one however often and
// by whichever gate it is told.
func (k *Keeper) approval(e ledger.Entry) event.Event {
	ev := about(event.Approved, e.Last, e)
	for _, c := range e.History {
		if c.Event == string(gate.Approved) {
			ev.At, ev.Version = c.At, c.Version
		}
	}
	ev.Mode, ev.Required, ev.Votes = e.Mode, e.RequiredVotes, votesOf(e)
	return ev
}

func votesOf(e ledger.Entry) []event.Vote {
	votes := make([]event.Vote, 0, len(e.Votes))
	for _, v := range e.Votes {
		votes = append(votes, event.Vote{User: v.By, Decision: v.Decision, Mode: v.Mode})
	}
	return votes
}

// persist tries until it works or ctx ends, whose error is then the answer.
func (k *Keeper) persist(ctx context.Context, try func() error) error {
	wait := 100 * time.Millisecond
	for {
		err := try()
		if err == nil || pause.For(ctx, wait) != nil {
			return err
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// settleTime is how long a gate tries to write how an attempt ended, whatever
// else ends meanwhile.
const settleTime = 5 * time.Second

// settle writes how an attempt ended. Without this record another one follows
// once the lease is over, with the next number.
func (k *Keeper) settle(ctx context.Context, e ledger.Entry, kind ledger.Kind, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	err := k.persist(ctx, func() error {
		r := k.record(e, kind)
		r.Attempt, r.Reason = e.Attempts, why
		_, err := k.append(ctx, r)
		return err // refused is as final as applied: the claim is not ours any more
	})
	if err != nil {
		k.seldom("how an attempt to release ended could not be written; there will be another one", zap.Error(err))
	}
}

var errPipeline = errors.New("the pipeline did not take it")

// whyFailed says why in our own words: errors of other components may quote
// what they were given.
func whyFailed(err error) string {
	switch {
	case errors.Is(err, gate.ErrAudit):
		return gate.ErrAudit.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "it took longer than the lease"
	case errors.Is(err, context.Canceled):
		return "the gate stops"
	case errors.Is(err, errPipeline) && consumererror.IsPermanent(err):
		return "the pipeline refused it for good"
	case errors.Is(err, errPipeline):
		return errPipeline.Error()
	}
	for _, known := range []error{holdstore.ErrGone, holdstore.ErrCorrupt, unseal.ErrNoKey, unseal.ErrDamaged, content.ErrOther, content.ErrPatches} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the store did not answer"
}

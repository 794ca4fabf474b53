package keeper

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// audit records what is about to happen, or has. Without it nothing may
// happen. Before anything else the audit log has that the gate has started, and
// the news.
func (k *Keeper) audit(ctx context.Context, events ...event.Event) error {
	err := k.announce(ctx)
	if err == nil && len(events) > 0 {
		err = k.Emit(ctx, events...)
	}
	if err != nil {
		k.Observer.AuditFailed()
		k.seldom("the audit log does not accept entries: nothing is decided, shown, released or destroyed", zap.Error(err))
		return errors.Join(gate.ErrAudit, err)
	}
	return nil
}

// announce tells that the gate has started, and the news, until it has worked once.
func (k *Keeper) announce(ctx context.Context) error {
	if k.announced.Load() {
		return nil
	}
	select {
	case k.telling <- struct{}{}:
		defer func() { <-k.telling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if k.announced.Load() {
		return nil
	}
	started := event.Event{Name: event.Started, At: k.began, Policy: k.Rules, Config: k.Config}
	if err := k.Emit(ctx, append([]event.Event{started}, k.News...)...); err != nil {
		return err
	}
	k.announced.Store(true)
	if k.Told != nil {
		if err := k.Told(); err != nil {
			k.seldom("that the audit log knows the rules about votes could not be written: the next start tells it again", zap.Error(err))
		}
	}
	return nil
}

// about begins an event about e.
func about(name string, at time.Time, e ledger.Entry) event.Event {
	return event.Event{
		Name: name, At: at, Trace: e.Trace, Item: e.ID, Signal: e.Signal, Service: e.Service, Severity: e.Severity,
		Rules: e.Rules, Findings: e.Findings, Secrets: e.Secrets, Units: e.Spans, Policy: e.Policy, Producer: e.Producer,
	}
}

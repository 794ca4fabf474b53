package verdictconnector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
)

// The reasons of refusals, as the metric has them.
const (
	reasonUnscanned    = "unscanned"
	reasonNotRescanned = "not_rescanned"
	reasonNoQuarantine = "no_quarantine"
	reasonNoAudit      = "no_audit"
	reasonEvent        = "event"
	reasonEncoding     = "encoding"

	stepAudit      = "audit"
	stepQuarantine = "quarantine"
	stepClean      = "clean"
)

// refusal is the error of whatever was not taken. It has no Unwrap: what
// pipelines return might be permanent, or have a gRPC status that makes
// senders give up, and nothing here is worth losing data for.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// way is how the batches of one signal go.
type way[B, R, S, U any] struct {
	*shared
	sh *shape.Shape[B, R, S, U]
	// clean and quarantine hand a batch to their pipelines. quarantine is nil
	// if there are none.
	clean, quarantine func(context.Context, B) error
	// audit is that of the signal's connector to logs; nil until it is made.
	audit func() consumer.Logs
}

// consume carries out what the stamps of a batch say.
func (w *way[B, R, S, U]) consume(ctx context.Context, batch B) error {
	if release.IsEvent(ctx) {
		return w.refuse(ctx, reasonEvent, errors.New("audit events are log records"))
	}
	released := release.From(ctx)
	if released != nil && !released.Scanned() {
		return w.refuse(ctx, reasonNotRescanned, errors.New("a release was not scanned again: secret_mask must be between release_gate and verdict"))
	}
	remembered := w.held
	if released != nil {
		// That it was held is why it was released.
		remembered = nil
	}
	now := w.now()
	l := lookAt(w.sh, batch, remembered, now)
	switch {
	case !l.scanned:
		return w.refuse(ctx, reasonUnscanned, errors.New("the data were not scanned: secret_mask must be before verdict"))
	case !l.any && !l.held:
		return w.pass(ctx, w.plain(batch), l.units)
	case l.held && w.quarantine == nil:
		return w.refuse(ctx, reasonNoQuarantine, errors.New("something is to be held, but verdict has no quarantine pipeline for "+w.sh.Signal))
	}
	if len(l.traces) > 0 {
		// Before anything else: what comes meanwhile is held as well.
		w.held.hold(l.traces, now)
	}
	return w.deliver(ctx, batch, l, now)
}

// plain is a batch without findings, as the clean pipelines get it.
func (w *way[B, R, S, U]) plain(batch B) B {
	if w.cfg.Annotate != annotateNone {
		return batch
	}
	own := part(w.sh, batch, look{}, false)
	trim(w.sh, own, annotateNone)
	return own
}

// deliver tells the audit pipelines about a batch with findings, and then
// hands its parts to where they belong.
func (w *way[B, R, S, U]) deliver(ctx context.Context, batch B, l look, now time.Time) error {
	var items []item.Item
	held, clean, copied := 0, batch, false
	toHold := batch
	all := l.units
	if l.held {
		held, all = heldUnits(w.sh, batch, l)
		if held < all {
			toHold, clean, copied = part(w.sh, batch, l, true), part(w.sh, batch, l, false), true
		}
		var err error
		if items, err = item.Of(w.sh, toHold); err != nil {
			return w.refuse(ctx, reasonEncoding, err)
		}
	}
	rest := held < all || !l.held
	var found []item.Summary
	if rest {
		found = item.Findings(w.sh, clean)
	}
	if err := w.tell(ctx, events(items, found, now)); err != nil {
		return err
	}
	if l.held {
		began := w.now()
		err := w.quarantine(ctx, toHold)
		w.tel.step(ctx, stepQuarantine, w.now().Sub(began))
		if err != nil {
			return w.refuse(ctx, stepQuarantine, err)
		}
		w.tel.passed(ctx, w.sh.Signal, "held", held)
	}
	if !rest {
		return nil
	}
	if trims := l.patch || w.cfg.Annotate == annotateNone || w.cfg.Annotate == annotateSummary && l.list; trims {
		if !copied {
			clean = part(w.sh, batch, look{}, false)
		}
		trim(w.sh, clean, w.cfg.Annotate)
	}
	return w.pass(ctx, clean, all-held)
}

// pass hands a batch to the clean pipelines.
func (w *way[B, R, S, U]) pass(ctx context.Context, batch B, units int) error {
	began := w.now()
	err := w.clean(ctx, batch)
	w.tel.step(ctx, stepClean, w.now().Sub(began))
	if err != nil {
		return w.refuse(ctx, stepClean, err)
	}
	w.tel.passed(ctx, w.sh.Signal, "clean", units)
	return nil
}

// tell hands events to the audit pipelines.
func (w *way[B, R, S, U]) tell(ctx context.Context, all []event.Event) error {
	if len(all) == 0 {
		return nil
	}
	return w.record(ctx, w.source.Logs(all...), len(all))
}

// record hands log records that are events to the audit pipelines.
func (w *way[B, R, S, U]) record(ctx context.Context, ld plog.Logs, n int) error {
	audit := w.audit()
	if audit == nil {
		return w.refuse(ctx, reasonNoAudit, errors.New("verdict has no audit pipeline"))
	}
	began := w.now()
	err := audit.ConsumeLogs(release.WithEvent(ctx), ld)
	w.tel.step(ctx, stepAudit, w.now().Sub(began))
	if err != nil {
		return w.refuse(ctx, stepAudit, err)
	}
	w.tel.events.Add(ctx, int64(n))
	return nil
}

// refuse counts a refusal and makes its error.
func (w *way[B, R, S, U]) refuse(ctx context.Context, reason string, err error) error {
	w.tel.refuse(ctx, w.sh.Signal, reason)
	return &refusal{fmt.Sprintf("verdict: %s: %v", reason, err)}
}

// events says what is held and what was found in the rest.
func events(items []item.Item, found []item.Summary, now time.Time) []event.Event {
	all := make([]event.Event, 0, len(items)+len(found))
	for i := range items {
		all = append(all, eventOf(event.Held, &items[i].Summary, now))
	}
	for i := range found {
		name := event.Masked
		if !found[i].Masked {
			name = event.Passed
		}
		all = append(all, eventOf(name, &found[i], now))
	}
	return all
}

func eventOf(name string, s *item.Summary, now time.Time) event.Event {
	return event.Event{
		Name: name, At: now, Trace: s.Trace, Item: s.ID.String(), Signal: s.Signal, Service: s.Service,
		Severity: s.Severity, Rules: s.Rules, Findings: s.Findings, Secrets: s.Secrets, Units: s.Spans,
		Policy: s.Policy, Producer: s.Producer, List: s.List,
	}
}

package verdictconnector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"

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

var errNoAudit = errors.New("verdict has no audit pipeline")

// refusal is the error of whatever was not taken. It has no Unwrap: what
// pipelines return might be permanent, or have a gRPC status that makes
// senders give up, and nothing here is worth losing data for.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// way is how the batches of one signal go.
type way[B, R, S, U any] struct {
	*shared
	sh     *shape.Shape[B, R, S, U]
	signal pipeline.Signal
	// clean and quarantine hand a batch to their pipelines. quarantine is nil
	// if there are none.
	clean, quarantine func(context.Context, B) error
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
	l := lookAt(w.sh, batch, remembered, &w.told, now)
	if !l.scanned {
		return w.refuse(ctx, reasonUnscanned, errors.New("the data were not scanned: secret_mask must be before verdict"))
	}
	policies := l.policies // also those of what was dropped
	var dropped []item.Summary
	if l.dropped {
		dropped = item.Dropped(w.sh, batch)
		batch = item.Kept(w.sh, batch)
		l = lookAt(w.sh, batch, remembered, &w.told, now)
	}
	if l.held && w.quarantine == nil {
		return w.refuse(ctx, reasonNoQuarantine, errors.New("something is to be held, but verdict has no quarantine pipeline for "+w.sh.Signal))
	}
	if len(policies) > 0 || !w.told.started.Load() {
		if err := w.announce(ctx, policies); err != nil {
			return err
		}
	}
	if !l.any && !l.held && dropped == nil {
		return w.pass(ctx, w.plain(batch), l.units)
	}
	if len(l.traces) > 0 {
		// Before anything else: what comes meanwhile is held as well.
		w.held.hold(l.traces, now)
	}
	var records *item.Records
	if w.cfg.Record == recordMasked && (released == nil || released.Mode != release.ModeOriginal) {
		// In what people let out as it was secrets stand in the clear.
		records = &item.Records{}
	}
	return w.deliver(ctx, batch, l, dropped, records, now)
}

// announce tells the audit pipelines what they must know before any data go on.
func (w *way[B, R, S, U]) announce(ctx context.Context, policies []string) error {
	audit := w.auditOf(w.signal)
	if audit == nil {
		return w.refuse(ctx, reasonNoAudit, errNoAudit)
	}
	if err := w.shared.announce(ctx, audit, policies); err != nil {
		return w.refuse(ctx, stepAudit, err)
	}
	return nil
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

// deliver tells the audit pipelines about a batch with findings, and what was
// dropped from it, and then hands its parts to where they belong.
func (w *way[B, R, S, U]) deliver(ctx context.Context, batch B, l look, dropped []item.Summary, records *item.Records, now time.Time) error {
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
	var found []item.Found
	if rest {
		found = item.Findings(w.sh, clean)
	}
	news, err := events(dropped, items, found, records, now)
	if err != nil {
		return w.refuse(ctx, reasonEncoding, err)
	}
	w.tel.recorded(ctx, records)
	if len(news) > 0 {
		if err := w.tell(ctx, w.source.Logs(news...)); err != nil {
			return err
		}
	}
	for i := range dropped {
		w.tel.passed(ctx, w.sh.Signal, "dropped", dropped[i].Spans)
	}
	if w.sh.Resources(batch) == 0 && dropped != nil {
		return nil // nothing is left of it
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
		if !copied && dropped == nil { // otherwise it is a copy already
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

// tell hands log records that are events to the audit pipelines.
func (w *way[B, R, S, U]) tell(ctx context.Context, ld plog.Logs) error {
	audit := w.auditOf(w.signal)
	if audit == nil {
		return w.refuse(ctx, reasonNoAudit, errNoAudit)
	}
	if err := w.send(ctx, audit, ld); err != nil {
		return w.refuse(ctx, stepAudit, err)
	}
	return nil
}

// refuse counts a refusal and makes its error.
func (w *way[B, R, S, U]) refuse(ctx context.Context, reason string, err error) error {
	w.tel.refuse(ctx, w.sh.Signal, reason)
	return &refusal{fmt.Sprintf("verdict: %s: %v", reason, err)}
}

// events says what was dropped, what is held and what was found in the rest,
// with the masked telemetry if records is not nil and there is any left.
func events(dropped []item.Summary, items []item.Item, found []item.Found, records *item.Records, now time.Time) ([]event.Event, error) {
	all := make([]event.Event, 0, len(dropped)+len(items)+len(found))
	for i := range dropped {
		all = append(all, eventOf(event.Dropped, &dropped[i], now))
	}
	for i := range items {
		e := eventOf(event.Held, &items[i].Summary, now)
		if records != nil {
			e.Record = records.Held(&items[i])
		}
		all = append(all, e)
	}
	for i := range found {
		name := event.Masked
		if !found[i].Masked {
			name = event.Passed
		}
		e := eventOf(name, &found[i].Summary, now)
		if records != nil {
			var err error
			if e.Record, err = records.Found(&found[i]); err != nil {
				return nil, err
			}
		}
		all = append(all, e)
	}
	return all, nil
}

func eventOf(name string, s *item.Summary, now time.Time) event.Event {
	return event.Event{
		Name: name, At: now, Trace: s.Trace, Item: s.ID.String(), Signal: s.Signal, Service: s.Service,
		Severity: s.Severity, Rules: s.Rules, Findings: s.Findings, Secrets: s.Secrets, Units: s.Spans,
		Policy: s.Policy, Producer: s.Producer, List: s.List, Conversation: s.Conversation,
	}
}

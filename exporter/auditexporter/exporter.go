package auditexporter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/seldom"
)

// maxWaiting is how many bytes of events may wait for the disk. While it does
// not answer each batch waits for the timeout: without a bound they would fill
// the memory. A larger batch waits alone.
const maxWaiting = 128 << 20

var (
	errNotRunning = errors.New("the exporter is not running")
	errBusy       = errors.New("too much waits for the disk")
)

// audit is the exporter.
type audit struct {
	cfg    *Config
	set    component.TelemetrySettings
	log    *zap.Logger
	seldom *seldom.Log
	now    func() time.Time
	// open is auditlog.Open, maxWaiting and settle are the constants, but in tests.
	open       func(auditlog.Config) (*auditlog.Writer, error)
	maxWaiting int64
	settle     time.Duration

	// mu guards working: what there is between Start and Shutdown. Whoever
	// writes holds it for reading, so that nothing ends under their hands.
	mu      sync.RWMutex
	working *working
}

// Capabilities: events are copied.
func (*audit) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeLogs writes the entries of a batch's events. Errors are permanent for
// events that cannot be entries, after all others have been written, and for
// nothing else: a sender that tries again does not make entries twice.
func (a *audit) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	w := a.working
	if w == nil {
		return errNotRunning
	}
	size := int64((&plog.ProtoMarshaler{}).LogsSize(ld))
	if waiting := w.waiting.Add(size); waiting > a.maxWaiting && waiting > size {
		w.waiting.Add(-size)
		w.tel.failed(ctx, reasonBusy, ld.LogRecordCount())
		return errBusy
	}
	defer w.waiting.Add(-size)
	t := readLogs(ld)
	if t.foreign > 0 {
		w.tel.foreign.Add(ctx, int64(t.foreign))
		a.seldom.Warn("log records that are no audit events are not written", t.foreign)
	}
	if len(t.events) > 0 {
		ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
		defer cancel()
		if err := w.take(ctx, t, size); err != nil {
			w.tel.failed(ctx, reasonOf(err), len(t.events))
			if errors.Is(err, auditlog.Invalid) {
				return consumererror.NewPermanent(fmt.Errorf("audit_log: %w", err))
			}
			// Cut off from what it wraps, so that nothing within can tell a
			// receiver that trying again is in vain.
			return fmt.Errorf("audit_log: %s", strings.TrimPrefix(err.Error(), "audit log: "))
		}
	}
	if t.refused > 0 {
		w.tel.failed(ctx, reasonInvalid, t.refused)
		a.seldom.Warn("events that cannot be entries are refused", t.refused, zap.String("why", t.why.Error()))
		return consumererror.NewPermanent(fmt.Errorf("audit_log: %d of %d events cannot be entries: %w", t.refused, t.refused+len(t.events), t.why))
	}
	return nil
}

// take makes entries of a batch's events, or keeps them for later where policy
// says so. The batch has so many bytes.
func (w *working) take(ctx context.Context, t *told, size int64) error {
	began := time.Now()
	err := w.write(ctx, t)
	w.tel.seconds.Record(ctx, time.Since(began).Seconds())
	w.note()
	if err == nil {
		w.tel.written(ctx, t.events)
		return nil
	}
	if !w.buffers || !passing(err) || len(t.bodies) > 0 || !canWait(t.events) {
		return err
	}
	if !w.buffer.add(t.events, size) {
		return fmt.Errorf("%w: %w", errBufferFull, err)
	}
	return nil
}

// write makes entries durable, with what they name before them.
func (w *working) write(ctx context.Context, t *told) error {
	if len(t.bodies) > 0 {
		_, err := w.records.Put(w.now(), t.bodies...)
		if w.recordsFail.Store(err != nil); err != nil {
			return &recordError{err}
		}
		w.tel.kept(ctx, t.bodies)
	}
	if _, err := w.writer.Append(ctx, t.events...); err != nil {
		return err
	}
	if !decides(t.events) {
		return nil
	}
	_, err := w.writer.Checkpoint(ctx)
	return err
}

// recordError is trouble with what an entry would have named.
type recordError struct{ err error }

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// passing says that the same event may be written later: neither the event nor
// the log itself is at fault.
func passing(err error) bool {
	return errors.Is(err, auditlog.Full) || errors.Is(err, auditlog.ReadOnly) || errors.Is(err, auditlog.Failed) ||
		errors.Is(err, context.DeadlineExceeded)
}

// canWait says that the entries of events may come after their effects: those
// of what was masked and goes on. What is held, decided or released waits for
// its entry whatever the policy.
func canWait(events []auditlog.Event) bool {
	for i := range events {
		if k := events[i].Kind; k != event.Masked && k != event.Passed {
			return false
		}
	}
	return true
}

// decides says that one of the events must not be cut off the log's end
// unnoticed: a checkpoint covers it before its sender goes on.
func decides(events []auditlog.Event) bool {
	for i := range events {
		switch k := events[i].Kind; k {
		case event.Approved, event.Denied, event.Expired, event.Released, event.Shredded, event.PolicyChanged:
			return true
		default:
			if strings.HasPrefix(k, "tracescrub.key.") {
				return true
			}
		}
	}
	return false
}

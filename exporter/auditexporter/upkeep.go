package auditexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// troubles are the states that a log can be in but for a good one.
var troubles = []string{reasonFull, reasonReadOnly, reasonCorrupt, reasonFailed, reasonRecord}

// state is one of troubles, or empty, and why.
func (w *working) state() (string, error) {
	switch err := w.writer.State().Err; {
	case err != nil:
		return reasonOf(err), err
	case w.recordsFail.Load():
		return reasonRecord, errors.New("masked telemetry cannot be kept beside the audit log")
	case w.damaged.Load():
		return reasonCorrupt, errors.New("the audit log is damaged")
	}
	return "", nil
}

// note says in the log, and to whoever watches components, when the state changes.
func (w *working) note() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, err := w.state()
	before := w.trouble
	w.trouble = now
	switch {
	case now == before:
	case now == "":
		w.log.Info("the audit log is well again")
		componentstatus.ReportStatus(w.host, componentstatus.NewEvent(componentstatus.StatusOK))
	default:
		w.log.Error("trouble with the audit log; what cannot be recorded does not happen", zap.String("trouble", now), zap.Error(err))
		componentstatus.ReportStatus(w.host, componentstatus.NewRecoverableErrorEvent(err))
	}
}

// watch notices what happens without traffic, and writes what waits.
func (w *working) watch(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.flush(ctx)
			w.note()
		}
	}
}

const (
	pruneEvery = 24 * time.Hour
	// settleTime is how long a clock has to be set right, after a start or a
	// leap, before anything is removed by it: what is removed does not come back.
	settleTime = 15 * time.Minute
	leap       = 5 * time.Minute // what is more than this is no correction
)

// keep removes what is too old, and checks what is there. When it began, the
// clock on the wall showed wall.
func (w *working) keep(ctx context.Context, began, wall time.Time) {
	prune := time.NewTimer(w.settle)
	defer prune.Stop()
	var check <-chan time.Time
	if w.cfg.CheckInterval > 0 {
		t := time.NewTicker(w.cfg.CheckInterval)
		defer t.Stop()
		check = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-prune.C:
			now := w.now().Round(0)
			if now.Sub(wall) > time.Since(began)+leap {
				w.log.Warn("the clock was set forward: nothing is removed for a while, in case that was a mistake")
				began, wall = time.Now(), now
				prune.Reset(w.settle)
				continue
			}
			w.prune(ctx)
			prune.Reset(pruneEvery)
		case <-check:
			w.check(ctx)
		}
	}
}

func (w *working) prune(ctx context.Context) {
	if d := w.cfg.Retention.Entries; d > 0 {
		n, err := exclusive{w}.Prune(ctx, w.now().Add(-d))
		w.pruned(ctx, "segments", n, err)
	}
	if d := w.cfg.Retention.Records; d > 0 {
		n, err := w.records.Prune(w.now().Add(-d))
		w.pruned(ctx, "records", n, err)
	}
}

func (w *working) pruned(ctx context.Context, what string, n int, err error) {
	w.tel.prune(ctx, what, n)
	if n > 0 {
		w.log.Info("what was kept long enough has been removed", zap.String("what", what), zap.Int("count", n))
	}
	if err != nil && ctx.Err() == nil {
		w.log.Error("what was kept long enough cannot be removed", zap.String("what", what), zap.Error(err))
	}
}

// check verifies the whole log. What it finds does not stop the data: entries
// are written as before, and who should know does.
func (w *working) check(ctx context.Context) {
	r, err := w.verify(ctx)
	if err == nil && len(r.Problems) > 0 {
		// Something may have been removed or replaced meanwhile.
		w.upkeep.Lock()
		r, err = w.verify(ctx)
		w.upkeep.Unlock()
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.log.Error("the audit log cannot be checked", zap.Error(err))
		return
	}
	n := len(r.Problems) + int(r.More)
	w.tel.problems.Record(ctx, int64(n))
	w.damaged.Store(n > 0)
	if n > 0 {
		w.log.Error("the audit log is damaged; tracescrub audit verify says where", zap.Int("problems", n), zap.String("first", string(r.Problems[0].Code)))
	}
	w.note()
}

func (w *working) verify(ctx context.Context) (*verify.Report, error) {
	return verify.Run(ctx, verify.Options{Directory: w.cfg.Directory, Keys: []string{w.key}})
}

// exclusive is the log for who changes files that are there.
type exclusive struct{ w *working }

// EraseSubject is that of auditlog.Writer, as are the others.
func (e exclusive) EraseSubject(ctx context.Context, subject string) (int, error) {
	e.w.upkeep.Lock()
	defer e.w.upkeep.Unlock()
	return e.w.writer.EraseSubject(ctx, subject)
}

func (e exclusive) Prune(ctx context.Context, before time.Time) (int, error) {
	e.w.upkeep.Lock()
	defer e.w.upkeep.Unlock()
	return e.w.writer.Prune(ctx, before)
}

func (e exclusive) RotateKey(ctx context.Context) error {
	e.w.upkeep.Lock()
	defer e.w.upkeep.Unlock()
	return e.w.writer.RotateKey(ctx)
}

func (e exclusive) Checkpoint(ctx context.Context) ([]byte, error) { return e.w.writer.Checkpoint(ctx) }

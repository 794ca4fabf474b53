package facts

import (
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
)

// maxSilences is how many are listed.
const maxSilences = 200

// watch looks for times without entries. An entry covers the time up to the
// next one, if that is not further away than bound.
type watch struct {
	bound time.Duration
	c     *Continuity

	any  bool // there was an entry
	seq  int64
	kind string
	at   time.Time
	from time.Time // where the period begins
}

// Why there was silence.
const (
	whyStopped = "stopped" // the log was closed in order, and opened again
	whyGap     = "gap"     // the log tells of the interruption
	whyBefore  = "before"  // the log does not go back so far
	whyAfter   = "after"   // nothing has been written since
	whyUntold  = "untold"  // nothing in the log says why
)

// before takes an entry before the period.
func (w *watch) before(e *entry.Entry) {
	w.any, w.seq, w.kind, w.at = true, e.Seq, e.Kind, e.Logged
}

// next is the place of the entry after those that were taken.
func (w *watch) next() int64 {
	if !w.any {
		return 0
	}
	return w.seq + 1
}

func (w *watch) begin(from time.Time) {
	w.from = from
	w.c.Bound = int64(w.bound / time.Second)
	w.c.Listed, w.c.Gaps = []Silence{}, []Change{}
	if !w.any {
		w.seq = -1
	}
	if w.at.Before(from) {
		w.at = from
	}
}

// take takes an entry of the period.
func (w *watch) take(e *entry.Entry) {
	why := whyUntold
	switch {
	case !w.any:
		why = whyBefore
	case e.Kind == entry.Gap:
		why = whyGap
	case w.kind == entry.Closed:
		why = whyStopped
	}
	w.silent(e.Logged, why)
	switch e.Kind {
	case entry.Heartbeat:
		w.c.Heartbeats++
	case entry.Opened:
		w.c.Opened++
	case entry.Closed:
		w.c.Closed++
	case entry.Gap:
		w.c.Gaps = append(w.c.Gaps, Change{
			Seq: e.Seq, Kind: kindOf(e), At: e.Logged,
			What: text(e.Attributes, "reason") + ", nothing since " + text(e.Attributes, "since"),
		})
	}
	w.before(e)
}

// silent takes the time from the last entry to the next.
func (w *watch) silent(to time.Time, why string) {
	took := to.Sub(w.at)
	if took <= w.bound && why != whyBefore {
		w.c.Covered += int64(took)
	}
	s := Silence{From: w.at, To: to, Seconds: int64(took / time.Second), After: w.seq, Why: why}
	if took > 0 && (w.c.Longest == nil || took > w.c.Longest.To.Sub(w.c.Longest.From)) {
		w.c.Longest = &s
	}
	if took > w.bound {
		if len(w.c.Listed) < maxSilences {
			w.c.Listed = append(w.c.Listed, s)
		} else {
			w.c.More++
		}
	}
}

// end ends the period.
func (w *watch) end(to time.Time) {
	why := whyAfter
	if w.kind == entry.Closed {
		why = whyStopped
	}
	if !w.any {
		why = whyBefore
	}
	if to.After(w.at) {
		w.silent(to, why)
	}
	w.c.Covered /= int64(time.Second)
	if to.After(w.from) {
		w.c.Of = int64(to.Sub(w.from) / time.Second)
	}
}
